"""MovieLens latest: half stars. One of the paper's three, as the snapshot of 9/2018 that is no longer served."""

from autoemb.config import DatasetConfig as Config
from autoemb.data.datasets._movielens import CITATION, HALF_STARS, LICENCE, URL, read_csv
from autoemb.data.datasets.base import Counts, Dataset

dataset = Dataset(
    name="ml-latest",
    title="MovieLens latest",
    licence=LICENCE,
    citation=CITATION,
    config=Config,
    read=read_csv,
    url=URL + "ml-latest.zip",
    member="ratings.csv",
    scale=HALF_STARS,
    expected=Counts(ratings=27_753_444, users=283_228, items=53_889),
    paper=Counts(ratings=27_753_444, users=283_228, items=58_098),
    if_counts_differ=(
        "the publisher replaces ml-latest.zip from time to time and the paper used the snapshot of 9/2018;"
        " ml-25m and ml-32m are stable"
    ),
)
