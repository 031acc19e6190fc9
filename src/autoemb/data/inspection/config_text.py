"""The proposed config in YAML, line by line, with comments that say what is what and why."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from autoemb.artifact.yaml import dumped
from autoemb.data.inspection.guess import Guess
from autoemb.data.inspection.problems import percent, shares_of_classes
from autoemb.data.inspection.proposal import BATCHES, LEAST_STEPS, Proposal, steps
from autoemb.data.inspection.survey import Survey

WIDTH = 110
"""Characters of a line of findings, and of a line of the config with its comment."""

COLUMN = 41
"""The column in which the comments of the config begin, behind lines that are shorter."""

SIZES = (4, 16, 64, 128)
"""Fixed sizes that are proposed with a scaled start."""

Line = tuple[str, str]
"""A line of the config, and its comment."""


def config(name: str, guess: Guess, counted: Survey, proposal: Proposal) -> Iterator[Line]:
    """The lines of the config, each with a comment that says what it is or why."""
    if proposal.batch_size != BATCHES[0]:
        made, as_papers = (steps(counted.rows, size) for size in (proposal.batch_size, BATCHES[0]))
        for_what = f"for {LEAST_STEPS} steps or more" if made >= LEAST_STEPS else "the smallest"
        why = f"{for_what}: the train part makes {made}, with the papers' {BATCHES[0]} {as_papers}"
        yield f"batch_size: {proposal.batch_size}", why
    yield "seeds: 3", "models of each method, started differently; intervals are over them"
    yield "datasets:", ""
    yield f"  {spelt(name)}:", ""
    yield "    source: csv", "your own ratings"
    for key, (value, why) in _data(guess, counted, proposal).items():
        yield f"    {key}: {spelt(value)}", why
    yield "streams:", ""
    for key, stream in proposal.streams.items():
        settings = {"order": stream.order, "test": stream.test}
        yield f"  {key}: {spelt(settings)}", f"{_ORDERS[stream.order]}; the last quarter is the test part"
    yield "methods:", ""
    yield "  constant: {}", "the share of each label: what is worse has learnt nothing"
    yield "  means: {}", "how a user and an item are rated, without any embedding"
    yield "  mf: {}", "matrix factorisation"
    yield "  fse-128: {method: fse, size: 128}", "the papers' start; tables show differences from it"
    for size in SIZES:
        why = f"{size} numbers for every id, whose start has the variance 1/{size}" if size == SIZES[0] else ""
        yield f"  fse-{size}-scaled: {{method: fse, size: {size}, embedding_init: scaled}}", why
    yield "  autoemb-scaled: {method: autoemb, embedding_init: scaled}", "sizes of 2, 16 and 128, by popularity"
    yield "  esapn: {}", "sizes of 2 to 128, which grow"
    if proposal.levels is None:
        yield "# levels:", "left out: see the problems above"
    else:
        yield "levels:", "error against ratings per id (Fig. 1 of the paper), with either start"
        yield (
            f"  side: {proposal.levels.side}",
            "a config has one side; the paper: user. For items: item, and levels for these",
        )
        levels = spelt(proposal.levels.at)
        yield f"  at: {levels}", f"users with the ratings for the highest: {proposal.reached:,}"


_ORDERS = {
    "temporal": "by time, equal times in the file's order",
    "given": "the file's own order",
    "shuffled": "in a seeded random order",
}


def _data(guess: Guess, counted: Survey, proposal: Proposal) -> dict[str, tuple[Any, str]]:
    """The settings of the data set that the file needs: by key, the value, and a comment that says what or why."""
    data = proposal.data
    rows: dict[str, tuple[Any, str]] = {}
    ratings, times = counted.spread
    about = "" if counted.ratings else "about "
    positive = about + percent(float(times[ratings >= np.float32(data.positive_from)].sum() / times.sum()))
    rows["archive"] = (data.archive, "from the folder in which snakemake is run")
    rows["columns"] = (data.columns.named, _how(guess))
    if guess.kind == "text":
        rows["delimiter"] = (data.delimiter, "")
        rows["encoding"] = (data.encoding, "utf-8, cp1252 or latin-1")
    if data.columns.timestamp is not None:
        rows["timestamp_unit"] = (data.timestamp_unit, "s, ms, us or ns of whole numbers, by their size; iso: text")
    rows["rating_range"] = (data.rating_range, "the lowest and the highest; others would be refused")
    if data.rating_step is not None:
        rows["rating_step"] = (data.rating_step, "between ratings; left out, any in the range is allowed")
    rows["positive_from"] = (data.positive_from, f"{positive} are positive; set nearest to 4/5 of the range")
    rows["class_edges"] = (data.class_edges, _classes(counted, data.class_edges))
    if counted.repeated:
        rows["duplicates"] = (data.duplicates, "of a user's ratings of an item: all, or the first or the last by time")
    return rows


def _how(guess: Guess) -> str:
    """How the columns are named, and whether that of the times was guessed by its values."""
    named = "their names" if guess.names else "their numbers, from 1"
    return named + ("; the timestamp by its values" if guess.times_by_value else "")


def _classes(counted: Survey, edges: Sequence[float]) -> str:
    """What the classes are, with their shares where these are not those of single ratings."""
    if counted.ratings and len(counted.ratings) <= len(edges):
        return "highest rating of each class: each rating is one"
    about = "" if counted.ratings else "about "
    return f"highest rating of each class; shares: {about}{', '.join(map(percent, shares_of_classes(counted, edges)))}"


def aligned(lines: Iterator[Line]) -> Iterator[str]:
    """Each line with its comment: behind the line, in one column for all; above a line that is too long for both."""
    for line, comment in lines:
        if comment and len(line) > COLUMN and len(line) + len(comment) > WIDTH:
            indent = " " * (len(line) - len(line.lstrip()))
            yield f"{indent}# {comment}"
            yield line
        else:
            yield f"{line:{COLUMN}}  # {comment}" if comment else line


def spelt(value: Any) -> str:
    """A value as YAML spells it, on one line; whole numbers without a point."""
    text = dumped(_plain(value), default_flow_style=True, allow_unicode=True, width=math.inf)
    return text.removesuffix("...\n").strip()


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
