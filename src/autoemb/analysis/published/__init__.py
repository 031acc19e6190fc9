"""The numbers that the papers print, as data.

Zhao et al., "AutoEmb: Automated Embedding Dimensionality Search in Streaming Recommendations",
arXiv 2002.11252 (2020); Liu et al., "Automated Embedding Size Search in Deep Recommender Systems"
(ESAPN), SIGIR 2020, doi 10.1145/3397271.3401436. Data sets, methods, tasks and metrics carry this project's names.
"""

from importlib import resources

import pandas as pd


def table1() -> pd.DataFrame:
    """Table 1: the data sets.

    Returns:
        One row per data set: ``dataset`` (str), ``users``, ``items``, ``ratings`` (int64, counts). The
        items of the two MovieLens sets are the rows of their movie list; fewer have ratings.
    """
    return _read("table1.csv")


def table2() -> pd.DataFrame:
    """Table 2: the comparison of the methods on the test part.

    Returns:
        One row per data set x method x task x metric: ``dataset``, ``method``, ``task``, ``metric`` (str),
        ``value`` (float64: ``mse`` and ``accuracy`` as shares, ``cross_entropy`` in nats) and
        ``plus_minus`` (float64, same unit; the paper does not say over how many runs).
    """
    return _read("table2.csv")


def figure1() -> pd.DataFrame:
    """Fig. 1: error and accuracy of the regression task against popularity, digitised to about .0003.

    Returns:
        One row per metric x size x popularity: ``dataset`` (str, always ``ml-20m``), ``size`` (int64),
        ``popularity`` (int64, training ratings per user), ``metric`` (str), ``value`` (float64).
    """
    return _read("figure1.csv")


def esapn_table1() -> pd.DataFrame:
    """Table 1 of ESAPN: the comparison on the last 5 million interactions.

    Its FIXED is called ``fse-128`` here, after its size.

    Returns:
        One row per data set x method x task x metric: ``dataset``, ``method``, ``task``, ``metric`` (str) and
        ``value`` (float64: ``mse`` and ``accuracy`` as shares, ``cross_entropy`` in nats).
    """
    return _read("esapn_table1.csv")


def esapn_table2() -> pd.DataFrame:
    """Table 2 of ESAPN: the embedding parameters that it keeps.

    Returns:
        One row per data set x side: ``dataset``, ``side`` (str) and ``kept`` (float64, share of the parameters
        of FIXED, size 128; movies that never occur count as size 2 in it, so over the movies that
        do occur it is higher).
    """
    return _read("esapn_table2.csv")


def released_code() -> pd.DataFrame:
    """What the authors' released code prints on one fixed order of ml-1m, with seeds.

    The ESAPN repository at commit 9aec735, SAM by its edit. The order is numpy's ``default_rng(20261123).permutation``
    of the rows of ratings.dat: the first 750,000 interactions are the train part, the next 250,000 the test part, at
    which the counts restart. Batches of 500, rare items kept, six sizes for ESAPN and ``fse-222``, else {2, 16, 128}.
    Patched were a seed, sizes and sizes of the parts from outside, sums on the device, an end after the test metrics,
    and ESAPN's baseline: the mean of the last 5 losses. ``config/parity.yaml`` has the same settings.

    Returns:
        One row per ``dataset``, ``stream``, ``task``, ``metric``, ``method``: ``value`` and ``sd`` (float64; over
        seeds, NaN where it was not told), ``seeds`` (int64; of ``fse-222``, two or three).
    """
    return _read("released_code.csv")


PARITY_ORDER = {"order": "shuffled", "seed": 20261123, "permutations": "one", "first": 1_000_000, "test": 250_000.0}
"""The stream's settings that make the order of ``released_code``, on ml-1m."""


def _read(name: str) -> pd.DataFrame:
    with resources.files(__name__).joinpath(name).open() as file:
        return pd.read_csv(file)
