"""The answers in sentences, a question each; every number is one of the tables'."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import pandas as pd

from autoemb.analysis.advice.answers import MEANS, Answers, Found
from autoemb.analysis.tables.differences import ALIKE, BETTER, LEAST, TOLERANCE, UNDECIDED, WORSE
from autoemb.analysis.tables.intervals import CONSTANT
from autoemb.analysis.tables.text import change, plus_minus, ranges
from autoemb.schema import SIDES

Tone = Literal["stop", "decided", "open"]
"""How an answer is shown: in red; as it stands; or as not known."""

NAMES = {"mse": "squared error", "cross_entropy": "cross-entropy"}
SEVERAL = {"user": "users", "item": "items"}


class Answer(NamedTuple):
    """One question with its answer."""

    question: str
    text: str
    tone: Tone


def said(of: Answers) -> list[Answer]:
    """Every question in order: what nothing was learnt of has no advice."""
    first = _learnt(of)
    if first.tone == "stop":
        return [first, _unknown(of)]
    return [first, _pays(of), *(_smaller(of, side) for side in SIDES), _memory(of), _deploy(of), _unknown(of)]


def headline(of: Answers) -> str:
    """What these answers are of."""
    seeds = int(of.options["seeds"].max())
    return (
        f"{of.dataset}, {of.stream}, {of.task}: {int(of.options['n'].max()):,} test ratings,"
        f" {seeds} {'seeds' if seeds > 1 else 'seed, which decides nothing'}, {NAMES[of.metric]}"
    )


def _learnt(of: Answers) -> Answer:
    question = "Was anything learnt?"
    if not of.has(CONSTANT):
        return Answer(
            question, f"Not known: `{CONSTANT}`, which looks at no id, was not run beside the others.", "open"
        )
    constant = of.option(CONSTANT)
    if of.learnt:
        told = _told(of.found(of.best, CONSTANT))
        return Answer(
            question,
            f"Yes: {of.best} is at {_loss(of, of.best)}, a constant, which knows the shares of the labels and looks at"
            f" no id, at {_loss(of, CONSTANT)} ({told}).{_below(of)}",
            "decided",
        )
    others = of.options[of.options["method"] != CONSTANT]
    if others.empty:
        return Answer(question, "Not known: nothing was run beside the constant.", "open")
    best = str(others["method"].iloc[0])
    found = of.found(best, CONSTANT)
    why = {
        WORSE: f"every method is worse than a constant, which looks at no id: the best of them, {best}, is at"
        f" {_loss(of, best)}, the constant at {_loss(of, CONSTANT)} ({_told(found)})",
        ALIKE: f"the best method, {best}, is as good as a constant, which looks at no id: {_loss(of, best)} and"
        f" {_loss(of, CONSTANT)} ({_told(found)})",
    }.get(
        found.finding,
        f"it is undecided whether the best method, {best} ({_loss(of, best)}), is better than a constant"
        f" ({constant['mean']:.4f}), which looks at no id; a difference below {_visible(found)} cannot be seen with"
        " these ratings and seeds",
    )
    return Answer(question, f"STOP: {why}. No size is advised: on these ratings none has learnt anything.", "stop")


def _below(of: Answers) -> str:
    """Which methods a constant beats."""
    worse = [
        name
        for name in of.options["method"]
        if name not in (CONSTANT, of.best) and of.found(name, CONSTANT).finding == WORSE
    ]
    return f" Worse than the constant: {', '.join(worse)}." if worse else ""


def _pays(of: Answers) -> Answer:
    question = "Does an embedding pay at all?"
    if of.embedded is None or not of.has(MEANS):
        return Answer(question, f"Not known: `{MEANS}`, or a method with embeddings, was not run.", "open")
    found, both = of.found(of.embedded, MEANS), (_loss(of, of.embedded), _loss(of, MEANS))
    text = {
        BETTER: f"Yes: {of.embedded}, the best of those with embeddings, is at {both[0]}, two running means of what the"
        f" user gave and the item got at {both[1]}",
        WORSE: f"No: two running means of what the user gave and the item got, without any embedding, are at {both[1]},"
        f" the best embedding, {of.embedded}, at {both[0]}",
        ALIKE: f"No: the best embedding, {of.embedded} ({both[0]}), is no better than two running means of what the"
        f" user gave and the item got ({both[1]})",
        UNDECIDED: f"Undecided: {of.embedded}, the best of those with embeddings, is at {both[0]}, two running means at"
        f" {both[1]}, and a difference below {_visible(found)} cannot be seen here",
    }[found.finding]
    return Answer(question, f"{text} ({_told(found)}).", "open" if found.finding == UNDECIDED else "decided")


def _smaller(of: Answers, side: str) -> Answer:
    """Whether a smaller fixed size is as good as the reference for rare ids, and from where on it is not."""
    question = f"A smaller size for rare {SEVERAL[side]}?"
    rows = of.classes[(of.classes["side"] == side) & (of.classes["size"] > 0)]
    rows = rows[rows["size"] < of.reference_size]
    if rows.empty:
        return Answer(question, "Not known: fixed sizes smaller than another were not run.", "open")
    total = rows["popularity_low"].nunique()
    parts = [_of_size(of, rows[rows["size"] == size], total) for size in sorted(rows["size"].unique())]
    good = rows[rows["finding"].isin([BETTER, ALIKE])]
    covered = rows[rows["finding"] != UNDECIDED].drop_duplicates("popularity_low")["share"].sum()
    if good["popularity_low"].nunique():
        share = good.drop_duplicates("popularity_low")["share"].sum()
        verdict = f"Yes, where it is decided, for {share:.0%} of the ratings"
    elif covered > 0:
        verdict = f"No, wherever it is decided, which is for {covered:.0%} of the ratings"
    else:
        verdict = "Undecided"
    return Answer(question, f"{verdict}. {' '.join(parts)}", "open" if verdict == "Undecided" else "decided")


def _of_size(of: Answers, rows: pd.DataFrame, total: int) -> str:
    """What one size is against the reference, by classes of popularity."""
    told = []
    for finding, word in ((BETTER, "better than"), (ALIKE, "as good as"), (WORSE, "worse than")):
        these = rows[rows["finding"] == finding]
        if len(these):
            least, most = (
                f"{by:.4f}" for by in sorted([these["difference"].abs().min(), these["difference"].abs().max()])
            )
            by = "" if finding == ALIKE else f" (by {least})" if least == most else f" (by {least} to {most})"
            told.append(f"{word} {of.reference_size} {_where(these)}{by}")
    undecided = rows[rows["finding"] == UNDECIDED]
    if len(undecided):
        least = undecided["visible"].min()
        seen = "" if pd.isna(least) else f", where a difference below {least:.4f} cannot be seen"
        told.append(f"undecided {_where(undecided)}{seen}")
    return f"Size {int(rows['size'].iloc[0])} is {'; '.join(told)}."


def _where(rows: pd.DataFrame) -> str:
    return f"at {ranges(rows)} ratings"


def _memory(of: Answers) -> Answer:
    held = of.options[of.options["mib"] > 0].sort_values("mib", kind="stable")
    if held.empty:
        return Answer("What does it hold in memory?", "Nothing: no method with embeddings was run.", "open")
    told = held.assign(told=[_held(row["mib"], row["all_candidates"]) for row in held.to_dict("records")])
    parts = [f"{text} {', '.join(group['method'])}" for text, group in told.groupby("told", sort=False)]
    last = held.iloc[-1]
    return Answer(
        "What does it hold in memory?",
        f"The embeddings of all ids, in float32: {'; '.join(parts)}. While it is trained with Adam, three times that"
        f" ({last['method']}: {last['training_mib']:.2f} MiB).",
        "decided",
    )


def _held(mib: float, all_candidates: bool) -> str:
    return f"{mib:.2f} MiB{' (all sizes of every id)' if all_candidates else ''}"


def _deploy(of: Answers) -> Answer:
    texts = [f"Lowest error: {_held_by(of, of.best)}{_not_told(of, of.best)}."]
    base = of.measured_against
    if base != of.best:
        texts.append(f"Of those with embeddings: {_held_by(of, base)}{_not_told(of, base)}.")
    if of.option(base)["mib"] == 0:
        return Answer("What to deploy?", " ".join(texts), "decided")
    if of.simplest == base:
        texts.append(f"Simplest: none that holds less is within {TOLERANCE:.0%} of {base}, as far as is decided.")
    else:
        told = _told(of.found(of.simplest, base))
        texts.append(f"Simplest: {_held_by(of, of.simplest)}, within {TOLERANCE:.0%} of {base} ({told}).")
    if of.halved is not None:
        found = of.found(of.halved, base)
        texts.append(f"At half the memory of {base}: {_held_by(of, of.halved)}, {found.finding} ({_told(found)}).")
    return Answer("What to deploy?", " ".join(texts), "decided")


def _held_by(of: Answers, method: str) -> str:
    mib = of.option(method)["mib"]
    return f"{method}, {_loss(of, method)}, {f'{mib:.2f} MiB' if mib else 'no embedding'}"


def _not_told(of: Answers, method: str) -> str:
    others = of.not_told_from(method)
    return f" (whether it is better than {', '.join(others)} is undecided)" if others else ""


def _unknown(of: Answers) -> Answer:
    varies = str(of.options["varies"].iloc[0])
    texts = [
        f"What varies behind the intervals is {varies}; other weeks, and people who never came, do not.",
        f"Differences within {TOLERANCE:.0%} of the loss count as none; classes with fewer than {LEAST} test ratings,"
        " and intervals that hold 0 and more than that, as undecided.",
    ]
    if of.users < 1:
        texts.append(
            f"These are the ratings of {of.users:.1%} of the users, drawn at random: counts by item are of them."
        )
    if of.stream != "temporal":
        texts.append("The order is not that of time: what comes later was not predicted from what came before.")
    if len(of.classes):
        first = of.classes[of.classes["popularity_low"] == of.classes["popularity_low"].min()]
        open_sides = [
            SEVERAL[side]
            for side in SIDES
            if (first.loc[(first["side"] == side) & (first["size"] > 0), "finding"] == UNDECIDED).all()
        ]
        if open_sides:
            texts.append(f"At their first rating nothing is decided about {' and '.join(open_sides)}.")
    texts.append(
        "That sizes differ by id within one model was not tried by the sizes above: each was run with one size for all;"
        " the methods that mix sizes stand beside them."
    )
    return Answer("What is not known?", " ".join(texts), "open")


def _loss(of: Answers, method: str) -> str:
    row = of.option(method)
    return plus_minus(float(row["mean"]), float(row["high"]), 4)


def _told(found: Found) -> str:
    return f"difference {change(found.difference, found.high)}"


def _visible(found: Found) -> str:
    return "any size" if pd.isna(found.visible) else f"{found.visible:.4f}"


def summary(of: Sequence[Answers]) -> str:
    """The answers as plain text, for a terminal."""
    parts = []
    for each in of:
        lines = [headline(each)] + [f"- {one.question} {one.text}" for one in said(each)]
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"
