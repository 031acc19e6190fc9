"""Ratings from delimited text in plain Python, one line at a time: what the fast reader must agree with."""

import csv
import re
from fractions import Fraction

WHOLE = re.compile(r"[ \t]*-?[0-9]+[ \t]*", re.ASCII)
NUMBER = re.compile(r"[ \t]*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?[ \t]*", re.ASCII)


def read(text, columns, width, ids, low, high, step):
    """Rows (user, item, rating, timestamp) and the numbers, from 1, of the lines that are no ratings.

    ``columns`` holds the positions of user, item, rating and, if there is one, timestamp.
    """
    rows, bad = [], []
    lines = text.split("\n")
    for number, line in enumerate(lines if lines[-1] else lines[:-1], start=1):
        line = line.removesuffix("\r")
        if not line:
            continue
        try:
            fields = next(csv.reader([line], strict=True))
            assert len(fields) == width
            values = [fields[position] for position in columns]
            numbers = [whole(values[3], 63) if len(values) > 3 else 0]
            user, item = values[:2] if ids == "str" else [whole(value, 31) for value in values[:2]]
            assert "" not in (user, item)
            rows.append((user, item, rating(values[2], low, high, step), *numbers))
        except (csv.Error, AssertionError):
            bad.append(number)
    return rows, bad


def whole(text, bits):
    assert WHOLE.fullmatch(text)
    assert -(2**bits) <= int(text) < 2**bits
    return int(text)


def rating(text, low, high, step):
    assert NUMBER.fullmatch(text)
    assert low <= float(text) <= high
    assert (Fraction(text.strip(" \t")) - Fraction(low)) % Fraction(step) == 0
    return float(text)
