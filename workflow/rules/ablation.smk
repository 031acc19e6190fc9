# The ablation: the released code, and each of its settings changed alone. A trial is one setting with one other value.


use rule stream as trial_stream with:
    output:
        stream="<results>/ablation/{dataset}/{trial}/stream.parquet",
        record="<results>/provenance/ablation/{dataset}/{trial}/stream.json",
    log:
        "<results>/logs/stream/{dataset}/ablation/{trial}.log",
    params:
        settings=lambda wildcards: as_json(GRID.ablation.streams[wildcards.trial]),


use rule trial_stream as trial_stream_of_replicate with:
    output:
        stream="<results>/ablation/{dataset}/{trial}/streams/{replicate}.parquet",
        record="<results>/provenance/ablation/{dataset}/{trial}/streams/{replicate}.json",
    log:
        "<results>/logs/stream/{dataset}/ablation/{trial}/{replicate}.log",
    params:
        settings=lambda wildcards: as_json(
            GRID.ablation.streams[wildcards.trial].of_replicate(int(wildcards.replicate))
        ),


use rule train as ablate with:
    input:
        streams=streams_of_trial,
        code=lambda wildcards: code("autoemb.commands.train", trial_module(wildcards)),
    output:
        outcomes="<results>/ablation/{dataset}/{trial}/{task}/{trained}/outcomes.parquet",
        sizes="<results>/ablation/{dataset}/{trial}/{task}/{trained}/sizes.parquet",
        progress="<results>/ablation/{dataset}/{trial}/{task}/{trained}/progress.parquet",
        allocation="<results>/ablation/{dataset}/{trial}/{task}/{trained}/allocation.parquet",
        test_users="<results>/ablation/{dataset}/{trial}/{task}/{trained}/test-users.parquet",
        record="<results>/ablation/{dataset}/{trial}/{task}/{trained}/run.json",
    log:
        "<results>/logs/ablate/{dataset}/{trial}/{task}/{trained}.log",
    benchmark:
        "<results>/benchmarks/ablate/{dataset}/{trial}/{task}/{trained}.tsv"
    params:
        module=lambda wildcards: trial_entry(wildcards).module,
        settings=lambda wildcards: as_json(trial_entry(wildcards).settings),
        training=lambda wildcards: as_json(GRID.trying(wildcards.dataset, wildcards.task)),
        option=lambda wildcards: streams_option(stream_settings_of_trial(wildcards)),
        packages=lambda wildcards: packages("autoemb.commands.train", trial_module(wildcards)),
        checkpoint=f"{CHECKPOINTS}/ablation/{{dataset}}/{{trial}}/{{task}}/{{trained}}.safetensors",
