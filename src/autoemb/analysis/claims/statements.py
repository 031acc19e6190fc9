"""What is claimed, in one line each, and where."""

from typing import NamedTuple


class Statement(NamedTuple):
    """A claim in words, and the part of the paper that makes it."""

    text: str
    source: str


STATEMENTS = {
    "A1": Statement("all sizes improve with popularity, larger ones more", "AutoEmb, Fig. 1"),
    "A2": Statement("the smallest size is best at low popularity, and is overtaken", "AutoEmb, Fig. 1"),
    "A3": Statement("FSE < SAM < DARTS < AutoEmb", "AutoEmb, Table 2"),
    "A4": Statement("a validation batch for the weights beats the joint update", "AutoEmb, Table 2"),
    "A5": Statement("a controller beats free weights per id", "AutoEmb, Table 2"),
    "A6": Statement("AutoEmb's sizes grow with popularity and over time", "AutoEmb, text"),
    "E1": Statement("FIXED < DARTS < AutoEmb < ESAPN", "ESAPN, Table 1"),
    "E2": Statement("every method improves with frequency", "ESAPN, text"),
    "E3": Statement("ESAPN gains most for rare ids", "ESAPN, text"),
    "E4": Statement("ESAPN's mean size grows with frequency", "ESAPN, text"),
    "E5": Statement("ESAPN needs less memory than FIXED", "ESAPN, Table 2"),
    "S1": Statement("every method of the papers beats two running means", "this artifact"),
    "S2": Statement("every searching method beats the fixed size with the same start", "this artifact"),
    "S3": Statement("A2 with embeddings that start at a variance of 1/size", "this artifact"),
}
"""By the claim's name: A of the AutoEmb paper, E of the ESAPN paper, S of this artifact."""

OURS = ("S1", "S2", "S3")
"""The claims that the papers do not make."""
