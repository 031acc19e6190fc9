"""Run one method over a stream for every seed, and record its outcomes."""

import argparse
import json
import logging
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch

from autoemb.checkpoint import Checkpoint, identity
from autoemb.config import RunConfig
from autoemb.device import choose
from autoemb.errors import InputError
from autoemb.files import whole_folder, write_json, write_table
from autoemb.methods import find
from autoemb.methods.base import Method
from autoemb.prequential import run_stream
from autoemb.provenance import cost, record
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
    start = time.monotonic()
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
    made = record(resolved, [__name__, module.__name__], [arguments.stream], config.device)
    valid_for = {key: value for key, value in made.items() if key != "commit"}  # the code's checksums are in it
    alone = Alone(arguments.out / "run.json", valid_for)
    checkpoint = None
    if arguments.checkpoint:
        key = identity({**valid_for, "threads": arguments.threads})
        checkpoint = Checkpoint(arguments.checkpoint, key, arguments.checkpoint_seconds)
    with checkpoint.heeding_signals() if checkpoint else nullcontext():
        recorder = run_stream(build, stream.columns, config, checkpoint)
        seconds = time.monotonic() - start + (checkpoint.before if checkpoint else 0)
        log.info("%d interactions x %d seeds in %.1f s", len(stream), config.seeds, seconds)
        with whole_folder(arguments.out) as folder:
            write_table(recorder.outcomes(), folder / "outcomes.parquet", OUTCOMES)
            write_table(recorder.size_weights(), folder / "sizes.parquet", SIZES)
            write_table(recorder.progress(), folder / "progress.parquet", PROGRESS)
            write_table(recorder.allocation(), folder / "allocation.parquet", ALLOCATION)
            write_json({**made, **cost(seconds)}, folder / "run.json")
            alone.check()


class Alone:
    """Notices that a run of other settings has put its files where this one is about to put its own.

    If Snakemake alone is killed, its job goes on; should its owner change a setting and start anew meanwhile, the
    old job must not overwrite what the new one has made.
    """

    def __init__(self, path: Path, settings: Mapping[str, Any]) -> None:
        """Remember what stands at ``path``, a ``run.json``, and what this run will say there."""
        self.path, self.settings = path, settings
        self.before = self._stands()

    def check(self) -> None:
        """Compare.

        Raises:
            InputError: another run's record has come there since, and it says something else.
        """
        now = self._stands()
        if now in (b"", self.before):
            return
        found = json.loads(now)
        if any(found.get(key) != json.loads(json.dumps(value)) for key, value in self.settings.items()):
            raise InputError(f"{self.path}: written by another run, of other settings, since this one began")

    def _stands(self) -> bytes:
        return self.path.read_bytes() if self.path.is_file() else b""
