"""MovieLens 32M (10/2023): half stars, stable."""

from autoemb.config import DatasetConfig as Config
from autoemb.data.datasets._movielens import CITATION, HALF_STARS, LICENCE, URL, read_csv
from autoemb.data.datasets.base import Counts, Dataset

dataset = Dataset(
    name="ml-32m",
    title="MovieLens 32M",
    licence=LICENCE,
    citation=CITATION,
    config=Config,
    read=read_csv,
    url=URL + "ml-32m.zip",
    archive_md5="d472be332d4daa821edc399621853b57",
    member="ratings.csv",
    size=238_950_008,
    scale=HALF_STARS,
    expected=Counts(ratings=32_000_204, users=200_948, items=None),  # its README counts movies, rated or not
)
