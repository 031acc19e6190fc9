"""What the file holds and what is proposed, as a config in YAML that a person can read and change."""

import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np

from autoemb.data.inspection.config_text import WIDTH, aligned, config, spelt
from autoemb.data.inspection.guess import Guess
from autoemb.data.inspection.problems import percent, problems
from autoemb.data.inspection.proposal import Proposal
from autoemb.data.inspection.survey import DIFFERENT, Counts, Survey

UNBROKEN = "\N{NO-BREAK SPACE}"
"""A space at which no line is wrapped; it is printed as a plain one."""

SHOWN = 25
"""At most so many different ratings are shown with their shares."""

QUANTILES = {"min": 0.0, "25 %": 0.25, "median": 0.5, "75 %": 0.75, "95 %": 0.95, "max": 1.0}


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
    every_problem = [*guess.problems, *problems(counted, proposal)]
    lines.append("# problems:" + " none" * (not every_problem))
    for problem in every_problem:
        lines += _wrapped(problem, "#   - ", "#     ")
    lines += ["#", "# Ready to run, from the folder in which this was printed; change what does not suit you:"]
    return "\n".join([*lines, "", *aligned(config(name, guess, counted, proposal))]) + "\n"


def findings(guess: Guess, counted: Survey, proposal: Proposal) -> Iterator[tuple[str, str]]:
    """What the file holds: the name of each finding, and the finding."""
    named = {value: key for key, value in guess.columns.named.items()}
    by_value = {guess.columns.timestamp: " (by its values)"} if guess.times_by_value else {}
    columns = ", ".join(f"{side} {column!r}{by_value.get(column, '')}" for column, side in named.items())
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


def _scale(counted: Survey, proposal: Proposal) -> Iterator[tuple[str, str]]:
    """The findings on the ratings: their range, and the share of each, where they are few enough to be shown."""
    step = proposal.data.rating_step
    different = f"more than {DIFFERENT:,}" if counted.ratings is None else f"{len(counted.ratings):,}"
    steps = f" in steps of {spelt(step)}" if step else ""
    yield "scale", f"{spelt(counted.low)} to {spelt(counted.high)}{steps}, {different} different ratings"
    if counted.ratings and len(counted.ratings) <= SHOWN:
        shares = [f"{spelt(rating)}:{UNBROKEN}{percent(n / counted.rows)}" for rating, n in counted.ratings.items()]
        yield "shares", ", ".join(shares)


def _quantiles(counts: Counts) -> list[int]:
    return [int(n) for n in np.quantile(counts, list(QUANTILES.values()), method="inverted_cdf")]


def _time(seconds: int) -> str:
    """Date and minute of a time; a far-off one, for which Python has no date, in seconds."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")
    except (OverflowError, ValueError, OSError):
        return f"{seconds} s"


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
