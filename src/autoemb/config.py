"""Settings: typed, frozen, unknown keys refused. Each field states its unit and source.

The settings of a data set or a method stand in its own module; here is what they share, and the
settings of the stages between them. ``experiment.grid`` puts them together into one workflow, and
``experiment.reference`` makes the tables of config/README.md from the fields and their docstrings.
"""

import itertools
import math
import re
import struct
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from autoemb.errors import InputError, explain

Task = Literal["regression", "classification"]
Side = Literal["user", "item"]
MOST_SEEDS = 10_000
"""Replicates of a method."""

LONGEST_NAME = 40
"""Letters; a longer one leaves no room in figures."""

Name = Annotated[str, Field(pattern=r"^[a-z0-9]+([.-][a-z0-9]+)*$", max_length=LONGEST_NAME)]
"""The name of an entry in the config; it becomes a folder, so: small letters, digits, '-' and '.'."""

Count = Annotated[int, Field(ge=1, le=2**31 - 1)]
"""A number of things that are counted in 32 bits."""

Width = Annotated[int, Field(ge=1, le=2**16)]
"""Of an embedding or a hidden layer."""


class Settings(BaseModel):
    """Frozen, strict about keys and types (no "3" for 3, no 1 for true), and without infinities."""

    # JSON has no infinity and no NaN: a job would be given null in their place
    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True, allow_inf_nan=False
    )


AnySettings = TypeVar("AnySettings", bound=Settings)


def parse(kind: type[AnySettings], text: str, where: str) -> AnySettings:
    """Validate a JSON object.

    Raises:
        InputError: not JSON, an unknown key, or a value out of its range; the message names it.
    """
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        raise InputError(explain(error, where)) from error


LARGEST = 3.4028234663852886e38
"""The largest number that float32 holds, in which ratings are kept."""

MOST_CLASSES = 127
"""Classes that can be told apart: labels are kept in int8."""


def _in_float32(rating: float) -> float:
    if abs(rating) > LARGEST:
        raise ValueError(f"expected a rating between {-LARGEST:.3g} and {LARGEST:.3g}, which float32 holds")
    return rating


Rating = Annotated[float, AfterValidator(_in_float32)]
"""A rating, in the data set's own unit."""


def not_in_paths(path: str) -> str:
    """What of a path the workflow would not take as it stands; empty if nothing."""
    if found := re.search(r"[{}<>]", path):
        return f"holds {found[0]!r}, which the workflow takes for a pattern"
    if found := re.search(r"[\x00-\x1f\x7f]", path):
        return f"holds the control character {found[0]!r}"
    return "" if path else "is empty"


def _no_pattern(path: str) -> str:
    if problem := not_in_paths(path):
        raise ValueError(f"{problem}; expected a path without: rename the file or its folder")
    return re.sub("//+", "/", path)  # two are a pattern, too, and mean the same as one


LocalFile = Annotated[str, AfterValidator(_no_pattern)]
"""The path of a file that a person brings."""


class DatasetConfig(Settings):
    """The settings of every data set."""

    archive: LocalFile | None = None
    """A local file to read instead of downloading; relative to the working folder."""

    duplicates: Literal["all", "first", "last"] = "all"
    """Which of several ratings of an item by one user stay: all of them (the published sets have one of each pair),
    or the first or the last by timestamp. Ties are broken by the order in the file."""

    mirrors: tuple[str, ...] = ()
    """Further http or https addresses of the archive. They are tried in this order, and the publisher's own after them;
    the file that is downloaded must match the publisher's checksum. Of no use beside ``archive``."""

    positive_from: Rating = 4.0
    """Lowest rating, in stars, that counts as positive in the regression task (released code: 4)."""

    class_edges: Annotated[tuple[Rating, ...], Field(min_length=2, max_length=MOST_CLASSES)] = (1.0, 2.0, 3.0, 4.0, 5.0)
    """Highest rating of each class, ascending. The default makes {.5, 1} {1.5, 2} ... {4.5, 5} (ESAPN, sec. 4)."""

    @field_validator("class_edges")
    @classmethod
    def _ascending(cls, edges: tuple[float, ...]) -> tuple[float, ...]:
        """Also as float32, in which ratings are compared with them."""
        kept = struct.unpack(f"{len(edges)}f", struct.pack(f"{len(edges)}f", *edges))
        for lower, upper in itertools.pairwise(kept):
            if not lower < upper:
                raise ValueError(f"{upper:g} follows {lower:g}; expected ascending numbers, each once")
        return edges

    @field_validator("mirrors")
    @classmethod
    def _addresses(cls, mirrors: tuple[str, ...]) -> tuple[str, ...]:
        for mirror in mirrors:
            parts = urlsplit(mirror)
            if parts.scheme not in ("http", "https") or not parts.hostname or not mirror.isprintable() or " " in mirror:
                raise ValueError(f"{mirror!r}: expected an address that begins with http:// or https://")
            if parts.username is not None:
                raise ValueError("expected addresses without a user name; those and passwords belong in ~/.netrc")
        return mirrors


class StreamConfig(Settings):
    """How a stream is made of interactions."""

    order: Literal["temporal", "shuffled", "given"]
    """``temporal``: by timestamp, ties in file order (the paper's text). ``shuffled``: a seeded permutation (the
    released code). ``given``: the file's own order."""

    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of the permutation that ``shuffled`` makes (released code: 0)."""

    permutations: Literal["each", "one"] = "each"
    """Of ``shuffled``: ``each`` replicate has its own permutation, of the seeds ``seed``, ``seed`` + 1, ..., so that
    intervals say what order, sample and start do together (assumption); or all share ``one``, that of ``seed``
    (released code), and can be trained together on a GPU."""

    @property
    def permuted(self) -> bool:
        """Whether each replicate goes through a stream of its own."""
        return self.order == "shuffled" and self.permutations == "each"

    def of_replicate(self, replicate: int) -> "StreamConfig":
        """The settings of the stream that a replicate goes through, where each has its own."""
        return self.model_copy(update={"seed": self.seed + replicate})

    first: Annotated[Count, Field(ge=2)] | None = None
    """The largest number of interactions that are kept, the first in the order; left out, all of them are."""

    users: Annotated[float, Field(gt=0, le=1)] = 1.0
    """The share of the users whose interactions are kept, drawn at random by ``seed``: a sample of many ratings
    (assumption: all of them)."""

    test: Annotated[float, Field(gt=0)] = 0.25
    """The last part of the stream, which the tables report: a share of it if below 1, else a number of
    interactions (released code: 4.8 to 5 million; ESAPN: the last 5 million)."""

    popularity: Literal["restart", "continue"] = "continue"
    """Whether the running counts of users and items start again at the test part or go on
    (released code: restart; the paper describes one stream, in which they go on)."""

    rare_items: Literal["keep", "tag-genome", "drop-rarest"] = "keep"
    """``tag-genome`` keeps only the items of the archive's genome-scores file (released code: an inner join, which
    drops 61 % of ml-20m's rated items, the rarest, with 1 % of its ratings). ``drop-rarest`` stands in for it where
    there is no genome (assumption): it drops the rarest items that have 1 % of the ratings together."""


def refuse_unordered(numbers: tuple[int, ...]) -> tuple[int, ...]:
    """The numbers as they are; a ValueError if they do not ascend."""
    if list(numbers) != sorted(set(numbers)):
        raise ValueError("expected ascending numbers, each once")
    return numbers


def _refuse_twice(values: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(set(values)) < len(values):
        raise ValueError("expected each once")
    return values


Ascending = Annotated[tuple[Count, ...], Field(min_length=1), AfterValidator(refuse_unordered)]
"""At least one whole number from 1, ascending, each once."""


def _in_a_list(value: Any) -> Any:
    """A single number as the list of it; a list as it stands, which pydantic asks for as a tuple."""
    return tuple(value) if isinstance(value, list) else (value,) if isinstance(value, int) else value


def _refuse_none(numbers: tuple[int, ...]) -> tuple[int, ...]:
    if not numbers:
        raise ValueError("expected at least one number")
    return numbers


Passes = Annotated[
    tuple[Count, ...],
    BeforeValidator(_in_a_list),
    AfterValidator(_refuse_none),
    AfterValidator(refuse_unordered),
]
"""As ``Ascending``, or a number alone."""

Sizes = Annotated[tuple[Width, ...], Field(min_length=1), AfterValidator(refuse_unordered)]
"""Candidate sizes d_1 < ... < d_K: widths of embeddings."""


Start = Literal["normal", "scaled"] | Annotated[float, Field(gt=0)]
"""How embeddings start: by name, or by their standard deviation."""


class StepsLike(Settings):
    """A data set of which a model makes as many steps at each popularity level."""

    dataset: str
    """Its name."""

    ids: Count
    """Users or items that it has, of the side whose ratings are counted."""


class LevelModel(Settings):
    """A model that is trained at every popularity level."""

    method: Literal["fse", "constant", "means"]
    """What it is; ``constant`` and ``means`` are anchors."""

    size: Annotated[int, Field(ge=0, le=2**16)] = 0
    """Of the embeddings; 0 of an anchor, which has none."""

    start: Start | None = None
    """Of the embeddings; None of an anchor."""

    passes: Count | None = 1
    """Passes over the training part; 1 of an anchor, and None where ``steps_like`` says how long."""

    steps_like: StepsLike | None = None
    """The data set whose number of steps the model makes at each level."""

    @model_validator(mode="after")
    def _has_embeddings(self) -> "LevelModel":
        is_fse = self.method == "fse"
        if is_fse != (self.size > 0) or is_fse != (self.start is not None):
            given = f"method {self.method!r} with size {self.size} and start {self.start!r}"
            raise ValueError(f"{given}: expected fse with a size from 1 and a start, or an anchor with neither")
        return self

    @model_validator(mode="after")
    def _has_an_end(self) -> "LevelModel":
        if (self.passes is None) != (self.steps_like is not None):
            raise ValueError(f"passes {self.passes} with steps_like {self.steps_like}: expected one of them")
        if self.method != "fse" and self.passes != 1:
            raise ValueError(f"method {self.method!r}: expected one pass, as an anchor counts each rating once")
        return self

    @property
    def training(self) -> str:
        """How long it is trained, in words."""
        if self.steps_like is not None:
            return f"steps of {self.steps_like.dataset}"
        return "1 pass" if self.passes == 1 else f"{self.passes} passes"

    @property
    def name(self) -> str:
        """Of its files."""
        if self.method != "fse":
            return self.method
        start = "" if self.start == "normal" else f"-{self.start}"
        return f"size-{self.size}{start}" + ("" if self.passes == 1 else f"-{self.training.replace(' ', '-')}")

    def steps(self, level: int, ratings: int, batch_size: int) -> int:
        """Batches that it learns from at a popularity level, whose training part has so many ratings."""
        if self.steps_like is not None:
            return math.ceil(self.steps_like.ids * level / batch_size)
        return (self.passes or 1) * math.ceil(ratings / batch_size)


class LevelsConfig(Settings):
    """Fig. 1's popularity levels: one model for each embedding size, at every popularity level."""

    side: Side = "user"
    """The side whose ratings are counted (the paper: users)."""

    sizes: Sizes = (2, 16, 128)
    """Embedding sizes (Fig. 1)."""

    starts: Annotated[tuple[Start, ...], Field(min_length=1), AfterValidator(_refuse_twice)] = ("normal", "scaled")
    """How the embeddings start, as ``embedding_init`` of a method; each size is trained with every start (the paper
    says none; released code: ``normal``)."""

    at: Ascending = (2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28)
    """Popularity levels x: ratings per id in the training part (Fig. 1: 2 to 28)."""

    test_share: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Share of each id's ratings that are set aside as its test part (the paper: "a fixed share")."""

    passes: Passes = (1,)
    """Passes over the training part, a number or several: every size and start is trained with each. The papers' claims
    are judged of the least (assumption: one, as on the stream)."""

    steps_like: str | None = None
    """A published data set; left out, none. Every size and start is trained once more, with as many steps at each level
    as that data set makes in one pass: its users (of ``side``: items) times x, over the batch size. The last pass ends
    where that number is reached. It tells too few steps from too small an embedding."""

    path: Literal["raw", "transform", "chain"] = "raw"
    """The models' path from a table's row to the head, as ``path`` of the method ``fse``."""

    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of the split and of the order of both parts."""

    permutations: Literal["each", "one"] = "each"
    """``each`` replicate has its own split, of the seeds ``seed``, ``seed`` + 1, ..., so that intervals say what split,
    order and start do together; or all share ``one``, that of ``seed``."""

    def of_replicate(self, replicate: int) -> "LevelsConfig":
        """The settings of the split that a replicate is trained on."""
        return self if self.permutations == "one" else self.model_copy(update={"seed": self.seed + replicate})

    def models(self, like: StepsLike | None = None) -> dict[str, LevelModel]:
        """By name: the anchors, then every start with every length of training and every size.

        Args:
            like: what ``steps_like`` names.
        """
        models = [LevelModel(method="constant"), LevelModel(method="means")]
        lengths: list[tuple[int | None, StepsLike | None]] = [(passes, None) for passes in self.passes]
        lengths += [(None, like)] if like else []
        models += [
            LevelModel(method="fse", size=size, start=start, passes=passes, steps_like=steps)
            for start, (passes, steps), size in itertools.product(self.starts, lengths, self.sizes)
        ]
        return {model.name: model for model in models}


class MethodConfig(Settings):
    """The settings of every method: none, as a closed form needs none."""


class AdamConfig(MethodConfig):
    """The settings of every method whose embeddings Adam learns."""

    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    """Learning rate of Adam on the model's parameters W (released code)."""

    rows_optimizer: Literal["dense", "sparse"] = "dense"
    """How Adam moves the rows of every table: ``dense`` also moves, by their momentum, the rows that a batch does not
    use (released code); ``sparse`` leaves those rows and their moments as they are (PyTorch's ``SparseAdam``)."""

    rows_learning_rate: Annotated[float, Field(gt=0)] | None = None
    """Learning rate of Adam on the embeddings of users and items; left out, that of W (released code)."""

    embedding_init: Start = "normal"
    """How embeddings start: ``normal``, drawn from normal(0, 1) (released code: PyTorch's default), or ``scaled``, the
    same draws over the square root of their width (assumption); a number multiplies the draws instead."""

    def start_of(self, width: int) -> float:
        """Standard deviation of the start of an embedding of some width."""
        if self.embedding_init == "scaled":
            return 1 / math.sqrt(max(width, 1))
        return 1.0 if self.embedding_init == "normal" else self.embedding_init

    @property
    def moves_unused_rows(self) -> bool:
        """Whether Adam moves the rows that a batch does not use."""
        return self.rows_optimizer == "dense"


class NetworkConfig(AdamConfig):
    """The settings of every method whose embeddings go through the head."""

    hidden: Width = 512
    """Width of the head's hidden layer (released code)."""

    batch_norm_at_prediction: Literal["batch", "running"] = "batch"
    """What BatchNorm normalises by in the recorded prediction: the batch's own statistics, so that a prediction
    depends on the other 499 (released code), or running ones (PyTorch's: momentum .1), moved by the batches that W
    has learnt from. Learning goes by the batch's own in both."""


class AblationConfig(Settings):
    """Which settings of the released code are changed, one at a time, and on what (``experiment/ablation.py``)."""

    settings: Literal["all"] | tuple[str, ...] = "all"
    """Names of the settings that are changed, or all of them."""

    leave_out: tuple[str, ...] = ()
    """Names of settings that are not changed although ``settings`` has them, or of single values, such as ``policy.3``.
    On data with fewer users than items ``item-context-loss`` must be among them."""

    rare_items: Literal["tag-genome", "drop-rarest"] = "tag-genome"
    """What the base does with rare items: ``tag-genome``, as the released code does, or ``drop-rarest``, which stands
    in for it where the data has no tag genome. Both are explained at a stream's ``rare_items``."""

    test: Annotated[float, Field(gt=0)] = 0.25
    """The test part of every stream: a share of it if below 1, else a number of interactions."""

    first: Annotated[Count, Field(ge=2)] | None = None
    """The largest number of interactions of every stream that are kept, the first in its order; left out, all of them
    are. With it, the settings ``order`` and ``rare-items`` also change which interactions are kept: ``temporal`` keeps
    the oldest, not a random part, ``keep`` another random part. Their effects are then in part those of other data."""

    tasks: Annotated[tuple[Task, ...], Field(min_length=1)] | None = None
    """The tasks of the trials; left out, those of the config."""

    seeds: Annotated[int, Field(ge=1, le=MOST_SEEDS)] | None = None
    """Replicates of every trial; left out, as many as the config has."""

    methods: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """Names of the methods that are trained, out of those of the protocol ``released-code``; left out, all of them."""

    @field_validator("settings", mode="before")
    @classmethod
    def _all_or_some(cls, value: Any) -> Any:
        """Else two branches of the union would each say what is wrong."""
        if isinstance(value, list | tuple):
            return tuple(value)
        if value != "all":
            raise ValueError("expected all, or a list of settings")
        return value


class TuningConfig(Settings):
    """How methods are tuned: on the last part of a stream's train part, and never on its test part."""

    candidates: Annotated[tuple[dict[str, Any], ...], Field(min_length=2)]
    """What is tried, the same for every method: each replaces these settings of the method; ``{}`` none."""

    methods: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """Names of the methods that are tuned; left out, all that have the candidates' settings."""

    streams: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """Names of the streams on which they are; left out, all of them."""

    tasks: Annotated[tuple[Task, ...], Field(min_length=1)] | None = None
    """The tasks; left out, those of the config."""

    last: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """The last share of the train part, on which the candidates are compared. They are predicted and learnt there as on
    a test part, and trained on what is before it (assumption)."""

    @field_validator("candidates")
    @classmethod
    def _each_once(cls, candidates: tuple[dict[str, Any], ...]) -> tuple[dict[str, Any], ...]:
        for n, one in enumerate(candidates):
            if one in candidates[:n]:
                raise ValueError(f"{one} stands there twice; expected each once")
        return candidates


def _more_than_one(interactions: int) -> int:
    if interactions == 1:
        raise ValueError("expected 2 or more: batch normalisation makes the same of any single interaction")
    return interactions


class Computation(Settings):
    """How methods are trained and what computes: what a config and each of its runs have in common."""

    batch_size: Annotated[Count, AfterValidator(_more_than_one)] = 500
    """Interactions per mini-batch (released code)."""

    windows: Annotated[int, Field(ge=1, le=10_000)] = 40
    """Number of windows of the curve over the stream."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    """What computes; ``auto`` is the GPU where there is one."""

    dtype: Literal["float32", "float64"] = "float32"
    """Type of all parameters and arithmetic (released code: float32)."""

    compile: Literal["auto", "always", "never"] = "auto"
    """Whether the training step is compiled. ``auto`` compiles it, where the machine can, if the run's seeds make
    enough steps together to win back the time that compiling takes: 4,000 on a CPU, 200,000 on a GPU."""

    seeds_at_once: Count | None = None
    """Seeds of a job that are trained together; left out, all of them on a GPU, and one after the other on a CPU. They
    are halved, and the log says so, if a GPU's memory does not hold them."""


class RunConfig(Computation):
    """How a method is run over a stream; the same for all methods."""

    task: Task
    """``regression`` (binarised rating, MSE of the sigmoid) or ``classification`` (classes, cross-entropy)."""

    seeds: Annotated[int, Field(ge=1, le=MOST_SEEDS)]
    """Number of replicates: seeds 0 .. seeds-1, one initialisation each."""

    classes: Annotated[int, Field(ge=2)] = 5
    """Number of classes of the classification task: one per edge of the data set's ``class_edges``."""
