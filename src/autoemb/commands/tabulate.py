"""Tabulate runs: one table as STEM.csv, and a reduced view of it as STEM.md and STEM.tex."""

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from autoemb.analysis import claims, tables
from autoemb.analysis.tables import text
from autoemb.analysis.tables.ablation import TRIAL
from autoemb.analysis.tables.intervals import RUN, arrange
from autoemb.artifact.files import whole
from autoemb.artifact.parquet import read_table
from autoemb.artifact.record import add_argument, recorded
from autoemb.errors import InputError
from autoemb.schema import ALLOCATION, OUTCOMES, POPULARITY, PROGRESS, SIDES, SIZES, TASKS, Table

_BUCKET = ["dataset", "side", "task"]
_BOOTSTRAP_SEED = 0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The table, its input files, and where to write it."""
    parser.add_argument("table", choices=sorted({**TABLES, **JUDGED}), help="which table")
    parser.add_argument(
        "--inputs",
        type=Path,
        nargs="*",
        default=[],
        metavar="FILE",
        help="<dataset>/<stream>/<task>/<method>/{outcomes,sizes,progress,allocation}.parquet, "
        "<dataset>/<setting>/<task>/<method>/outcomes.parquet, "
        "<dataset>/<side>/<task>/*.parquet or <dataset>.counts.json; the folders name the run",
    )
    parser.add_argument(
        "--restarting",
        nargs="*",
        default=[],
        metavar="STREAM",
        help="streams whose counts restart at the test part: claims about frequency are not judged there",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="STEM", help="path without a suffix")
    add_argument(parser)


def run(arguments: argparse.Namespace) -> None:
    """Read, tabulate, write; all three files or none."""
    stem: Path = arguments.out
    paths = [stem.with_name(f"{stem.name}.{end}") for end in ("csv", "md", "tex")]
    resolved = {"table": arguments.table, "restarting": arguments.restarting}
    with recorded(arguments.record, resolved, [__name__], arguments.inputs, paths), ExitStack() as stack:
        table = _table(arguments.table, arguments.inputs, arguments.restarting)
        view = text.compact(arguments.table, table)
        csv, md, tex = (stack.enter_context(whole(path)) for path in paths)
        table.to_csv(csv, index=False, float_format="%.8g", lineterminator="\n")
        md.write_text(text.markdown(view))
        tex.write_text(text.latex(view))


def _table(name: str, paths: Sequence[Path], restarting: Sequence[str]) -> pd.DataFrame:
    return JUDGED[name](_comparisons(paths, restarting)) if name in JUDGED else TABLES[name](paths)


def _comparison(paths: Sequence[Path]) -> pd.DataFrame:
    return tables.comparison(_runs(_only(paths, OUTCOMES), OUTCOMES))


def _running_popularity(paths: Sequence[Path]) -> pd.DataFrame:
    _only(paths, OUTCOMES, SIZES)
    selected = [path for path in paths if path.name == _file(SIZES)]
    outcomes = [path for path in paths if path.name == _file(OUTCOMES)]
    return tables.running_popularity(_runs(outcomes, OUTCOMES), _runs(selected, SIZES, tables.candidates))


def _selection(table: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[Sequence[Path]], pd.DataFrame]:
    # run by run: the recorded sizes of a full grid together would not fit into a laptop's memory
    return lambda paths: arrange(_runs(_only(paths, SIZES), SIZES, table), RUN)


def _stream(paths: Sequence[Path]) -> pd.DataFrame:
    return tables.stream(_runs(_only(paths, PROGRESS), PROGRESS))


def _buckets(table: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[Sequence[Path]], pd.DataFrame]:
    return lambda paths: table(_levels(paths))


def _levels(paths: Sequence[Path]) -> pd.DataFrame:
    """The popularity-bucket results of all files, each seed, size and level once."""
    sums = _concat([_read(path, POPULARITY, _BUCKET) for path in paths], POPULARITY, _BUCKET)
    twice = sums[sums.duplicated([*_BUCKET, "seed", "size", "level"])]
    if not twice.empty:
        first = twice.iloc[0]
        where = "/".join(str(first[key]) for key in _BUCKET)
        raise InputError(
            f"{where}: seed {first['seed']}, size {first['size']}, level {first['level']} stands in two input "
            "files; expected each once"
        )
    return sums


def _comparisons(paths: Sequence[Path], restarting: Sequence[str]) -> pd.DataFrame:
    """What the claims are judged from: files of runs by their names, all others of popularity levels."""
    kinds = {_file(kind): kind for kind in (OUTCOMES, SIZES, PROGRESS, ALLOCATION)}
    files = {kind.name: [path for path in paths if path.name == name] for name, kind in kinds.items()}
    return claims.comparisons(
        _runs(files[OUTCOMES.name], OUTCOMES),
        _runs(files[SIZES.name], SIZES, claims.growth),
        _runs(files[PROGRESS.name], PROGRESS),
        _runs(files[ALLOCATION.name], ALLOCATION),
        _levels([path for path in paths if path.name not in kinds]),
        np.random.default_rng(_BOOTSTRAP_SEED),
        restarting,
    )


def _datasets(paths: Sequence[Path]) -> pd.DataFrame:
    suffix = ".counts.json"
    counts: dict[str, Any] = {}
    for path in paths:
        if not path.name.endswith(suffix):
            raise InputError(f"{path}: expected a file named <dataset>{suffix}")
        try:
            counts[path.name.removesuffix(suffix)] = json.loads(path.read_text())
        except (OSError, ValueError) as error:
            raise InputError(f"{path}: not a readable JSON file ({error})") from error
    try:
        return tables.datasets(counts)
    except KeyError as error:
        raise InputError(f"{', '.join(map(str, paths))}: key {error} is missing in one of them") from error


def _ablation(paths: Sequence[Path]) -> pd.DataFrame:
    return tables.ablation(_runs(_only(paths, OUTCOMES), OUTCOMES, names=TRIAL))


TABLES: Mapping[str, Callable[[Sequence[Path]], pd.DataFrame]] = {
    "comparison": _comparison,
    "crossings": _buckets(tables.crossings),
    "datasets": _datasets,
    "mean-size": _selection(tables.mean_size),
    "popularity": _buckets(tables.popularity),
    "running-popularity": _running_popularity,
    "ablation": _ablation,
    "size-stream": _selection(tables.size_stream),
    "sizes": _selection(tables.sizes),
    "stream": _stream,
}
"""Tables by their names, built from paths of input files."""

JUDGED: Mapping[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "claim-details": lambda compared: compared,
    "claims": claims.claims,
}
"""The others, built from the claims' comparisons."""


def _file(table: Table) -> str:
    return f"{table.name}.parquet"


def _only(paths: Sequence[Path], *kinds: Table) -> Sequence[Path]:
    """``paths``, all of which are files of ``kinds``."""
    names = [_file(kind) for kind in kinds]
    for path in paths:
        if path.name not in names:
            raise InputError(f"{path}: expected a file named {' or '.join(names)}")
    return paths


def _runs(
    paths: Sequence[Path],
    kind: Table,
    reduce: Callable[[pd.DataFrame], pd.DataFrame] = lambda frame: frame,
    names: Sequence[str] = RUN,
) -> pd.DataFrame:
    """What ``reduce`` makes of every run; without runs, of an empty one."""
    if len(set(paths)) < len(paths):
        raise InputError(f"{kind.name}: an input file is named twice")
    if not paths:
        return reduce(_concat([], kind, names))
    found = [reduce(_read(path, kind, names)) for path in sorted(paths)]
    return pd.concat([frame for frame in found if not frame.empty] or found[:1], ignore_index=True)


def _read(path: Path, kind: Table, names: Sequence[str]) -> pd.DataFrame:
    """A table with the folders that hold it as its first columns."""
    folders = dict(zip(names, path.parts[-1 - len(names) : -1], strict=False))
    expected = "/".join(f"<{name}>" for name in names)
    if len(folders) < len(names) or folders["task"] not in TASKS or folders.get("side", SIDES[0]) not in SIDES:
        raise InputError(f"{path}: expected {expected}/{path.name}, a task among {TASKS}, a side among {SIDES}")
    return read_table(path, kind).assign(**folders)


def _concat(frames: Sequence[pd.DataFrame], kind: Table, names: Sequence[str]) -> pd.DataFrame:
    """All rows, or an empty frame with the right columns."""
    empty = pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in kind.columns.items()})
    return (
        pd.concat(frames, ignore_index=True) if frames else empty.assign(**dict.fromkeys(names, pd.Series(dtype="str")))
    )
