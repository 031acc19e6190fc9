"""What the MovieLens data sets share: three file formats, the citation, the conditions."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from autoemb.config import DatasetConfig
from autoemb.data.ratings import Ratings, Scale
from autoemb.data.readers.archive import Source, has_member
from autoemb.data.readers.delimited import first_line, layout_by_header, read_delimited, table_of
from autoemb.data.readers.layout import Column, Layout
from autoemb.data.readers.lines import whole_lines
from autoemb.errors import InputError

URL = "https://files.grouplens.org/datasets/movielens/"
CITATION = (
    "F. Maxwell Harper and Joseph A. Konstan. 2015. The MovieLens Datasets: History and Context."
    " ACM Transactions on Interactive Intelligent Systems 5, 4: 19:1-19:19. https://doi.org/10.1145/2827872"
)
LICENCE = (
    "research use; no commercial use without permission; no implied endorsement; redistribution as its README says"
)
NO_REDISTRIBUTION = "research use; no commercial use, and no redistribution, without permission; no implied endorsement"

HALF_STARS = Scale(0.5, 5.0, 0.5)
WHOLE_STARS = Scale(1.0, 5.0, 1.0)


def read_csv(archive: Path, config: DatasetConfig) -> Ratings:
    """``ratings.csv`` (header; half stars) and the items of ``genome-scores.csv`` where there is one."""
    source = Source(archive, "ratings.csv")
    names: dict[Column, str] = {"user": "userId", "item": "movieId", "rating": "rating", "timestamp": "timestamp"}
    layout = layout_by_header(source, names, ",", "int32")
    return Ratings(read_delimited(source, layout, HALF_STARS), _genome(archive))


def read_dat(archive: Path, config: DatasetConfig) -> Ratings:
    """``ratings.dat``: ``user::item::rating::timestamp``, whole stars.

    The fast parser knows separators of one character only: '::' becomes ':' with empty fields between.
    """
    layout = Layout({"user": 0, "item": 2, "rating": 4, "timestamp": 6}, width=7, separator=":", empty=(1, 3, 5))
    return Ratings(read_delimited(Source(archive, "ratings.dat"), layout, WHOLE_STARS))


def read_tabs(archive: Path, config: DatasetConfig) -> Ratings:
    r"""``u.data``: ``user\titem\trating\ttimestamp``, whole stars."""
    layout = Layout({"user": 0, "item": 1, "rating": 2, "timestamp": 3}, width=4, separator="\t")
    return Ratings(read_delimited(Source(archive, "u.data"), layout, WHOLE_STARS))


def _genome(archive: Path) -> "np.ndarray[tuple[int], np.dtype[np.int32]] | None":
    """Ids of the items in the tag genome, ascending, each once; None where the archive has no tag genome."""
    if not has_member(archive, "genome-scores.csv"):
        return None
    source = Source(archive, "genome-scores.csv")
    header = first_line(source, ",")
    if "movieId" not in header:
        raise InputError(f"{source}: line 1: expected a column 'movieId'; found {', '.join(map(repr, header))}")
    types = {str(header.index("movieId")): pa.int32()}
    items = []
    with source.open("reading genome-scores.csv") as stream:
        stream.readline()
        for text in whole_lines(stream, source):
            try:
                items.append(pd.unique(table_of(text, len(header), types).column(0).to_numpy()))
            except ValueError as error:
                raise InputError(f"{source}: cannot be parsed: {error}") from error
    return np.unique(np.concatenate(items)) if items else np.array([], np.int32)
