# From tables to pages for a browser: one on which a person chooses what to see, and one per table whose rows sort.

from autoemb.analysis.reading import EXPLORED


rule explore:
    input:
        tables=[f"<results>/tables/{table}.csv" for table in EXPLORED if table in TABLES],
        code=code("autoemb.commands.explore"),
    output:
        page="<results>/explorer.html",
        findings="<results>/findings.rst",
        record="<results>/provenance/explorer.json",
    log:
        "<results>/logs/explore/explorer.log",
    conda:
        "../../environment.yml"
    resources:
        mem_mb=more(2000),
        runtime=more(10),
    params:
        packages=packages("autoemb.commands.explore"),
    shell:
        "autoemb explore --inputs {input.tables:q} --out {output.page:q}"
        " --findings {output.findings:q} --record {output.record:q} 2> {log:q}"


rule sheets:  # Snakemake's report only offers a csv file to download
    input:
        tables=expand("<results>/tables/{table}.csv", table=TABLES),
        code=code("autoemb.commands.sheets"),
    output:
        [
            report(
                f"<results>/tables/{table}.html",
                caption="../report/sheet.rst",
                category="Tables",
                labels={"table": table, "form": "sortable page"},
            )
            for table in TABLES
        ],
        record="<results>/provenance/sheets.json",
    log:
        "<results>/logs/sheets/sheets.log",
    conda:
        "../../environment.yml"
    resources:
        mem_mb=more(2000),
        runtime=more(10),
    params:
        folder=subpath(output[0], parent=True),
        packages=packages("autoemb.commands.sheets"),
    shell:
        "autoemb sheets --inputs {input.tables:q} --out {params.folder:q} --record {output.record:q} 2> {log:q}"


rule explorer:
    input:
        rules.explore.output,
        rules.sheets.output,
    localrule: True
