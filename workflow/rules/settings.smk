# The released code's settings, each changed alone: the same training, with settings that the config does not spell out.


use rule stream as ablation_stream with:
    output:
        "results/streams/{dataset}/ablation/{setting}.parquet",
    log:
        "results/logs/stream/{dataset}/ablation/{setting}.log",
    params:
        settings=lambda wildcards: as_json(GRID.ablation[wildcards.setting].stream),
        labels=lambda wildcards: as_json(GRID.labels(wildcards.dataset)),
        packages=packages("autoemb.stages.stream"),


use rule train as ablate with:
    input:
        stream=ablation_stream_of,
        code=lambda wildcards: code("autoemb.stages.train", f"autoemb.methods.{wildcards.module}"),
    output:
        outcomes="results/ablation/{dataset}/{setting}/{task}/{module}/outcomes.parquet",
        sizes="results/ablation/{dataset}/{setting}/{task}/{module}/sizes.parquet",
        progress="results/ablation/{dataset}/{setting}/{task}/{module}/progress.parquet",
        allocation="results/ablation/{dataset}/{setting}/{task}/{module}/allocation.parquet",
        record="results/ablation/{dataset}/{setting}/{task}/{module}/run.json",
    log:
        "results/logs/ablate/{dataset}/{setting}/{task}/{module}.log",
    benchmark:
        "results/benchmarks/ablate/{dataset}/{setting}/{task}/{module}.tsv"
    params:
        module="{module}",
        settings=lambda wildcards: json.dumps(GRID.ablation[wildcards.setting].methods[wildcards.module]),
        training=ablation_training,
        packages=lambda wildcards: packages("autoemb.stages.train", f"autoemb.methods.{wildcards.module}"),
        folder=subpath(output.outcomes, parent=True),
        checkpoint="results/checkpoints/ablation/{dataset}/{setting}/{task}/{module}.safetensors",
