"""MovieLens 20M (4/2015, tag genome of 10/2016): half stars. One of the paper's three."""

from autoemb.config import DatasetConfig as Config
from autoemb.data.datasets._movielens import CITATION, HALF_STARS, LICENCE, URL, read_csv
from autoemb.data.datasets.base import Counts, Dataset

dataset = Dataset(
    name="ml-20m",
    title="MovieLens 20M",
    licence=LICENCE,
    citation=CITATION,
    config=Config,
    read=read_csv,
    url=URL + "ml-20m.zip",
    archive_md5="cd245b17a1ae2cc31bb14903e1204af3",
    member="ratings.csv",
    size=198_702_078,
    scale=HALF_STARS,
    expected=Counts(ratings=20_000_263, users=138_493, items=26_744),
    paper=Counts(ratings=20_000_263, users=138_493, items=27_278),
)
