"""MovieLens latest-small of 9/2018: 100,836 ratings in half stars. Shipped with the package, its README beside it."""

from autoemb.config import DatasetConfig as Config
from autoemb.data.datasets._movielens import CITATION, HALF_STARS, read_csv
from autoemb.data.datasets.base import Counts, Dataset

dataset = Dataset(
    name="ml-latest-small",
    title="MovieLens latest-small (9/2018)",
    licence=(
        "research use; redistribution under the same conditions (README beside the archive);"
        " no commercial use without permission; no implied endorsement"
    ),
    citation=CITATION,
    config=Config,
    read=read_csv,
    shipped="ml-latest-small.zip",
    member="ratings.csv",
    ratings_md5="325a6f09399d1c45671f187505e1a100",
    scale=HALF_STARS,
    expected=Counts(ratings=100_836, users=610, items=9_724),
)
