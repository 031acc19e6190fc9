"""Golden numbers: every method over the first interactions of the shipped ratings, with its default settings.

``python -m tests.make_golden`` writes them anew; do that only in a commit that means to move results. With names of
methods it adds those of new ones.
"""

import json
import sys
import tempfile
from pathlib import Path

import pandas as pd
import torch

from autoemb.artifact.files import write_json
from autoemb.config import DatasetConfig, RunConfig, StreamConfig
from autoemb.data import datasets
from autoemb.data.columns import columns_of, shape_of
from autoemb.data.fetch import fetch
from autoemb.data.interactions import Interactions
from autoemb.data.stream import build_stream
from autoemb.learning import methods
from autoemb.learning.seeds import run_stream
from autoemb.schema import TASKS

NUMBERS = Path(__file__).parent / "golden" / "numbers.json"
INTERACTIONS = 4000


def stream(folder: Path) -> pd.DataFrame:
    """The first interactions of the shipped ratings by time, the last quarter as test part."""
    shipped = datasets.find("ml-latest-small")
    archive = folder / "ratings.zip"
    fetch(shipped, shipped.config(), archive)
    found = Interactions(shipped.read(archive, shipped.config()))
    first = found.frame().sort_values("timestamp", kind="stable").head(INTERACTIONS)
    return build_stream(first, found.items, StreamConfig(order="given", test=0.25), DatasetConfig())


def measure(frame: pd.DataFrame, method: str, task: str) -> dict[str, float]:
    """Sums over the test part and both seeds, in float64 so that machines agree."""
    config = RunConfig(task=task, seeds=2, dtype="float64")
    module = methods.find(method)
    shape = shape_of(frame, task, 5)
    recorder = run_stream(
        lambda seeds: module.Model(module.Config(), shape, seeds, torch.float64, "cpu"), columns_of(frame, task), config
    )
    outcomes = recorder.outcomes().query("split == 'test' and side == 'user'")
    sizes = recorder.size_weights().query("split == 'test'")
    return {
        "loss": float(outcomes["loss_sum"].sum() / outcomes["n"].sum()),
        "accuracy": float(outcomes["correct"].sum() / outcomes["n"].sum()),
        "mean_size": float((sizes["weight_sum"] * sizes["size"]).sum() / sizes["weight_sum"].sum()),
    }


def main() -> None:
    """Write the numbers of all methods and tasks; or, with names of methods, add theirs to those that there are."""
    torch.set_num_threads(1)
    names = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        frame = stream(Path(folder))
    kept = json.loads(NUMBERS.read_text()) if names else {}
    write_json(kept | {m: {t: measure(frame, m, t) for t in TASKS} for m in names or methods.names()}, NUMBERS)
    print(json.dumps(json.loads(NUMBERS.read_text()), indent=2))


if __name__ == "__main__":
    main()
