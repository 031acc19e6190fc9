"""MovieLens 100K (4/1998): whole stars."""

from autoemb.config import DatasetConfig as Config
from autoemb.data.datasets._movielens import CITATION, NO_REDISTRIBUTION, URL, WHOLE_STARS, read_tabs
from autoemb.data.datasets.base import Counts, Dataset

dataset = Dataset(
    name="ml-100k",
    title="MovieLens 100K",
    licence=NO_REDISTRIBUTION,
    citation=CITATION,
    config=Config,
    read=read_tabs,
    url=URL + "ml-100k.zip",
    archive_md5="0e33842e24a9c977be4e0107933c0723",
    member="u.data",
    ratings_md5="6e47046882bad158b0efbb84cd5cb987",
    size=4_924_029,
    scale=WHOLE_STARS,
    expected=Counts(ratings=100_000, users=943, items=1_682),
)
