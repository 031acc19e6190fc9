"""Run one method over a stream, all seeds at once, and record its outcomes."""

import argparse
import logging
import time
from pathlib import Path

import torch

from autoemb.config import RunConfig
from autoemb.device import choose
from autoemb.files import read_table, whole_folder, write_json, write_table
from autoemb.methods import find
from autoemb.prequential import Stream, run_stream, shape_of
from autoemb.provenance import record
from autoemb.schema import OUTCOMES, PROGRESS, SIZES, STREAM
from autoemb.settings import parse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Inputs, settings, output."""
    parser.add_argument("--stream", type=Path, required=True, help="Parquet table of the stream")
    parser.add_argument("--method", required=True, help="module of the method")
    parser.add_argument("--settings", required=True, help="settings of the method, as JSON")
    parser.add_argument("--run", dest="training", required=True, help="settings of the run, as JSON")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    parser.add_argument("--out", type=Path, required=True, help="folder to write the run's files to")


def run(arguments: argparse.Namespace) -> None:
    """Stream -> run."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    start = time.monotonic()
    module = find(arguments.method)
    settings = parse(module.Config, arguments.settings, "--settings")
    config = parse(RunConfig, arguments.training, "--run")
    device = choose(config.device, arguments.threads)
    frame = read_table(arguments.stream, STREAM)
    shape = shape_of(frame, config.task, config.classes)
    method = module.Model(settings, shape, range(config.seeds), getattr(torch, config.dtype), device)
    recorder = run_stream(method, Stream(frame, config.task, device), config, device)
    seconds = time.monotonic() - start
    logging.info("%d interactions x %d seeds in %.1f s", len(frame), config.seeds, seconds)
    resolved = {"method": arguments.method, "settings": settings.model_dump(), "run": config.model_dump()}
    modules = [__name__, module.__name__]
    with whole_folder(arguments.out) as folder:
        write_table(recorder.outcomes(), folder / "outcomes.parquet", OUTCOMES)
        write_table(recorder.size_weights(), folder / "sizes.parquet", SIZES)
        write_table(recorder.progress(), folder / "progress.parquet", PROGRESS)
        write_json(record(resolved, modules, [arguments.stream], device, seconds), folder / "run.json")
