# From tables to figures and pages: each notebook asks one question, draws its figures, and is kept as the record.

NOTEBOOKS = {
    "claims": (["claims", "verdicts", "datasets"], ["claims"]),
    "comparison": (["comparison", "frontier"], ["comparison", "frontier"]),
    "sizes": (["mean-size", "size-stream", "datasets"], ["sizes", "size-stream"]),
    "stream": (["stream", "streams"], ["stream"]),
    "tuning": (["tuned", "candidates"], ["tuned"]),
    "ablation": (["ablation"], ["ablation"]),
    "popularity": (
        ["levels", "crossings", "popularity-differences"],
        ["levels", "popularity-differences"],
    ),
}
NOTEBOOKS = {name: (reads, draws) for name, (reads, draws) in NOTEBOOKS.items() if set(reads) <= set(TABLES)}
"""Notebook -> the tables that it reads, the figures that it draws for every data set."""


for notebook, (reads, draws) in NOTEBOOKS.items():

    rule:
        name:
            f"render_{notebook}"
        input:
            notebook=os.path.relpath(ROOT / "notebooks" / f"{notebook}.ipynb"),
            tables=expand("<results>/tables/{table}.csv", table=reads),
            code=notebook_code(notebook),
        output:
            [
                report(
                    f"<results>/figures/{figure}-{dataset}.svg",
                    caption=f"../report/{figure}.rst",
                    category="Figures",
                    subcategory=dataset,
                    labels={"figure": figure, "data set": dataset},
                )
                for figure in draws
                for dataset in GRID.datasets
            ],
            figure_files(draws),
            notebook=f"<results>/notebooks/{notebook}.ipynb",
            record=f"<results>/provenance/notebooks/{notebook}.json",
        log:
            f"<results>/logs/render/{notebook}.log",
        retries: 1  # kernels that start together can race for a port
        conda:
            "../../environment.yml"
        resources:
            mem_mb=more(2000),
            runtime=more(30),
        params:
            packages=notebook_packages(notebook),
            draws=lambda wildcards, output: [file for file in output if "/figures/" in file],
        shell:
            "autoemb render {input.notebook:q} --reads {input.tables:q} --draws {params.draws:q}"
            " --out {output.notebook:q} --record {output.record:q} > {log:q} 2>&1"


rule page:
    input:
        "<results>/notebooks/{notebook}.ipynb",
    output:
        report(
            "<results>/notebooks/{notebook}.html",
            caption="../report/notebook.rst",
            category="Notebooks",
            labels={"notebook": "{notebook}"},
        ),
    log:
        "<results>/logs/page/{notebook}.log",
    conda:
        "../../environment.yml"
    resources:
        mem_mb=more(2000),
        runtime=more(10),
    params:
        folder=subpath(output[0], parent=True),
        packages=packages("nbconvert"),
    shell:
        "jupyter nbconvert --to html --embed-images --HTMLExporter.mathjax_url= --HTMLExporter.require_js_url="
        " {input:q} --output-dir {params.folder:q} > {log:q} 2>&1"


rule figures:
    input:
        figure_files([figure for _, draws in NOTEBOOKS.values() for figure in draws]),
        expand("<results>/notebooks/{notebook}.html", notebook=NOTEBOOKS),
    localrule: True
