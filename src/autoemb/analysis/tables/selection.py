"""Tables of the chosen sizes: by popularity, and along the stream. Only runs with more than one candidate."""

from collections.abc import Sequence

import pandas as pd

from autoemb.analysis.tables.intervals import BIN, RUN, arrange, coarse_bins, over_seeds

_BIN_KEYS = [*RUN, "split", "side", *BIN]
_WINDOW_KEYS = [*RUN, "split", "side", "window", "first"]


def candidates(sizes: pd.DataFrame) -> pd.DataFrame:
    """``dataset``, ``stream``, ``task``, ``method``, ``size``: the candidate sizes of every run, each once."""
    return sizes[[*RUN, "size"]].drop_duplicates(ignore_index=True)


def sizes(selected: pd.DataFrame) -> pd.DataFrame:
    """How much weight each candidate size gets, by popularity, two bins an octave.

    Args:
        selected: ``schema.SIZES`` of every run, with ``dataset``, ``stream``, ``task``, ``method``.

    Returns:
        One row per run x split x side x popularity bin x ``size``: ``mean``, ``sd``, ``low``, ``high``, ``seeds``
        of the weight share (the shares of one bin sum to 1), ``n`` (interactions per seed), and ``chosen``
        (mean share of the interactions in which this size had the largest weight).
    """
    shares = _shares(coarse_bins(_searching(selected)), _BIN_KEYS)
    weight = over_seeds(shares.assign(value=shares["share"]), [*_BIN_KEYS, "size"])
    chosen = shares.groupby([*_BIN_KEYS, "size"], as_index=False).agg(chosen=("chosen_share", "mean"))
    return weight.merge(chosen, on=[*_BIN_KEYS, "size"])


def mean_size(selected: pd.DataFrame) -> pd.DataFrame:
    """The mean size, sum over sizes of weight share x size, by popularity, two bins an octave.

    Args:
        selected: as in ``sizes``.

    Returns:
        One row per run x split x side x popularity bin: ``mean``, ``sd``, ``low``, ``high`` (embedding
        dimensions), ``seeds``, ``n`` (interactions per seed).
    """
    return over_seeds(mean_size_per_seed(coarse_bins(selected), _BIN_KEYS), _BIN_KEYS)


def mean_size_per_seed(selected: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """The mean size of every seed.

    Args:
        selected: as in ``sizes``.
        keys: columns that name one cell, without the size.

    Returns:
        One row per ``keys`` x ``seed``: those, ``value`` (embedding dimensions) and ``n`` (interactions).
    """
    return _mean_sizes(_shares(_searching(selected), keys), keys)


def size_stream(selected: pd.DataFrame) -> pd.DataFrame:
    """Mean size and weight shares along the stream.

    Args:
        selected: as in ``sizes``.

    Returns:
        One row per run x split x side x window x ``measure`` x ``size``: ``first`` (position in the stream of
        the window's first interaction), ``mean``, ``sd``, ``low``, ``high``, ``seeds``, ``n``. The measure is
        ``mean_size`` (embedding dimensions; ``size`` is NA) or ``weight`` (the share of that ``size``).
    """
    shares = _shares(_searching(selected), [*RUN, "split", "side", "window"])
    shares = shares.merge(_window_starts(shares), on=[*RUN, "side", "window", "seed"])
    weight = over_seeds(shares.assign(value=shares["share"]), [*_WINDOW_KEYS, "size"]).assign(measure="weight")
    means = over_seeds(_mean_sizes(shares, _WINDOW_KEYS), _WINDOW_KEYS).assign(measure="mean_size")
    both = pd.concat([means, weight], ignore_index=True).astype({"size": "Int64"})
    keys = [*_WINDOW_KEYS, "measure", "size"]
    return arrange(both[[*keys, "mean", "sd", "low", "high", "seeds", "n"]], keys)


def _searching(selected: pd.DataFrame) -> pd.DataFrame:
    """The runs with more than one candidate size."""
    counts = selected.groupby(RUN)["size"].transform("nunique")
    return selected.loc[counts > 1]


def _shares(selected: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """Share of the weight, and share of being the largest, of every size in a cell of one seed."""
    cell = [*keys, "seed"]
    sums = selected.groupby([*cell, "size"], as_index=False)[["n", "weight_sum", "chosen"]].sum()
    sums = sums[sums["n"] > 0]
    total = sums.groupby(cell)["weight_sum"].transform("sum")
    return sums.assign(share=sums["weight_sum"] / total, chosen_share=sums["chosen"] / sums["n"])


def _mean_sizes(shares: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """``value``: the mean size in a cell of one seed."""
    weighted = shares.assign(value=shares["share"] * shares["size"])
    return weighted.groupby([*keys, "seed"], as_index=False).agg(value=("value", "sum"), n=("n", "max"))


def _window_starts(shares: pd.DataFrame) -> pd.DataFrame:
    """``first`` of every window: windows follow each other, and hold each interaction once per side."""
    cell = [*RUN, "side", "seed"]
    windows = shares.groupby([*cell, "window"], as_index=False).agg(n=("n", "max"))
    starts = windows.groupby(cell)["n"].cumsum() - windows["n"]
    return windows.assign(first=starts).drop(columns="n")
