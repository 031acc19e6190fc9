"""What is kept of runs for good: the sums behind every table in a few files, small enough to be committed.

A run's own files hold every window with every popularity bin of the chosen sizes, and every user of every seed; no
table needs these together. Here the sizes are summed over windows and, apart, over bins, and the users' sums are means
over seeds, which is what their variance is taken of (``tables.clusters``). Everything else is as the runs left it.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from autoemb.analysis import claims, published, tables
from autoemb.analysis.inputs import LEVELS_OF, Inputs, stacked
from autoemb.analysis.tables.ablation import TRIAL
from autoemb.analysis.tables.intervals import BIN, RUN
from autoemb.analysis.tables.tuning import Chooser
from autoemb.artifact.files import read_json, whole, write_json
from autoemb.errors import InputError
from autoemb.experiment.choice import Candidate, Choice
from autoemb.schema import ALLOCATION, LEVEL_MODEL, LEVELS, OUTCOMES, PROGRESS, SIZES, TEST_USERS, Table

BY_POPULARITY, BY_WINDOW, GROWTH = "sizes-by-popularity", "sizes-by-window", "growth"

_SUMMED = ["n", "weight_sum", "chosen", "moved_sum"]

_KEYS: Mapping[str, Sequence[str]] = {
    **dict.fromkeys(("outcomes", "progress", "allocation", "test-users", "tuned", "tuned-users"), RUN),
    **dict.fromkeys((BY_POPULARITY, BY_WINDOW, GROWTH), RUN),
    "trials": TRIAL,
    "levels": [*LEVELS_OF, *LEVEL_MODEL],
    "streams": ["dataset", "stream"],
    "choices": [*RUN, "seed"],
}
"""Name of a file -> the columns that name one run in it: a run that is added takes the place of the same one."""

_TABLES: Mapping[str, Table] = {
    **{table.name: table for table in (OUTCOMES, PROGRESS, ALLOCATION, TEST_USERS, LEVELS)},
    "tuned": OUTCOMES,
    "tuned-users": TEST_USERS,
    "trials": OUTCOMES,
    BY_POPULARITY: SIZES,
    BY_WINDOW: SIZES,
    GROWTH: SIZES,
}
"""Name of a file -> the table that it is made of, where it is one of the schema."""

_REDUCED: Mapping[Callable[[pd.DataFrame], pd.DataFrame], str] = {
    tables.size_stream: BY_WINDOW,
    tables.sizes: BY_POPULARITY,
    tables.mean_size: BY_POPULARITY,
    tables.candidates: BY_POPULARITY,
}
"""What is made of ``schema.SIZES`` -> the file that it is made of here."""


@dataclass(frozen=True)
class Outcomes:
    """The sums of runs, from which every table is built; to the tables it is what ``Inputs`` is."""

    frames: Mapping[str, pd.DataFrame]
    """By the name of the file."""
    documents: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By the name of the file: ``counts`` by data set, and whatever else is to be kept, by what it is of."""
    restarting: Sequence[str] = ()
    """Streams whose counts restart at the test part."""
    permuted: Sequence[str] = ()
    """Streams whose replicates have a permutation of their own."""
    parity: bool = False
    """Whether they are on the order on which the released code was run."""

    def runs(self, table: Table, reduce: Callable[[pd.DataFrame], pd.DataFrame] = lambda frame: frame) -> pd.DataFrame:
        """As ``Inputs.runs``."""
        if table is not SIZES:
            return reduce(self.frames[table.name])
        if reduce is claims.growth:
            return self.frames[GROWTH]
        if reduce not in _REDUCED:
            raise InputError(f"{SIZES.name}: {reduce.__name__}: not among what is kept of them")
        return reduce(self.frames[_REDUCED[reduce]])

    def trials(self) -> pd.DataFrame:
        """As ``Inputs.trials``."""
        return self.frames["trials"]

    def levels(self) -> pd.DataFrame:
        """As ``Inputs.levels``."""
        return self.frames["levels"]

    def tuned(self, kind: Literal["tuned", "tuned-users"]) -> pd.DataFrame:
        """As ``Inputs.tuned``."""
        return self.frames[kind]

    def fixed(self) -> pd.DataFrame:
        """As ``Inputs.fixed``."""
        runs = self.frames["outcomes"]
        theirs = published.released_code()[["dataset", "stream"]].drop_duplicates()
        return runs.merge(theirs, on=["dataset", "stream"]) if self.parity else runs[:0]

    def choices(self) -> dict[Chooser, Choice]:
        """As ``Inputs.choices``."""
        rows = self.frames["choices"].to_dict("records")
        return {
            (str(row["dataset"]), str(row["stream"]), str(row["task"]), str(row["method"]), int(row["seed"])): Choice(
                candidates=tuple(Candidate(**one) for one in json.loads(row["candidates"])), chosen=int(row["chosen"])
            )
            for row in rows
        }

    def stream_table(self) -> pd.DataFrame:
        """As ``Inputs.stream_table``; no stream is kept."""
        return self.frames["streams"]

    def counts(self) -> dict[str, Any]:
        """As ``Inputs.counts``."""
        return dict(self.documents["counts"])

    def where(self, kind: str) -> str:
        """As ``Inputs.where``."""
        return f"the record's {kind}"

    def has(self, kind: str) -> bool:
        """Whether there is anything of a kind of files."""
        if kind == "counts":
            return bool(self.documents.get(kind))
        return not self.frames[kind if kind != SIZES.name else BY_POPULARITY].empty

    def with_more(self, other: "Outcomes") -> "Outcomes":
        """These and others, which take the place of the same runs."""
        return Outcomes(
            {name: _replaced(self.frames[name], more, _KEYS[name]) for name, more in other.frames.items()},
            {name: {**self.documents.get(name, {}), **more} for name, more in other.documents.items()},
            other.restarting,
            other.permuted,
            other.parity,
        )


def gather(inputs: Inputs, documents: Mapping[str, Mapping[str, Any]]) -> Outcomes:
    """The sums of the runs that these files hold.

    Args:
        inputs: the files, of all kinds.
        documents: what else is to be kept, as JSON.
    """
    choices = [
        dict(zip([*RUN, "seed"], chooser, strict=True))
        | {"candidates": json.dumps([one.model_dump() for one in choice.candidates]), "chosen": choice.chosen}
        for chooser, choice in inputs.choices().items()
    ]
    frames = {
        **{table.name: inputs.runs(table) for table in (OUTCOMES, PROGRESS)},
        ALLOCATION.name: inputs.runs(ALLOCATION),
        TEST_USERS.name: _over_seeds(inputs.runs(TEST_USERS)),
        BY_POPULARITY: inputs.runs(SIZES, _by_popularity),
        BY_WINDOW: inputs.runs(SIZES, _by_window),
        GROWTH: inputs.runs(SIZES, claims.growth),
        "tuned": inputs.tuned("tuned"),
        "tuned-users": _over_seeds(inputs.tuned("tuned-users")),
        "choices": pd.DataFrame(choices, columns=[*RUN, "seed", "candidates", "chosen"]),
        "trials": inputs.trials(),
        "levels": inputs.levels(),
        "streams": inputs.stream_table(),
    }
    sorted_ = {name: _replaced(pd.DataFrame(), frame, _KEYS[name]) for name, frame in frames.items()}
    return Outcomes(sorted_, {**documents, "counts": inputs.counts()}, inputs.restarting, inputs.permuted)


def write(outcomes: Outcomes, folder: Path) -> None:
    """Write the files of ``read``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame in outcomes.frames.items():
        path = folder / f"{name}.parquet"
        if frame.empty:
            path.unlink(missing_ok=True)
            continue
        floats = [str(column) for column, kind in frame.dtypes.items() if kind == "float64"]
        others = [str(column) for column in frame.columns if column not in floats]
        rows = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata()
        with whole(path) as temporary:
            # bytes of the same place stand together, so that exponents compress
            pq.write_table(
                rows, temporary, compression="zstd", compression_level=19, use_dictionary=others,
                use_byte_stream_split=floats,
            )  # fmt: skip
    for name, content in outcomes.documents.items():
        write_json(content, folder / f"{name}.json")


def read(folder: Path, restarting: Sequence[str] = (), permuted: Sequence[str] = (), parity: bool = False) -> Outcomes:
    """What ``write`` wrote; the other arguments are the attributes of the same names.

    Raises:
        InputError: a file cannot be read.
    """
    frames = {}
    for name in _KEYS:
        path = folder / f"{name}.parquet"
        try:
            frames[name] = pd.read_parquet(path) if path.exists() else _nothing(name)
        except (OSError, ValueError) as error:  # pyarrow's ArrowInvalid is a ValueError
            raise InputError(f"{path}: cannot be read ({error}); expected what was committed") from error
    documents = {}
    for path in sorted(folder.glob("*.json")):
        documents[path.stem] = read_json(path)
    return Outcomes(frames, documents, restarting, permuted, parity)


def _nothing(name: str) -> pd.DataFrame:
    """What stands for a file that is not there."""
    if name not in _TABLES:
        return pd.DataFrame(columns=list(_KEYS[name]))
    names = [key for key in _KEYS[name] if key not in _TABLES[name].columns]
    empty = stacked([], _TABLES[name], names)
    return claims.growth(empty) if name == GROWTH else empty


def _by_popularity(sizes: pd.DataFrame) -> pd.DataFrame:
    """Of runs that do not choose, one row for the size that they have."""
    keys = [*RUN, "seed", "split", "side", *BIN, "size"]
    sums = sizes.groupby(keys, as_index=False, sort=False)[_SUMMED].sum()
    chooses = sums.groupby(RUN)["size"].transform("nunique") > 1
    return sums[chooses | ~sums.duplicated([*RUN, "size"])]


def _by_window(sizes: pd.DataFrame) -> pd.DataFrame:
    """Only of runs that choose: of others there is nothing to see along the stream."""
    several = sizes[sizes.groupby(RUN)["size"].transform("nunique") > 1]
    keys = [*RUN, "seed", "split", "side", "window", "size"]
    return several.groupby(keys, as_index=False, sort=False)[_SUMMED].sum()


def _over_seeds(users: pd.DataFrame) -> pd.DataFrame:
    """Means over seeds, as if they were one seed's sums."""
    means = users.groupby([*RUN, "user"], as_index=False, sort=False)[["n", "loss_sum", "correct"]].mean()
    return means.assign(seed=0)


def _replaced(old: pd.DataFrame, new: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """Rows of both, of the same run the new ones; sorted by the run, so that nothing depends on when it came."""
    if old.empty or new.empty:
        both = new if old.empty else old
    else:
        again = pd.MultiIndex.from_frame(old[list(keys)]).isin(pd.MultiIndex.from_frame(new[list(keys)]))
        both = pd.concat([old[~again], new], ignore_index=True)
    return both.sort_values(list(keys), kind="stable", ignore_index=True) if len(both) else both
