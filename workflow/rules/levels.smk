# Fig. 1's own protocol: a fixed test part, and exactly x ratings per id as training.


rule split:
    input:
        interactions="<results>/interactions/{dataset}.parquet",
        code=code("autoemb.commands.split"),
    output:
        splits="<results>/levels/{dataset}/{side}/splits.parquet",
        record="<results>/provenance/levels/{dataset}/{side}/splits.json",
    log:
        "<results>/logs/split/{dataset}/{side}.log",
    conda:
        "../../environment.yml"
    resources:
        mem_mb=more(8000),
        runtime=more(60),
    params:
        settings=level_settings("sizes", "starts", "passes", "path"),
        labels=lambda wildcards: as_json(GRID.labels(wildcards.dataset)),
        packages=packages("autoemb.commands.split"),
    shell:
        "autoemb split --interactions {input.interactions:q} --settings {params.settings:q}"
        " --labels {params.labels:q} --out {output.splits:q} --record {output.record:q} 2> {log:q}"


rule levels:
    input:
        splits="<results>/levels/{dataset}/{side}/splits.parquet",
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
        settings=level_settings("sizes", "starts"),
        model=lambda wildcards: as_json(GRID.config.levels.models()[wildcards.model]),
        training=lambda wildcards: as_json(GRID.training(wildcards.dataset, wildcards.task)),
        packages=packages("autoemb.commands.levels"),
        checkpoint=f"{CHECKPOINTS}/levels/{{dataset}}/{{side}}/{{task}}/{{model}}.safetensors",
    shell:
        "autoemb levels --splits {input.splits:q} --model {params.model:q}"
        " --settings {params.settings:q} --run {params.training:q} --threads {threads}"
        " --gpu-share {resources.gpu_share} --checkpoint {params.checkpoint:q}"
        " --out {output.level:q} --record {output.record:q} 2> {log:q}"
