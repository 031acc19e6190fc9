# Fig. 1's own protocol: a fixed test part, and exactly x ratings per id as training; a split for each replicate.


rule split:
    input:
        interactions="<results>/interactions/{dataset}.parquet",
        code=code("autoemb.commands.split"),
    output:
        split="<results>/levels/{dataset}/{side}/splits/{replicate}.parquet",
        record="<results>/provenance/levels/{dataset}/{side}/splits/{replicate}.json",
    log:
        "<results>/logs/split/{dataset}/{side}/{replicate}.log",
    conda:
        "../../environment.yml"
    resources:
        mem_mb=more(8000),
        runtime=more(60),
    params:
        settings=lambda wildcards: split_settings(int(wildcards.replicate)),
        labels=lambda wildcards: as_json(GRID.labels(wildcards.dataset)),
        packages=packages("autoemb.commands.split"),
    shell:
        "autoemb split --interactions {input.interactions:q} --settings {params.settings:q}"
        " --labels {params.labels:q} --out {output.split:q} --record {output.record:q} 2> {log:q}"


rule levels:
    input:
        splits=splits,
        code=code("autoemb.commands.levels"),
    output:
        level="<results>/levels/{dataset}/{side}/{task}/{model}.parquet",
        record="<results>/provenance/levels/{dataset}/{side}/{task}/{model}.json",
    log:
        "<results>/logs/levels/{dataset}/{side}/{task}/{model}.log",
    benchmark:
        "<results>/benchmarks/levels/{dataset}/{side}/{task}/{model}.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        gpu=gpus(),
        gpu_share=GRID.config.gpu_share,  # no parameter: another share is no reason to train again
        mem_mb=more(8000),
        runtime=more(1440),
    params:
        settings=level_settings(),
        model=lambda wildcards: as_json(GRID.level_models()[wildcards.model]),
        training=lambda wildcards: as_json(GRID.training(wildcards.dataset, wildcards.task)),
        packages=packages("autoemb.commands.levels"),
        checkpoint=f"{CHECKPOINTS}/levels/{{dataset}}/{{side}}/{{task}}/{{model}}.safetensors",
    shell:
        "autoemb levels --splits {input.splits:q} --model {params.model:q}"
        " --settings {params.settings:q} --run {params.training:q} --threads {threads}"
        " --gpu-share {resources.gpu_share} --checkpoint {params.checkpoint:q}"
        " --out {output.level:q} --record {output.record:q} 2> {log:q}"
