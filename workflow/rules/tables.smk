# From runs to tables: sums are added, means and intervals are taken here for the first time.

from autoemb.analysis import replicates
from autoemb.analysis.catalogue import TABLES as CATALOGUE
from autoemb.schema import RUN_TABLES

KINDS = {
    **{table.name: runs(table.name) for table in RUN_TABLES},
    "trials": trials("outcomes"),
    "levels": levels(),
    "fixed": [
        f"<results>/runs/{dataset}/{stream}/{task}/{method}/outcomes.parquet"
        for dataset, stream in replicates.like_released_code(GRID)
        for task in GRID.config.tasks
        for method in GRID.methods
    ],
    "tuned": tuning(f"tuned/{OF_SEED}/outcomes.parquet", shared=GRID.config.seeds),
    "tuned-users": tuning(f"tuned/{OF_SEED}/test-users.parquet", shared=GRID.config.seeds),
    "choices": tuning(f"tuning/{OF_SEED}/choice.json"),
    "streams": streams_of_tables(),
    "counts": expand("<results>/interactions/{dataset}.counts.json", dataset=GRID.datasets),
}
"""Kind of input -> all files of it."""

TABLES = {
    name: [file for kind in entry.reads for file in KINDS[kind]]
    for name, entry in CATALOGUE.items()
    if KINDS[entry.reads[0]]
}
"""Table -> the files that it reads; a table of what the config leaves out is not made."""

RESTARTING = replicates.restarting(GRID)
PERMUTED = replicates.permuted(GRID)


rule tabulate:
    input:
        files=lambda wildcards: TABLES[wildcards.table],
        code=code("autoemb.commands.tabulate"),
    output:
        report(
            "<results>/tables/{table}.csv",
            caption="../report/table.rst",
            category="Tables",
            labels={"table": "{table}"},
        ),
        multiext("<results>/tables/{table}", ".md", ".tex"),
        record="<results>/provenance/tables/{table}.json",
    log:
        "<results>/logs/tabulate/{table}.log",
    conda:
        "../../environment.yml"
    resources:
        mem_mb=more(4000),
        runtime=more(30),
    params:
        stem=subpath(output[0], strip_suffix=".csv"),
        restarting=lambda wildcards: RESTARTING if CATALOGUE[wildcards.table].on_frequency else [],
        permuted=lambda wildcards: PERMUTED if "varies" in CATALOGUE[wildcards.table].columns else [],
        batch_size=GRID.config.batch_size,
        caption=lambda wildcards: CATALOGUE[wildcards.table].caption,
        packages=packages("autoemb.commands.tabulate"),
    shell:
        "autoemb tabulate {wildcards.table} --inputs {input.files:q} --restarting {params.restarting:q}"
        " --permuted {params.permuted:q} --batch-size {params.batch_size}"
        " --out {params.stem:q} --record {output.record:q} 2> {log:q}"


rule tables:
    input:
        expand("<results>/tables/{table}.{end}", table=TABLES, end=["csv", "md", "tex"]),
    localrule: True


rule configuration:
    output:
        "<results>/config.json",
    log:
        "<results>/logs/configuration.log",
    localrule: True
    conda:
        "../../environment.yml"
    params:
        config=json.dumps(CONFIG),
    shell:
        "printf '%s\n' {params.config:q} > {output:q} 2> {log:q}"
