# The checked config, the wildcards, and every helper function of the other files.
import functools
import json
import os
import re
import shlex
import sys
from pathlib import Path

from autoemb.experiment import grid
from autoemb.experiment.layers import merge

from autoemb.artifact import place
from autoemb.artifact.dependencies import dependencies, imports_of_notebook
from autoemb.artifact.files import digest
from autoemb.artifact.yaml import read_yaml
from autoemb.errors import InputError
from autoemb.learning.machine.gpus import places
from snakemake.exceptions import WorkflowError

ROOT = Path(workflow.current_basedir).parent.parent

if not workflow.config_settings.configfiles:

    # --configfile replaces this one; merging the two would mix their data sets and methods
    configfile: os.path.relpath(ROOT / "config" / "smoke.yaml")


FILES_OF_CONFIG = [os.path.relpath(file) for file in workflow.configfiles]

try:
    # as a person wrote it: Snakemake's own reading takes 1e-3 for a word, and of a key that stands twice the last
    CONFIG = functools.reduce(merge, [read_yaml(Path(file)) for file in FILES_OF_CONFIG], {})
    CONFIG = merge(CONFIG, workflow.config_settings.config)  # what --config says
    GRID = grid.load(CONFIG, ", ".join(FILES_OF_CONFIG) or "config")
    NAME = place.name_of(GRID.config.name, FILES_OF_CONFIG)
except InputError as error:
    raise WorkflowError(f"the config is not valid, so nothing was run:\n{error}")

RESULTS = f"results/{NAME}"
CHECKPOINTS = f"results/checkpoints/{NAME}"
if place.of_before():
    print(f"warning: {place.of_before()}", file=sys.stderr)


pathvars:
    results=RESULTS,


# Jobs run in the environment of whoever runs Snakemake, also if it was not activated. Setting a prefix takes away
# Snakemake's own, by which a command that fails before a pipe fails its job.
shell.prefix(f"set -euo pipefail; export PATH={shlex.quote(os.path.dirname(sys.executable))}:$PATH; ")


def one_of(names):
    """A wildcard's constraint: exactly these names."""
    return "|".join(re.escape(name) for name in names)


wildcard_constraints:
    dataset=one_of(GRID.datasets),
    stream=one_of(GRID.config.streams),
    task="regression|classification",
    method=one_of(GRID.methods),
    trial=one_of(GRID.ablation.methods if GRID.ablation else [""]),
    side="user|item",
    size=r"\d+",
    seeds=r"\d+-\d+",
    replicate=r"\d+",
    table="[a-z]+(-[a-z]+)*",


@functools.cache
def depends(*modules):
    """What these modules import: source and data files, relative to the working folder, and package versions."""
    found = dependencies(modules)
    return [os.path.relpath(file) for file in found.files], json.dumps(found.packages)


def code(*modules):
    """The source and data files that a job of these modules depends on, as inputs compared by checksum."""
    return depends(*modules)[0]


def packages(*modules):
    """The versions of the packages that a job of these modules depends on, as a parameter."""
    return depends(*modules)[1]


def as_json(settings):
    """Settings as one parameter: Snakemake compares parameters as an unnamed set."""
    return settings.model_dump_json()


OF_MODELS = {"sizes", "starts", "passes", "steps_like"}
"""Keys of the levels that say which models there are: a job has one model, and is not rerun for another."""


def level_settings():
    """Those of the levels that a job of one model reads."""
    return GRID.config.levels.model_dump_json(exclude=OF_MODELS) if GRID.config.levels else ""


def split_settings(replicate):
    """Those of the levels that the split of a replicate depends on."""
    settings = GRID.config.levels.of_replicate(replicate)
    return settings.model_dump_json(exclude={*OF_MODELS, "path", "permutations"})


def splits(wildcards):
    """The splits of Fig. 1's levels: that of each replicate, or of the first, where all share it."""
    seeds = range(GRID.config.seeds if GRID.config.levels.permutations == "each" else 1)
    return expand("<results>/levels/{dataset}/{side}/splits/{replicate}.parquet", replicate=seeds, allow_missing=True)


def dataset_module(wildcards):
    return f"autoemb.data.datasets.{GRID.datasets[wildcards.dataset].module.replace('-', '_')}"


def method_module(wildcards):
    return f"autoemb.learning.methods.{GRID.methods[wildcards.method].module}"


def stream_files(settings, shared, apart, seeds):
    """The file ``shared`` of a stream that all replicates go through, or the files ``apart`` of these replicates."""
    return expand(apart, replicate=seeds, allow_missing=True) if settings.permuted else [shared]


STREAM = "<results>/streams/{dataset}/{stream}"
"""A stream's file without its ending, or the folder of those of its replicates."""


def streams(wildcards):
    """The stream of a training job, or those of its replicates."""
    seeds = range(GRID.config.seeds)
    if "seeds" in wildcards.keys():
        first, last = map(int, wildcards.seeds.split("-"))
        seeds = range(first, last + 1)
    settings = GRID.config.streams[wildcards.stream]
    return stream_files(settings, f"{STREAM}.parquet", f"{STREAM}/{{replicate}}.parquet", seeds)


def stream_of_seed(wildcards):
    """The stream that one replicate goes through."""
    settings = GRID.config.streams[wildcards.stream]
    return stream_files(settings, f"{STREAM}.parquet", f"{STREAM}/{{replicate}}.parquet", [wildcards.replicate])


def chooser(wildcards):
    """The replicate whose choice a tuned run takes: its own, or the first's where all share a stream."""
    return wildcards.replicate if GRID.config.streams[wildcards.stream].permuted else 0


def streams_of_tables():
    """Every stream; of one whose replicates have their own, the first's."""
    return [
        file.format(dataset=dataset, stream=stream)
        for dataset in GRID.datasets
        for stream, settings in GRID.config.streams.items()
        for file in stream_files(settings, f"{STREAM}.parquet", f"{STREAM}/{{replicate}}.parquet", [0])
    ]


def streams_option(settings):
    """How a training job is given its streams."""
    return "--streams" if settings.permuted else "--stream"


def stream_settings_of_trial(wildcards):
    """Those of the stream of a trial of the ablation: its own, or of the trial that it is compared with."""
    return GRID.ablation.streams[GRID.ablation.stream_of(wildcards.trial)]


def streams_of_trial(wildcards):
    """The stream of a trial of the ablation, or those of its replicates."""
    stem = f"<results>/ablation/{{dataset}}/{GRID.ablation.stream_of(wildcards.trial)}"
    seeds = range(GRID.trying(wildcards.dataset, wildcards.task).seeds)
    settings = stream_settings_of_trial(wildcards)
    return stream_files(settings, f"{stem}/stream.parquet", f"{stem}/streams/{{replicate}}.parquet", seeds)


def trial_entry(wildcards):
    """The method that a trial trains, with its settings."""
    return GRID.ablation.methods[wildcards.trial][wildcards.trained]


def trial_module(wildcards):
    return f"autoemb.learning.methods.{trial_entry(wildcards).module}"


def local_archive(wildcards):
    """A person's own copy of the archive is an input: its change is noticed, its absence reported."""
    archive = GRID.datasets[wildcards.dataset].settings.archive
    if archive and not (os.path.exists(archive) or os.path.exists(f"{RESULTS}/archives/{wildcards.dataset}")):
        raise WorkflowError(
            f"{archive}: no such file in {os.getcwd()}; expected the ratings, as the config's key"
            f" datasets.{wildcards.dataset}.archive says"
        )
    return [archive] if archive else []


def stamp(wildcards):
    """What tells a person's archive from another one: its time may be older than that of the one before (mv, unzip)."""
    archive = GRID.datasets[wildcards.dataset].settings.archive
    if not archive or not os.path.exists(archive):
        return ""
    status = os.stat(archive)
    if status.st_size > CHECKSUMMED:
        return f"{status.st_size} bytes, file {status.st_ino}, {status.st_mtime_ns} ns"
    return digest(Path(archive))


CHECKSUMMED = 100 * 2**20
"""Bytes up to which a person's archive is read whole to tell whether it is another one, at every start."""


GPUS = 0 if GRID.config.device == "cpu" else places(os.environ)

# Snakemake limits a resource only if told how many there are. A cluster (--jobs without --cores) limits GPUs itself.
if GPUS and "gpu" not in workflow.global_resources and workflow.resource_settings.nodes is None:
    workflow.register_resource("gpu", GPUS * GRID.config.gpu_share)


def forget_finished():
    """Remove what finished jobs keep in case that nobody takes note of them: somebody has."""
    for file in Path(CHECKPOINTS).rglob("*.finished"):
        file.unlink()


def say_what_to_open():
    """The last line of a run that made its pages."""
    if os.path.exists(f"{RESULTS}/explorer.html"):
        print(f"Open {RESULTS}/explorer.html; tables, figures and notebooks lie beside it.", file=sys.stderr)


def gpus():
    """GPUs that a training job takes: one if it may use one and the machine has one."""
    return int(GRID.config.device == "cuda" or GPUS > 0)


def seeds_option(wildcards):
    """Which seeds a training job has, if not all."""
    return f"--seeds {wildcards.seeds}" if "seeds" in wildcards.keys() else ""


def more(first):
    """A resource that doubles with every attempt: a job that ran out of it is tried again with more (see retries)."""
    return lambda wildcards, attempt: first * 2 ** (attempt - 1)


def runs(*kinds):
    """Every run's files of these kinds."""
    return expand(
        "<results>/runs/{dataset}/{stream}/{task}/{method}/{kind}.parquet",
        dataset=GRID.datasets,
        stream=GRID.config.streams,
        task=GRID.config.tasks,
        method=GRID.methods,
        kind=kinds,
    )


def trials(kind):
    """Every trial's files of this kind."""
    if GRID.ablation is None:
        return []
    return [
        f"<results>/ablation/{dataset}/{trial}/{task}/{method}/{kind}.parquet"
        for dataset in GRID.datasets
        for trial, methods in GRID.ablation.methods.items()
        for task in GRID.ablation.tasks[trial]
        for method in methods
    ]


def tuning(path, shared=1):
    """Every file of the tuning at this path, of each replicate; of streams that all share, of the first ``shared``."""
    if GRID.tuning is None:
        return []
    return [
        f"<results>/{path}".format(dataset=dataset, stream=stream, task=task, method=method, replicate=replicate)
        for dataset in GRID.datasets
        for stream in GRID.tuning.streams
        for task in GRID.tuning.tasks
        for method in GRID.tuning.candidates
        for replicate in range(GRID.config.seeds if GRID.config.streams[stream].permuted else shared)
    ]


def levels():
    """Every result of the splits by popularity level."""
    if GRID.config.levels is None:
        return []
    return expand(
        "<results>/levels/{dataset}/{side}/{task}/{model}.parquet",
        dataset=GRID.datasets,
        side=GRID.config.levels.side,
        task=GRID.config.tasks,
        model=GRID.level_models(),
    )


def figure_files(figures):
    """A figure's files for every data set, beside the SVG that the report shows."""
    return expand(
        "<results>/figures/{figure}-{dataset}.{end}", figure=figures, dataset=GRID.datasets, end=["pdf", "png"]
    )


def notebook_modules(notebook):
    """What a notebook's job imports of the package, and the packages that it runs as programs."""
    imports = imports_of_notebook(ROOT / "notebooks" / f"{notebook}.ipynb")
    own = ["autoemb.commands.render", "papermill", "ipykernel"]
    return [*own, *(name for name in imports if name.startswith("autoemb"))]


def notebook_code(notebook):
    """The library's files behind a notebook."""
    return code(*notebook_modules(notebook))


def notebook_packages(notebook):
    """The versions of the packages behind a notebook."""
    return packages(*notebook_modules(notebook))
