# One method over one stream, every seed. A job that was cut goes on from its checkpoint.


rule train:
    input:
        stream="results/streams/{dataset}/{stream}.parquet",
        code=lambda wildcards: code("autoemb.stages.train", method_module(wildcards)),
    output:
        outcomes="results/runs/{dataset}/{stream}/{task}/{method}/outcomes.parquet",
        sizes="results/runs/{dataset}/{stream}/{task}/{method}/sizes.parquet",
        progress="results/runs/{dataset}/{stream}/{task}/{method}/progress.parquet",
        allocation="results/runs/{dataset}/{stream}/{task}/{method}/allocation.parquet",
        record="results/runs/{dataset}/{stream}/{task}/{method}/run.json",
    log:
        "results/logs/train/{dataset}/{stream}/{task}/{method}.log",
    benchmark:
        "results/benchmarks/train/{dataset}/{stream}/{task}/{method}.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        gpu=gpus(),
        mem_mb=more(8000),
        runtime=more(1440),
    params:
        module=lambda wildcards: GRID.methods[wildcards.method].module,
        settings=lambda wildcards: as_json(GRID.methods[wildcards.method].settings),
        training=lambda wildcards: as_json(GRID.training(wildcards.dataset, wildcards.task)),
        packages=lambda wildcards: packages("autoemb.stages.train", method_module(wildcards)),
        folder=subpath(output.outcomes, parent=True),
        checkpoint="results/checkpoints/{dataset}/{stream}/{task}/{method}.safetensors",
    shell:
        "autoemb train --stream {input.stream:q} --method {params.module:q}"
        " --settings {params.settings:q} --run {params.training:q} --threads {threads}"
        " --checkpoint {params.checkpoint:q} --out {params.folder:q} 2> {log:q}"
