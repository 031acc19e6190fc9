"""Run one method over a stream for every seed, and record its outcomes."""

import argparse
import logging
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from autoemb.checkpoint import Checkpoint, identity
from autoemb.config import RunConfig
from autoemb.device import choose
from autoemb.files import whole_folder, write_json, write_table
from autoemb.methods import find
from autoemb.methods.base import Method
from autoemb.prequential import run_stream
from autoemb.provenance import checksums, complete, now, record
from autoemb.schema import ALLOCATION, OUTCOMES, PROGRESS, SIZES
from autoemb.settings import parse
from autoemb.stored import StoredStream

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Inputs, settings, output."""
    parser.add_argument("--stream", type=Path, required=True, help="Parquet table of the stream")
    parser.add_argument("--method", required=True, help="module of the method")
    parser.add_argument("--settings", required=True, help="settings of the method, as JSON")
    parser.add_argument("--run", dest="training", required=True, help="settings of the run, as JSON")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    parser.add_argument("--checkpoint", type=Path, help="file to leave the state in, and to go on from")
    parser.add_argument("--checkpoint-seconds", type=float, default=300, help="seconds between two states")
    parser.add_argument("--out", type=Path, required=True, help="folder to write the run's files to")


def run(arguments: argparse.Namespace) -> None:
    """Stream -> run."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    start, began = now(), time.monotonic()
    module = find(arguments.method)
    settings = parse(module.Config, arguments.settings, "--settings")
    asked = parse(RunConfig, arguments.training, "--run")
    config = asked.model_copy(update={"device": choose(asked.device, arguments.threads)})
    stream = StoredStream(arguments.stream, config.task)
    shape = stream.shape(config.classes)

    def build(seeds: Sequence[int]) -> Method:
        model: Method = module.Model(settings, shape, seeds, getattr(torch, config.dtype), config.device)
        return model

    resolved = {"method": arguments.method, "settings": settings.model_dump(), "run": asked.model_dump()}
    used = checksums([arguments.stream], arguments.out / "run.json")
    made = record(resolved, [__name__, module.__name__], config.device)
    made["inputs"] = dict(zip([arguments.stream.name], used.values(), strict=True))
    checkpoint = None
    if arguments.checkpoint:
        valid_for = {key: value for key, value in made.items() if key != "commit"}  # the code's checksums are in it
        checkpoint = Checkpoint(arguments.checkpoint, identity(valid_for), arguments.checkpoint_seconds)
    recorder = run_stream(build, stream.columns, config, checkpoint)
    seconds = time.monotonic() - began
    log.info("%d interactions x %d seeds in %.1f s", len(stream), config.seeds, seconds)
    with whole_folder(arguments.out) as folder:
        write_table(recorder.outcomes(), folder / "outcomes.parquet", OUTCOMES)
        write_table(recorder.size_weights(), folder / "sizes.parquet", SIZES)
        write_table(recorder.progress(), folder / "progress.parquet", PROGRESS)
        write_table(recorder.allocation(), folder / "allocation.parquet", ALLOCATION)
        generated = checksums(sorted(folder.iterdir()), folder / "run.json")
        write_json(complete(made, used, generated, start, seconds), folder / "run.json")
    if checkpoint:
        checkpoint.remove()
