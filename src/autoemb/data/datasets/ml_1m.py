"""MovieLens 1M (2/2003): whole stars."""

from autoemb.config import DatasetConfig as Config
from autoemb.data.datasets._movielens import CITATION, NO_REDISTRIBUTION, URL, WHOLE_STARS, read_dat
from autoemb.data.datasets.base import Counts, Dataset

dataset = Dataset(
    name="ml-1m",
    title="MovieLens 1M",
    licence=NO_REDISTRIBUTION,
    citation=CITATION,
    config=Config,
    read=read_dat,
    url=URL + "ml-1m.zip",
    archive_md5="c4d9eecfca2ab87c1945afe126590906",
    member="ratings.dat",
    size=5_917_549,
    scale=WHOLE_STARS,
    expected=Counts(ratings=1_000_209, users=6_040, items=3_706),
)
