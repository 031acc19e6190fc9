# Fig. 1's own protocol: a fixed test part, and exactly x ratings per id as training.


rule buckets:
    input:
        interactions="<results>/interactions/{dataset}.parquet",
        code=code("autoemb.commands.buckets"),
    output:
        buckets="<results>/popularity/{dataset}/{side}/buckets.parquet",
        record="<results>/provenance/popularity/{dataset}/{side}/buckets.json",
    log:
        "<results>/logs/buckets/{dataset}/{side}.log",
    conda:
        "../../environment.yml"
    resources:
        mem_mb=more(8000),
        runtime=more(60),
    params:
        settings=popularity_settings("sizes", "passes", "path"),
        labels=lambda wildcards: as_json(GRID.labels(wildcards.dataset)),
        packages=packages("autoemb.commands.buckets"),
    shell:
        "autoemb buckets --interactions {input.interactions:q} --settings {params.settings:q}"
        " --labels {params.labels:q} --out {output.buckets:q} --record {output.record:q} 2> {log:q}"


rule popularity:
    input:
        buckets="<results>/popularity/{dataset}/{side}/buckets.parquet",
        code=code("autoemb.commands.popularity"),
    output:
        level="<results>/popularity/{dataset}/{side}/{task}/size-{size}.parquet",
        record="<results>/provenance/popularity/{dataset}/{side}/{task}/size-{size}.json",
    log:
        "<results>/logs/popularity/{dataset}/{side}/{task}/size-{size}.log",
    benchmark:
        "<results>/benchmarks/popularity/{dataset}/{side}/{task}/size-{size}.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        gpu=gpus(),
        gpu_share=GRID.config.gpu_share,  # no parameter: another share is no reason to train again
        mem_mb=more(8000),
        runtime=more(1440),
    params:
        settings=popularity_settings("sizes"),
        training=lambda wildcards: as_json(GRID.training(wildcards.dataset, wildcards.task)),
        packages=packages("autoemb.commands.popularity"),
        checkpoint=f"{CHECKPOINTS}/popularity/{{dataset}}/{{side}}/{{task}}/size-{{size}}.safetensors",
    shell:
        "autoemb popularity --buckets {input.buckets:q} --size {wildcards.size}"
        " --settings {params.settings:q} --run {params.training:q} --threads {threads}"
        " --gpu-share {resources.gpu_share} --checkpoint {params.checkpoint:q}"
        " --out {output.level:q} --record {output.record:q} 2> {log:q}"
