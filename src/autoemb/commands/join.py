"""Put the parts of a run together, each of which trained some of its seeds: the files of one job that trained all."""

import argparse
import logging
from pathlib import Path

import pandas as pd

from autoemb.artifact.files import whole_folder
from autoemb.artifact.parquet import read_table, write_table
from autoemb.artifact.parts import check, joined, read_part
from autoemb.artifact.record import checksums, write_record
from autoemb.errors import InputError
from autoemb.schema import RUN_RECORD, RUN_TABLES, TEST_USERS

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Inputs, output."""
    parser.add_argument("--parts", type=Path, nargs="+", required=True, help="folders of the parts, in any order")
    parser.add_argument("--out", type=Path, required=True, help="folder to write the run's files to")


def run(arguments: argparse.Namespace) -> None:
    """Parts -> run."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parts = sorted((read_part(folder) for folder in arguments.parts), key=lambda part: part.seeds.start)
    check(parts)
    with whole_folder(arguments.out, last=RUN_RECORD) as folder:
        for table in RUN_TABLES:
            frames = [read_table(part.folder / table.file, table) for part in parts]
            for part, frame in zip(parts, frames, strict=True):
                if frame["seed"].unique().tolist() not in (list(part.seeds), [] if table is TEST_USERS else None):
                    raise InputError(
                        f"{part.folder / table.file}: seeds {frame['seed'].unique().tolist()};"
                        f" expected {list(part.seeds)}, as its {RUN_RECORD} says"
                    )
            write_table(pd.concat(frames, ignore_index=True), folder / table.file, table)
        generated = checksums(sorted(folder.iterdir()), folder / RUN_RECORD)
        write_record(joined(parts, arguments.out) | {"generated": generated}, folder / RUN_RECORD)
    log.info("%d parts, %d seeds", len(parts), parts[-1].seeds.stop)
