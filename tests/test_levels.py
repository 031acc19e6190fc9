"""Where a larger size overtakes a smaller one: planted crossings are found, and none is marked that was not planted."""

import numpy as np
import pytest

from autoemb.analysis.tables import crossing
from autoemb.analysis.tables.levels import overtaking

LEVELS = np.arange(2.0, 30.0, 2.0)
"""Fig. 1's 14 popularity levels, 2 apart."""

SD = 3e-4
"""Of one size's error at one level, from replicate to replicate, as on MovieLens 1M."""

PLANTED = {
    "logarithmic": lambda x, at: -0.0047 * np.log(x / at),  # as size 128 against 2 on MovieLens 1M
    "flat": lambda x, at: -0.001 * np.log(x / at),  # as size 16 against 2 there
    "levelling off": lambda x, at: 0.03 * (x**-0.5 - at**-0.5),
    "straight": lambda x, at: -0.0006 * (x - at),
}
"""Gaps that cross zero at a popularity."""

NOT_PLANTED = {
    "none": 0 * LEVELS,
    "just behind": 0 * LEVELS + 2e-4,
    "just ahead": 0 * LEVELS - 2e-4,
    "coming near": 0.0005 - 0.00014 * np.log(LEVELS),
    "ahead in the middle": 0.002 - 0.004 * np.exp(-(np.log(LEVELS / 8) ** 2)),
}
"""Gaps that do not come to stay below zero within the levels."""


def drawn(gap, seeds, dice, shared=0.0):
    """(L, S): both sizes' errors vary from level to level, and their gap by ``shared`` from split to split."""
    noise = dice.normal(0, SD, (2, len(gap), seeds))
    return gap[:, None] + noise[0] - noise[1] + shared * dice.normal(0, 1, seeds)


@pytest.mark.parametrize("at", [5.0, 9.0, 15.0])
@pytest.mark.parametrize("shape", PLANTED)
def test_a_planted_crossing_is_found_without_bias(shape, at):
    """Far within the step between levels, 2; and its interval holds it in about 95 % of draws."""
    dice = np.random.default_rng(0)
    found = [overtaking(LEVELS, drawn(PLANTED[shape](LEVELS, at), 5, dice)) for _ in range(300)]
    decided = [one for one in found if one.finding == "overtakes"]
    assert len(decided) > 0.85 * len(found)
    assert abs(np.nanmean([one.crossing for one in found]) - at) < 0.25
    assert np.mean([one.low <= at <= one.high for one in decided]) > 0.85


def test_the_last_change_of_sign_is_biased_upward_where_the_smooth_curve_is_not():
    dice, at = np.random.default_rng(0), 15.0
    gaps = [drawn(PLANTED["flat"](LEVELS, at), 5, dice) for _ in range(300)]
    last = np.nanmean([crossing(LEVELS, gap.mean(axis=1))[0] for gap in gaps])
    smooth = np.nanmean([overtaking(LEVELS, gap).crossing for gap in gaps])
    assert last - at > 1
    assert abs(smooth - at) < 0.25


@pytest.mark.parametrize("shared", [0.0, SD])
@pytest.mark.parametrize("seeds", [2, 3, 5])
@pytest.mark.parametrize("shape", NOT_PLANTED)
def test_without_a_crossing_a_mark_is_rare(shape, seeds, shared):
    """At most 5 % of draws; 2.5 % are what the ends' intervals allow."""
    dice = np.random.default_rng(0)
    gaps = [drawn(NOT_PLANTED[shape], seeds, dice, shared) for _ in range(400)]
    assert np.mean([overtaking(LEVELS, gap).finding == "overtakes" for gap in gaps]) <= 0.05


def test_an_interval_that_leaves_the_levels_is_open_and_decides_nothing():
    dice = np.random.default_rng(0)
    found = overtaking(LEVELS, drawn(PLANTED["logarithmic"](LEVELS, 27.0), 3, dice, shared=1e-3))
    assert found.finding == "undecided"
    assert found.low < 27 < LEVELS[-1]
    assert np.isnan(found.high)


def test_one_seed_decides_nothing():
    found = overtaking(LEVELS, PLANTED["logarithmic"](LEVELS, 9.0)[:, None])
    assert found.crossing == pytest.approx(9.0, abs=0.1)
    assert found.finding == "undecided"
    assert np.isnan([found.low, found.high]).all()
    assert overtaking(LEVELS, 0 * LEVELS[:, None] - 1).finding == "undecided"


def test_seeds_that_agree_have_a_crossing_without_width():
    """As those of closed forms on one split do; equal curves neither lead nor cross."""
    found = overtaking(LEVELS, np.repeat(PLANTED["logarithmic"](LEVELS, 9.0)[:, None], 3, axis=1))
    assert found.finding == "overtakes"
    assert found.low == pytest.approx(9.0, abs=0.1) == found.high
    assert overtaking(LEVELS, np.full((14, 3), 1e-17)).finding == "undecided"


@pytest.mark.parametrize("number", [0, 1])
def test_without_two_levels_there_is_no_crossing(number):
    found = overtaking(LEVELS[:number], np.full((number, 3), -1.0))
    assert found.finding == "undecided"
    assert np.isnan(found.crossing)
