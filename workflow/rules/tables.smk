# From runs to tables: sums are added, means and intervals are taken here for the first time.

TABLES = {
    "datasets": expand("results/interactions/{dataset}.counts.json", dataset=GRID.datasets),
    "comparison": runs("outcomes"),
    "running-popularity": runs("outcomes", "sizes"),
    "sizes": runs("sizes"),
    "mean-size": runs("sizes"),
    "size-stream": runs("sizes"),
    "stream": runs("progress"),
    "claims": runs("outcomes", "sizes", "progress", "allocation") + levels(),
    "claim-details": runs("outcomes", "sizes", "progress", "allocation") + levels(),
    **({"ablation": trials("outcomes")} if GRID.ablation else {}),
    **({"popularity": levels(), "crossings": levels()} if levels() else {}),
}

RESTARTING = [name for name, stream in GRID.config.streams.items() if stream.popularity == "restart"]
"""Streams whose counts do not say in the test part how rare an id is."""


rule tabulate:
    input:
        files=lambda wildcards: TABLES[wildcards.table],
        code=code("autoemb.commands.tabulate"),
    output:
        report(
            "results/tables/{table}.csv",
            caption="../report/table.rst",
            category="Tables",
            labels={"table": "{table}"},
        ),
        multiext("results/tables/{table}", ".md", ".tex"),
        record="results/provenance/tables/{table}.json",
    log:
        "results/logs/tabulate/{table}.log",
    conda:
        "../../environment.yml"
    resources:
        mem_mb=more(4000),
        runtime=more(30),
    params:
        stem=subpath(output[0], strip_suffix=".csv"),
        restarting=lambda wildcards: RESTARTING if wildcards.table in ("claims", "claim-details") else [],
        packages=packages("autoemb.commands.tabulate"),
    shell:
        "autoemb tabulate {wildcards.table} --inputs {input.files:q} --restarting {params.restarting:q}"
        " --out {params.stem:q} --record {output.record:q} 2> {log:q}"


rule tables:
    input:
        expand("results/tables/{table}.{end}", table=TABLES, end=["csv", "md", "tex"]),
    localrule: True


rule configuration:
    output:
        "results/config.json",
    log:
        "results/logs/configuration.log",
    localrule: True
    conda:
        "../../environment.yml"
    params:
        config=json.dumps(config, default=str),
    shell:
        "printf '%s\n' {params.config:q} > {output:q} 2> {log:q}"
