"""The files that tables are built from, read by what they are: their names say the kind, their folders the run."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

import pandas as pd

from autoemb.analysis.tables.ablation import TRIAL
from autoemb.analysis.tables.intervals import RUN
from autoemb.analysis.tables.streams import streams as streams_table
from autoemb.analysis.tables.tuning import Chooser
from autoemb.artifact.files import read_json
from autoemb.artifact.parquet import StoredTable, read_table
from autoemb.errors import InputError
from autoemb.experiment.choice import Choice, read_choice
from autoemb.schema import LEVEL_MODEL, LEVELS, OUTCOMES, RUN_TABLES, SIDES, STREAM, TASKS, TEST_USERS, Table

Kind = Literal[
    "outcomes", "sizes", "progress", "allocation", "test-users", "fixed", "tuned", "tuned-users", "choices", "trials",
    "levels", "counts", "streams",
]  # fmt: skip
"""Those of runs; the outcomes of runs on the released code's order; those of tuned runs; the choices of the tuning; the
outcomes of the ablation's trials; popularity levels; counts of data sets; streams."""

_NAMES: Mapping[str, str] = {
    # no name of a config has a low line, so that no run lies in such a folder
    "tuned": f"seed_*/{OUTCOMES.file}",
    "tuned-users": f"seed_*/{TEST_USERS.file}",
    "choices": "seed_*/choice.json",
    **{table.name: table.file for table in RUN_TABLES},
    "fixed": OUTCOMES.file,
    "trials": OUTCOMES.file,
    "counts": "*.counts.json",
    "streams": "*.parquet",
    "levels": "*",
}
"""What files of a kind are called, and where needed their folder; of two kinds that a table reads, the first counts."""
LEVELS_OF = ["dataset", "side", "task"]
"""What names the levels of one file."""

_TUNED = [*RUN, "replicate"]


class Source(Protocol):
    """Where a table's numbers come from: the files of runs (``Inputs``), or what is kept of them (``Outcomes``)."""

    @property
    def restarting(self) -> Sequence[str]:
        """Streams whose counts restart at the test part."""

    @property
    def permuted(self) -> Sequence[str]:
        """Streams whose replicates have a permutation of their own."""

    def runs(self, table: Table, reduce: Callable[[pd.DataFrame], pd.DataFrame] = ...) -> pd.DataFrame:
        """What ``reduce`` makes of each run's ``table``, with ``dataset``, ``stream``, ``task``, ``method``."""

    def tuned(self, kind: Literal["tuned", "tuned-users"]) -> pd.DataFrame:
        """``schema.OUTCOMES`` or ``schema.TEST_USERS`` of tuned runs, as ``runs`` has them."""

    def fixed(self) -> pd.DataFrame:
        """``schema.OUTCOMES`` of the runs on the released code's order, with the columns of ``runs``."""

    def choices(self) -> dict[Chooser, Choice]:
        """The choices of the tuning."""

    def trials(self) -> pd.DataFrame:
        """``schema.OUTCOMES`` of every trial, with ``dataset``, ``setting``, ``task``, ``method``."""

    def levels(self) -> pd.DataFrame:
        """``schema.LEVELS`` with ``dataset``, ``side``, ``task``."""

    def stream_table(self) -> pd.DataFrame:
        """The table ``tables.streams``."""

    def counts(self) -> dict[str, Any]:
        """By data set, what its ``counts.json`` holds."""

    def where(self, kind: Kind) -> str:
        """The files of a kind, for error messages."""


class Inputs(NamedTuple):
    """The input files of one table."""

    files: Mapping[str, Sequence[Path]]
    """By kind."""
    restarting: Sequence[str] = ()
    """Streams whose counts restart at the test part."""
    permuted: Sequence[str] = ()
    """Streams whose replicates have a permutation of their own."""
    batch_size: int = 500
    """Interactions of a mini-batch."""

    def runs(self, table: Table, reduce: Callable[[pd.DataFrame], pd.DataFrame] = lambda frame: frame) -> pd.DataFrame:
        """What ``reduce`` makes of each run's ``table``, with ``dataset``, ``stream``, ``task``, ``method``.

        One run is read at a time: the recorded sizes of a full grid together would not fit into a laptop's memory.
        """
        return _read_all(self.files[table.name], table, RUN, reduce)

    def tuned(self, kind: Literal["tuned", "tuned-users"]) -> pd.DataFrame:
        """``schema.OUTCOMES`` or ``schema.TEST_USERS`` of tuned runs, as ``runs`` has them."""
        table = OUTCOMES if kind == "tuned" else TEST_USERS
        return _read_all(self.files[kind], table, _TUNED).drop(columns="replicate")

    def fixed(self) -> pd.DataFrame:
        """``schema.OUTCOMES`` of the runs on the released code's order, as ``runs`` has them."""
        return _read_all(self.files["fixed"], OUTCOMES, RUN)

    def choices(self) -> dict[Chooser, Choice]:
        """The choices of the tuning by data set, stream, task, method and seed."""
        return {_chooser(path): read_choice(path) for path in sorted(self.files["choices"])}

    def trials(self) -> pd.DataFrame:
        """``schema.OUTCOMES`` of every trial, with ``dataset``, ``setting``, ``task``, ``method``."""
        return _read_all(self.files["trials"], OUTCOMES, TRIAL)

    def levels(self) -> pd.DataFrame:
        """``schema.LEVELS`` of all files, with ``dataset``, ``side``, ``task``.

        Raises:
            InputError: a seed, model and level stands in two files.
        """
        paths = self.files["levels"]
        sums = stacked([_read(path, LEVELS, LEVELS_OF) for path in paths], LEVELS, LEVELS_OF)
        twice = sums[sums.duplicated([*LEVELS_OF, *LEVEL_MODEL, "seed", "level"])]
        if not twice.empty:
            first = twice.iloc[0]
            where, model = ("/".join(str(first[key]) for key in keys) for keys in (LEVELS_OF, LEVEL_MODEL))
            raise InputError(
                f"{where}: seed {first['seed']}, {model}, level {first['level']} stands in two input "
                "files; expected each once"
            )
        return sums

    def streams(self) -> dict[tuple[str, str], StoredTable]:
        """``schema.STREAM`` by data set and stream, its columns read on demand.

        Raises:
            InputError: a path does not name them, or two do alike.
        """
        opened: dict[tuple[str, str], StoredTable] = {}
        for path in self.files["streams"]:
            named = _stream_of(path)
            if named in opened:
                raise InputError(f"{path}: {'/'.join(named)} stands in two input files; expected one of its replicates")
            opened[named] = StoredTable(path, STREAM)
        return opened

    def stream_table(self) -> pd.DataFrame:
        """The table ``tables.streams`` of these streams."""
        return streams_table(self.streams(), self.batch_size)

    def counts(self) -> dict[str, Any]:
        """By data set, what its ``counts.json`` holds."""
        return {path.name.removesuffix(".counts.json"): read_json(path) for path in self.files["counts"]}

    def where(self, kind: Kind) -> str:
        """The files of a kind, for error messages."""
        return ", ".join(map(str, self.files[kind]))


def sort(
    paths: Sequence[Path], reads: Sequence[Kind], restarting: Sequence[str], permuted: Sequence[str], batch_size: int
) -> Inputs:
    """The files of a table, by the kinds that it reads, and what else it is built by.

    Raises:
        InputError: a file has the name of none of these kinds.
    """
    files: dict[str, list[Path]] = {kind: [] for kind in reads}
    for path in paths:
        kinds = [kind for kind in reads if path.match(_NAMES[kind])]
        if not kinds:
            expected = " or ".join(_NAMES[kind].replace("*", "<dataset>") for kind in reads)
            raise InputError(f"{path}: expected a file named {expected}")
        files[kinds[0]].append(path)  # any name is one of levels, which stand last
    return Inputs(files, restarting, permuted, batch_size)


def _stream_of(path: Path) -> tuple[str, str]:
    """Data set and stream of a file; a number for a name is that of a replicate, in the stream's folder."""
    names = [*path.parts[:-1], path.stem]
    if path.stem.isdigit() and path.parts[-4:-3] == ("streams",):
        names.pop()
    if len(names) < 3 or names[-3] != "streams":
        raise InputError(f"{path}: expected streams/<dataset>/<stream>.parquet or .../<stream>/<replicate>.parquet")
    return names[-2], names[-1]


def _chooser(path: Path) -> Chooser:
    folders = path.parts[-1 - len(_TUNED) : -1]
    if len(folders) < len(_TUNED) or folders[2] not in TASKS or not folders[-1].removeprefix("seed_").isdigit():
        raise InputError(f"{path}: expected <{'>/<'.join(RUN)}>/seed_<replicate>/{path.name}")
    dataset, stream, task, method, seed = folders
    return dataset, stream, task, method, int(seed.removeprefix("seed_"))


def _read_all(
    paths: Sequence[Path],
    table: Table,
    names: Sequence[str],
    reduce: Callable[[pd.DataFrame], pd.DataFrame] = lambda frame: frame,
) -> pd.DataFrame:
    """What ``reduce`` makes of every file; without files, of an empty table."""
    if len(set(paths)) < len(paths):
        raise InputError(f"{table.name}: an input file is named twice")
    if not paths:
        return reduce(stacked([], table, names))
    frames = [reduce(_read(path, table, names)) for path in sorted(paths)]
    return pd.concat([frame for frame in frames if not frame.empty] or frames[:1], ignore_index=True)


def _read(path: Path, table: Table, names: Sequence[str]) -> pd.DataFrame:
    """A file's table, with the folders that hold the file as columns ``names``."""
    folders = dict(zip(names, path.parts[-1 - len(names) : -1], strict=False))
    expected = "/".join(f"<{name}>" for name in names)
    if len(folders) < len(names) or folders["task"] not in TASKS or folders.get("side", SIDES[0]) not in SIDES:
        raise InputError(f"{path}: expected {expected}/{path.name}, a task among {TASKS}, a side among {SIDES}")
    return read_table(path, table).assign(**folders)


def stacked(frames: Sequence[pd.DataFrame], table: Table, names: Sequence[str]) -> pd.DataFrame:
    """All rows; without any frame, none, with the right columns."""
    if frames:
        return pd.concat(frames, ignore_index=True)
    return table.empty().assign(**dict.fromkeys(names, pd.Series(dtype="str")))
