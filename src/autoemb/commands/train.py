"""Run one method over a stream for every seed, or for some of them, and record its outcomes."""

import argparse
import logging
import re
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import torch

from autoemb.artifact.files import whole_folder, write_json
from autoemb.artifact.parquet import write_table
from autoemb.artifact.record import Alone, checksums, complete, now, record
from autoemb.config import RunConfig, parse
from autoemb.data.stored import StoredStream
from autoemb.errors import InputError
from autoemb.learning.checkpoint import Checkpoint, identity
from autoemb.learning.machine.device import chosen
from autoemb.learning.methods import find
from autoemb.learning.methods.contract import Method
from autoemb.learning.prequential import run_stream
from autoemb.schema import ALLOCATION, OUTCOMES, PROGRESS, SIZES

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Inputs, settings, output."""
    parser.add_argument("--stream", type=Path, required=True, help="Parquet table of the stream")
    parser.add_argument("--method", required=True, help="module of the method")
    parser.add_argument("--settings", required=True, help="settings of the method, as JSON")
    parser.add_argument("--run", dest="training", required=True, help="settings of the run, as JSON")
    parser.add_argument("--seeds", metavar="FIRST-LAST", help="those of the run's seeds to train; the rest elsewhere")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    parser.add_argument("--gpu-share", type=int, default=1, help="jobs that may use one GPU at a time")
    parser.add_argument(
        "--checkpoint",
        type=Path,
        help="file to leave the state in, and to go on from; at the end, the results stay beside it (.finished)",
    )
    parser.add_argument("--checkpoint-seconds", type=float, default=300, help="seconds between two states")
    parser.add_argument("--out", type=Path, required=True, help="folder to write the run's files to")


def run(arguments: argparse.Namespace) -> None:
    """Stream -> run."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    alone = Alone(arguments.out / "run.json")
    module = find(arguments.method)
    settings = parse(module.Config, arguments.settings, "--settings")
    asked = parse(RunConfig, arguments.training, "--run")
    seeds = seeds_of(arguments.seeds, asked.seeds)
    stream = StoredStream(arguments.stream, asked.task)
    shape = stream.shape(asked.classes)
    with chosen(asked.device, arguments.threads, arguments.gpu_share) as device:
        start, began = now(), time.monotonic()  # not before, as there may have been no GPU free for hours
        config = asked.model_copy(update={"device": device})

        def build(group: Sequence[int]) -> Method:
            model: Method = module.Model(settings, shape, group, getattr(torch, config.dtype), config.device)
            return model

        resolved = {"method": arguments.method, "settings": settings.model_dump(), "run": asked.model_dump()}
        if arguments.seeds:
            resolved["seeds"] = arguments.seeds
        used = checksums([arguments.stream], arguments.out / "run.json")
        made = record(resolved, [__name__, module.__name__], config.device)
        made["inputs"] = dict(zip([arguments.stream.name], used.values(), strict=True))
        valid_for = {key: value for key, value in made.items() if key != "commit"}  # the code's checksums are in it
        checkpoint = None
        if arguments.checkpoint:
            key = identity({**valid_for, "threads": arguments.threads})
            checkpoint = Checkpoint(arguments.checkpoint, key, arguments.checkpoint_seconds)
        with checkpoint.heeding_signals() if checkpoint else nullcontext():
            recorder = run_stream(build, stream.columns, config, checkpoint, seeds)
            seconds = time.monotonic() - began + (checkpoint.before if checkpoint else 0)
            log.info("%d interactions x %d seeds in %.1f s", len(stream), len(seeds), seconds)
            tables = (
                (OUTCOMES, recorder.outcomes()),
                (SIZES, recorder.size_weights()),
                (PROGRESS, recorder.progress()),
                (ALLOCATION, recorder.allocation()),
            )
            with whole_folder(arguments.out, last="run.json") as folder:
                for table, frame in tables:
                    write_table(frame.assign(seed=frame["seed"] + seeds.start), folder / f"{table.name}.parquet", table)
                generated = checksums(sorted(folder.iterdir()), folder / "run.json")
                own = complete(made, used, generated, start, seconds)
                write_json(own, folder / "run.json")
                alone.check(own["identity"])


def seeds_of(text: str | None, of: int) -> range:
    """The seeds that ``--seeds`` names, of so many; all of them if it is left out.

    Raises:
        InputError: it is not a range of these seeds.
    """
    if text is None:
        return range(of)
    bounds = re.fullmatch(r"(\d+)-(\d+)", text)
    if bounds is None or not int(bounds[1]) <= int(bounds[2]) < of:
        raise InputError(f"--seeds {text}: expected FIRST-LAST, both among the run's seeds 0 to {of - 1}")
    return range(int(bounds[1]), int(bounds[2]) + 1)
