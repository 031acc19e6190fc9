"""MovieLens 25M (11/2019): half stars, stable."""

from autoemb.config import DatasetConfig as Config
from autoemb.data.datasets._movielens import CITATION, HALF_STARS, LICENCE, URL, read_csv
from autoemb.data.datasets.base import Counts, Dataset

dataset = Dataset(
    name="ml-25m",
    title="MovieLens 25M",
    licence=LICENCE,
    citation=CITATION,
    config=Config,
    read=read_csv,
    url=URL + "ml-25m.zip",
    archive_md5="6b51fb2759a8657d3bfcbfc42b592ada",
    member="ratings.csv",
    size=261_978_986,
    scale=HALF_STARS,
    expected=Counts(ratings=25_000_095, users=162_541, items=59_047),
)
