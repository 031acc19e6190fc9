# The tuning: candidates are compared on the end of the train part, the one that lost least goes through the stream.
# Where each replicate has a permutation of its own, each has its own choice, as its test part is its own.

OF_SEED = "{dataset}/{stream}/{task}/{method}/seed_{replicate}"
CANDIDATE = f"{OF_SEED}/candidate_{{candidate}}"


rule validation:
    input:
        stream=stream_of_seed,
        code=code("autoemb.commands.validation"),
    output:
        stream="<results>/tuning/{dataset}/{stream}/seed_{replicate}.parquet",
        record="<results>/provenance/tuning/{dataset}/{stream}/seed_{replicate}.json",
    log:
        "<results>/logs/validation/{dataset}/{stream}/seed_{replicate}.log",
    conda:
        "../../environment.yml"
    resources:
        mem_mb=more(8000),
        runtime=more(60),
    params:
        last=GRID.tuning.config.last if GRID.tuning else 0,
        restart=lambda wildcards: "--restart" * (GRID.config.streams[wildcards.stream].popularity == "restart"),
        packages=packages("autoemb.commands.validation"),
    shell:
        "autoemb validation --stream {input.stream:q} --last {params.last} {params.restart}"
        " --out {output.stream:q} --record {output.record:q} 2> {log:q}"


use rule train as tune with:
    input:
        streams="<results>/tuning/{dataset}/{stream}/seed_{replicate}.parquet",
        code=lambda wildcards: code("autoemb.commands.train", method_module(wildcards)),
    output:
        outcomes=f"<results>/tuning/{CANDIDATE}/outcomes.parquet",
        sizes=f"<results>/tuning/{CANDIDATE}/sizes.parquet",
        progress=f"<results>/tuning/{CANDIDATE}/progress.parquet",
        allocation=f"<results>/tuning/{CANDIDATE}/allocation.parquet",
        test_users=f"<results>/tuning/{CANDIDATE}/test-users.parquet",
        record=f"<results>/tuning/{CANDIDATE}/run.json",
    log:
        f"<results>/logs/tune/{CANDIDATE}.log",
    benchmark:
        f"<results>/benchmarks/tune/{CANDIDATE}.tsv"
    params:
        module=lambda wildcards: GRID.methods[wildcards.method].module,
        settings=lambda wildcards: as_json(GRID.tuning.candidates[wildcards.method][int(wildcards.candidate)]),
        training=lambda wildcards: as_json(GRID.candidate_training(wildcards.dataset, wildcards.task)),
        seeds="",
        option="--may-diverge --streams",
        folder=subpath(output.outcomes, parent=True),
        checkpoint=f"{CHECKPOINTS}/tuning/{CANDIDATE}.safetensors",


rule choose:
    input:
        outcomes=lambda wildcards: expand(
            f"<results>/tuning/{CANDIDATE}/outcomes.parquet",
            candidate=range(len(GRID.tuning.config.candidates)),
            allow_missing=True,
        ),
        code=code("autoemb.commands.choose"),
    output:
        choice=f"<results>/tuning/{OF_SEED}/choice.json",
        record=f"<results>/provenance/tuning/{OF_SEED}/choice.json",
    log:
        f"<results>/logs/choose/{OF_SEED}.log",
    localrule: True
    conda:
        "../../environment.yml"
    params:
        candidates=json.dumps(GRID.tuning.config.candidates if GRID.tuning else []),
        packages=packages("autoemb.commands.choose"),
    shell:
        "autoemb choose --candidates {params.candidates:q} --outcomes {input.outcomes:q}"
        " --out {output.choice:q} --record {output.record:q} 2> {log:q}"


use rule train as train_tuned with:
    input:
        streams=stream_of_seed,
        choice=lambda wildcards: f"<results>/tuning/{OF_SEED}/choice.json".format(
            **dict(wildcards.items()) | {"replicate": chooser(wildcards)}
        ),
        code=lambda wildcards: code("autoemb.commands.train", method_module(wildcards)),
    output:
        outcomes=f"<results>/tuned/{OF_SEED}/outcomes.parquet",
        sizes=f"<results>/tuned/{OF_SEED}/sizes.parquet",
        progress=f"<results>/tuned/{OF_SEED}/progress.parquet",
        allocation=f"<results>/tuned/{OF_SEED}/allocation.parquet",
        test_users=f"<results>/tuned/{OF_SEED}/test-users.parquet",
        record=f"<results>/tuned/{OF_SEED}/run.json",
    log:
        f"<results>/logs/train_tuned/{OF_SEED}.log",
    benchmark:
        f"<results>/benchmarks/train_tuned/{OF_SEED}.tsv"
    params:
        seeds="--seeds {replicate}-{replicate}",
        option=lambda wildcards, input: (
            f"--choice {shlex.quote(input.choice)} {streams_option(GRID.config.streams[wildcards.stream])}"
        ),
        folder=subpath(output.outcomes, parent=True),
        checkpoint=f"{CHECKPOINTS}/tuned/{OF_SEED}.safetensors",
