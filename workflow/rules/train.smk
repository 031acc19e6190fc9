# One method over one stream, every seed, in one job or several. A job that was cut goes on from its checkpoint.

from autoemb.schema import RUN_FILES

RUN = "{dataset}/{stream}/{task}/{method}"
JOB = f"{RUN}/parts/{{seeds}}" if GRID.parts() else RUN


rule train:
    input:
        streams=streams,
        code=lambda wildcards: code("autoemb.commands.train", method_module(wildcards)),
    output:
        outcomes=f"<results>/runs/{JOB}/outcomes.parquet",
        sizes=f"<results>/runs/{JOB}/sizes.parquet",
        progress=f"<results>/runs/{JOB}/progress.parquet",
        allocation=f"<results>/runs/{JOB}/allocation.parquet",
        test_users=f"<results>/runs/{JOB}/test-users.parquet",
        record=f"<results>/runs/{JOB}/run.json",
    log:
        f"<results>/logs/train/{JOB}.log",
    benchmark:
        f"<results>/benchmarks/train/{JOB}.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        gpu=gpus(),
        gpu_share=GRID.config.gpu_share,  # no parameter: another share is no reason to train again
        mem_mb=more(8000),
        runtime=more(1440),
    params:
        module=lambda wildcards: GRID.methods[wildcards.method].module,
        settings=lambda wildcards: as_json(GRID.methods[wildcards.method].settings),
        training=lambda wildcards: as_json(GRID.training(wildcards.dataset, wildcards.task)),
        packages=lambda wildcards: packages("autoemb.commands.train", method_module(wildcards)),
        seeds=seeds_option,
        option=lambda wildcards: streams_option(GRID.config.streams[wildcards.stream]),
        folder=subpath(output.outcomes, parent=True),
        checkpoint=f"{CHECKPOINTS}/{JOB}.safetensors",
    shell:
        "autoemb train {params.option} {input.streams:q} --method {params.module:q}"
        " --settings {params.settings:q} --run {params.training:q} {params.seeds} --threads {threads}"
        " --gpu-share {resources.gpu_share}"
        " --checkpoint {params.checkpoint:q} --out {params.folder:q} 2> {log:q}"


if GRID.parts():

    rule join:
        input:
            parts=expand(
                f"<results>/runs/{RUN}/parts/{{seeds}}/{{file}}",
                seeds=GRID.parts(),
                file=RUN_FILES,
                allow_missing=True,
            ),
            code=code("autoemb.commands.join"),
        output:
            [f"<results>/runs/{RUN}/{file}" for file in RUN_FILES],
        log:
            f"<results>/logs/join/{RUN}.log",
        localrule: True
        conda:
            "../../environment.yml"
        params:
            parts=expand(f"{RESULTS}/runs/{RUN}/parts/{{seeds}}", seeds=GRID.parts(), allow_missing=True),
            folder=subpath(output[0], parent=True),
            packages=packages("autoemb.commands.join"),
        shell:
            "autoemb join --parts {params.parts:q} --out {params.folder:q} 2> {log:q}"
