# From tables to answers: which size for whom, on every data set of the config.

from autoemb.analysis.advice.answers import ANSWERING


rule answer:
    input:
        tables=expand("<results>/tables/{table}.csv", table=[name for name in ANSWERING if name in TABLES]),
        interactions=expand("<results>/interactions/{dataset}.parquet", dataset=GRID.datasets),
        ids=expand("<results>/interactions/{dataset}.{ids}.parquet", dataset=GRID.datasets, ids=["users", "items"]),
        code=code("autoemb.commands.answer"),
    output:
        page="<results>/advice.html",
        json="<results>/advice.json",
        sizes="<results>/sizes.csv",
        record="<results>/provenance/advice.json",
    log:
        "<results>/logs/answer/answer.log",
    conda:
        "../../environment.yml"
    resources:
        mem_mb=more(8000),
        runtime=more(30),
    params:
        sampled=[f"{name}={stream.users}" for name, stream in GRID.config.streams.items() if stream.users < 1],
        packages=packages("autoemb.commands.answer"),
    shell:
        "autoemb answer --tables {input.tables:q} --interactions {input.interactions:q}"
        " --sampled {params.sampled:q} --out {output.page:q}"
        " --json {output.json:q} --sizes {output.sizes:q} --record {output.record:q} 2> {log:q}"


rule advice:
    input:
        rules.answer.output,
    localrule: True
