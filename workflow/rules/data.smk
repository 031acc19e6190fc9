# From the publisher's bytes to a stream. What fetch and interactions warn of is shown as well as logged.


rule fetch:
    input:
        local_archive,
        code=lambda wildcards: code("autoemb.commands.fetch", dataset_module(wildcards)),
    output:
        "<results>/archives/{dataset}",
    log:
        "<results>/logs/fetch/{dataset}.log",
    localrule: True
    conda:
        "../../environment.yml"
    params:
        module=lambda wildcards: GRID.datasets[wildcards.dataset].module,
        settings=lambda wildcards: as_json(GRID.datasets[wildcards.dataset].settings),
        archive=stamp,
        packages=lambda wildcards: packages("autoemb.commands.fetch", dataset_module(wildcards)),
    shell:
        "autoemb fetch --dataset {params.module:q} --settings {params.settings:q} --store results/archives"
        " --out {output:q} 2>&1 | tee {log:q} >&2"


rule interactions:
    input:
        archive="<results>/archives/{dataset}",
        code=lambda wildcards: code("autoemb.commands.interactions", dataset_module(wildcards)),
    output:
        interactions="<results>/interactions/{dataset}.parquet",
        user_ids="<results>/interactions/{dataset}.users.parquet",
        item_ids="<results>/interactions/{dataset}.items.parquet",
        counts="<results>/interactions/{dataset}.counts.json",
        record="<results>/provenance/interactions/{dataset}.json",
    log:
        "<results>/logs/interactions/{dataset}.log",
    conda:
        "../../environment.yml"
    resources:
        mem_mb=more(8000),
        runtime=more(60),
    params:
        module=lambda wildcards: GRID.datasets[wildcards.dataset].module,
        settings=lambda wildcards: as_json(GRID.datasets[wildcards.dataset].settings),
        packages=lambda wildcards: packages("autoemb.commands.interactions", dataset_module(wildcards)),
    shell:
        "autoemb interactions --dataset {params.module:q} --settings {params.settings:q}"
        " --archive {input.archive:q} --out {output.interactions:q} --users {output.user_ids:q}"
        " --items {output.item_ids:q} --counts {output.counts:q} --record {output.record:q} 2>&1 | tee {log:q} >&2"


rule stream:
    input:
        interactions="<results>/interactions/{dataset}.parquet",
        item_ids="<results>/interactions/{dataset}.items.parquet",
        code=code("autoemb.commands.stream"),
    output:
        stream="<results>/streams/{dataset}/{stream}.parquet",
        record="<results>/provenance/streams/{dataset}/{stream}.json",
    log:
        "<results>/logs/stream/{dataset}/{stream}.log",
    conda:
        "../../environment.yml"
    resources:
        mem_mb=more(8000),
        runtime=more(60),
    params:
        settings=lambda wildcards: as_json(GRID.config.streams[wildcards.stream]),
        labels=lambda wildcards: as_json(GRID.labels(wildcards.dataset)),
        packages=packages("autoemb.commands.stream"),
    shell:
        "autoemb stream --interactions {input.interactions:q} --items {input.item_ids:q}"
        " --settings {params.settings:q} --labels {params.labels:q} --out {output.stream:q}"
        " --record {output.record:q} 2> {log:q}"


use rule stream as stream_of_replicate with:  # where each replicate has a permutation of its own
    output:
        stream="<results>/streams/{dataset}/{stream}/{replicate}.parquet",
        record="<results>/provenance/streams/{dataset}/{stream}/{replicate}.json",
    log:
        "<results>/logs/stream/{dataset}/{stream}/{replicate}.log",
    params:
        settings=lambda wildcards: as_json(GRID.config.streams[wildcards.stream].of_replicate(int(wildcards.replicate))),
