"""What the file holds and what is proposed, as a config in YAML that a person can read and change."""

import itertools
import math
import textwrap
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import yaml

from autoemb.data.inspection.guess import Guess
from autoemb.data.inspection.problems import percent, problems
from autoemb.data.inspection.proposal import Proposal
from autoemb.data.inspection.survey import DIFFERENT, Counts, Survey

WIDTH = 110
"""Characters of a line of findings."""

COLUMN = 41
"""The column in which the comments of the config begin, behind lines that are shorter."""

UNBROKEN = "\N{NO-BREAK SPACE}"
"""A space at which no line is wrapped; it is printed as a plain one."""

SHOWN = 25
"""At most so many different ratings are shown with their shares."""

QUANTILES = {"min": 0.0, "25 %": 0.25, "median": 0.5, "75 %": 0.75, "95 %": 0.95, "max": 1.0}

Line = tuple[str, str]
"""A line of the config, and its comment."""


def text(name: str, guess: Guess, counted: Survey, proposal: Proposal) -> str:
    """The findings as comments, then the config; it ends with the end of a line.

    Args:
        name: of the data set in the config.
        guess: what the file looks like.
        counted: what is in it.
        proposal: the settings.
    """
    archive = proposal.data.archive
    lines = [f"# `autoemb inspect` found in {archive if archive.isprintable() else repr(archive)}:"]
    for key, value in findings(guess, counted, proposal):
        lines += _wrapped(value, f"#   {key:9}", f"#   {'':9}")
    lines += ["#", *(f"#   {line}" for line in popularity_table(counted)), "#"]
    every_problem = [guess.problem] * bool(guess.problem) + list(problems(counted, proposal))
    lines.append("# problems:" + " none" * (not every_problem))
    for problem in every_problem:
        lines += _wrapped(problem, "#   - ", "#     ")
    lines += ["#", "# Ready to run, from the folder in which this was printed; change what does not suit you:"]
    return "\n".join([*lines, "", *_aligned(config(name, guess, counted, proposal))]) + "\n"


def findings(guess: Guess, counted: Survey, proposal: Proposal) -> Iterator[Line]:
    """What the file holds: the name of each finding, and the finding."""
    named = {value: key for key, value in guess.columns.named.items()}
    columns = ", ".join(f"{side} {column!r}" for column, side in named.items())
    unused = ", ".join(repr(name) for name in guess.names if name not in named)
    if guess.kind == "Parquet":
        yield "file", "Parquet"
    else:
        first = "names in the first line" if guess.names else "no names in the first line"
        yield "file", f"text in {guess.encoding}, delimiter {guess.delimiter!r}, {first}"
    if guess.kind == "text" and not guess.names:
        columns += ", by their place: check them"
    yield "columns", columns + (f"; not used: {unused}" if unused else "")
    users, items = len(counted.users), len(counted.items)
    yield (
        "rows",
        f"{counted.rows:,} ratings by {users:,} users of {items:,} items:"
        f" {percent((counted.rows - counted.repeated) / (users * items))} of all pairs",
    )
    yield from _scale(counted, proposal)
    if guess.columns.timestamp is not None:
        yield "times", f"{_time(counted.first)} to {_time(counted.last)} UTC"
    else:
        yield "times", "none"


def popularity_table(counted: Survey) -> list[str]:
    """Quantiles of the ratings of each user and of each item, as aligned lines."""
    sides = {"of a user": counted.users, "of an item": counted.items}
    rows = [
        ["ratings", *QUANTILES],
        *([side, *(f"{n:,}" for n in _quantiles(counts))] for side, counts in sides.items()),
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["   ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows]


def config(name: str, guess: Guess, counted: Survey, proposal: Proposal) -> Iterator[Line]:
    """The lines of the config, each with a comment that says what it is or why."""
    yield "seeds: 3", "models of each method, started differently; intervals are over them"
    yield "datasets:", ""
    yield f"  {name}:", ""
    yield "    source: csv", "your own ratings"
    for key, (value, why) in _data(guess, counted, proposal).items():
        yield f"    {key}: {_spelt(value)}", why
    yield "streams:", ""
    for key, stream in proposal.streams.items():
        settings = {"order": stream.order, "test": stream.test}
        yield f"  {key}: {_spelt(settings)}", f"{_ORDERS[stream.order]}; the last quarter is the test part"
    yield "methods:", ""
    yield "  fse-2: {method: fse, size: 2}", "an embedding of 2 numbers for every id"
    yield "  fse-16: {method: fse, size: 16}", ""
    yield "  fse-128: {method: fse, size: 128}", ""
    yield "  autoemb: {}", "sizes of 2, 16 and 128, weighted by popularity"
    if proposal.popularity is None:
        yield "# popularity:", "left out: see the problems above"
    else:
        yield "popularity:", "error against ratings per user (Fig. 1 of the paper)"
        yield f"  side: {proposal.popularity.side}", ""
        levels = _spelt(proposal.popularity.levels)
        yield f"  levels: {levels}", f"users with the ratings for the highest: {proposal.reached:,}"


_ORDERS = {
    "temporal": "by time, equal times in the file's order",
    "given": "the file's own order",
    "shuffled": "in a seeded random order",
}


def _data(guess: Guess, counted: Survey, proposal: Proposal) -> dict[str, tuple[Any, str]]:
    """The settings of the data set that the file needs: by key, the value, and a comment that says what or why."""
    data = proposal.data
    rows: dict[str, tuple[Any, str]] = {}
    positive = "an unknown share"
    if counted.ratings is not None:
        above = sum(n for rating, n in counted.ratings.items() if rating >= data.positive_from)
        positive = percent(above / counted.rows)
    rows["archive"] = (data.archive, "from the folder in which snakemake is run")
    rows["columns"] = (data.columns.named, "their names" if guess.names else "their numbers, from 1")
    if guess.kind == "text":
        rows["delimiter"] = (data.delimiter, "")
        rows["encoding"] = (data.encoding, "utf-8, cp1252 or latin-1")
    if data.columns.timestamp is not None:
        rows["timestamp_unit"] = (data.timestamp_unit, "of whole numbers: s, ms, us or ns; by their size")
    rows["rating_range"] = (data.rating_range, "the lowest and the highest; others would be refused")
    if data.rating_step is not None:
        rows["rating_step"] = (data.rating_step, "between ratings; left out, any in the range is allowed")
    rows["positive_from"] = (data.positive_from, f"{positive} are positive; set nearest to 4/5 of the range")
    rows["class_edges"] = (data.class_edges, _classes(counted, data.class_edges))
    if counted.repeated:
        rows["duplicates"] = (data.duplicates, "of a user's ratings of an item: all, or the first or the last by time")
    return rows


def _classes(counted: Survey, edges: Sequence[float]) -> str:
    """What the classes are, with their shares where these are not those of single ratings."""
    if counted.ratings and len(counted.ratings) <= len(edges):
        return "highest rating of each class: each rating is one"
    if counted.ratings is None:
        return "highest rating of each class"
    # of those up to an edge, less those up to the edge before
    up_to = [sum(n for rating, n in counted.ratings.items() if rating <= edge) for edge in (-math.inf, *edges)]
    shares = [percent((high - low) / counted.rows) for low, high in itertools.pairwise(up_to)]
    return f"highest rating of each class; shares: {', '.join(shares)}"


def _scale(counted: Survey, proposal: Proposal) -> Iterator[Line]:
    """The findings on the ratings: their range, and the share of each, where they are few enough to be shown."""
    step = proposal.data.rating_step
    different = f"more than {DIFFERENT:,}" if counted.ratings is None else f"{len(counted.ratings):,}"
    steps = f" in steps of {_spelt(step)}" if step else ""
    yield "scale", f"{_spelt(counted.low)} to {_spelt(counted.high)}{steps}, {different} different ratings"
    if counted.ratings and len(counted.ratings) <= SHOWN:
        shares = [f"{_spelt(rating)}:{UNBROKEN}{percent(n / counted.rows)}" for rating, n in counted.ratings.items()]
        yield "shares", ", ".join(shares)


def _quantiles(counts: Counts) -> list[int]:
    return [int(n) for n in np.quantile(counts, list(QUANTILES.values()), method="inverted_cdf")]


def _time(seconds: int) -> str:
    """Date and minute of a time; a far-off one, for which Python has no date, in seconds."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")
    except (OverflowError, ValueError, OSError):
        return f"{seconds} s"


def _spelt(value: Any) -> str:
    """A value as YAML spells it, on one line; whole numbers without a point."""
    return (
        yaml.safe_dump(_plain(value), default_flow_style=True, sort_keys=False, allow_unicode=True, width=math.inf)
        .removesuffix("...\n")
        .strip()
    )


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _wrapped(text: str, first: str, other: str) -> list[str]:
    """The text in lines, of which the first begins with ``first`` and the others with ``other``.

    No line ends between a number and its %.
    """
    lines = textwrap.wrap(
        text.replace(" %", f"{UNBROKEN}%"),
        WIDTH,
        initial_indent=first,
        subsequent_indent=other,
        break_on_hyphens=False,
        break_long_words=False,
    )
    return [line.replace(UNBROKEN, " ") for line in lines]


def _aligned(lines: Iterator[Line]) -> Iterator[str]:
    """Each line with its comment: behind the line, in one column for all; above a line that is too long for both."""
    for line, comment in lines:
        if comment and len(line) > COLUMN and len(line) + len(comment) > WIDTH:
            indent = " " * (len(line) - len(line.lstrip()))
            yield f"{indent}# {comment}"
            yield line
        else:
            yield f"{line:{COLUMN}}  # {comment}" if comment else line
