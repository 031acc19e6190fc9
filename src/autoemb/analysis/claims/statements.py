"""What is claimed, in one line each, and where; and in which order claims are tested."""

from typing import NamedTuple


class Statement(NamedTuple):
    """A claim in words, and the part of the paper that makes it."""

    text: str
    source: str
    gates: tuple[str, ...] = ()
    """Claims that are a part of this one: it is tested only where they hold, and needs no further correction."""


STATEMENTS = {
    "A1": Statement("all sizes improve with popularity, larger ones more", "AutoEmb, Fig. 1"),
    "A2": Statement("the smallest size is best at low popularity, and is overtaken", "AutoEmb, Fig. 1"),
    "A3": Statement("FSE < SAM < DARTS < AutoEmb", "AutoEmb, Table 2", ("A4", "A5")),
    "A4": Statement("a validation batch for the weights beats the joint update, as released", "AutoEmb, Table 2"),
    "A4r": Statement(
        "AutoEmb beats SAM at the same rate of Theta, and equal weights", "AutoEmb, Table 2, at equal rates"
    ),
    "A5": Statement("a controller beats free weights per id", "AutoEmb, Table 2"),
    "A6": Statement("AutoEmb's sizes grow with popularity and over time", "AutoEmb, text"),
    "E1": Statement("FIXED < DARTS < AutoEmb < ESAPN", "ESAPN, Table 1", ("A5", "E1e")),
    "E1e": Statement("ESAPN beats AutoEmb", "ESAPN, Table 1"),
    "E2": Statement("every method improves with frequency, beyond the labels' own frequencies", "ESAPN, text"),
    "E3": Statement("ESAPN gains most for rare ids, over fixed sizes of either start", "ESAPN, text"),
    "E4": Statement("ESAPN's size grows with frequency more than by enlarging at random", "ESAPN, text"),
    "E5": Statement("ESAPN saves as much of FIXED's memory as the paper says", "ESAPN, Table 2"),
    "S1": Statement("every method of the papers beats two running means", "this artifact"),
    "S2": Statement("every searching method beats the fixed size with the same start", "this artifact"),
    "S3": Statement("A2 with embeddings that start at a variance of 1/size", "this artifact"),
    "S4": Statement("a learnt controller beats the same sizes given by popularity alone", "this artifact"),
}
"""By the claim's name: A of the AutoEmb paper, E of the ESAPN paper, S of this artifact."""

OURS = ("S1", "S2", "S3", "S4")
"""The claims that the papers do not make."""

FIRST = ("A4", "A5")
"""The claims of the papers that are tested first: they are parts of others."""


def family(claim: str) -> str:
    """The claims that are corrected together have the same; those behind gates need no correction."""
    if claim in OURS:
        return "ours"
    if STATEMENTS[claim].gates:
        return claim
    return "first" if claim in FIRST else "others"
