"""The stream that settings are chosen on: the train part of a stream, whose last part is held out.

What stands in the test part is not in it: neither an interaction, nor the number of users and items that only occur
there.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from autoemb.artifact.parquet import ROW_GROUP, StoredTable
from autoemb.data.stream import RunningPopularity, test_count
from autoemb.schema import SIDES, SPLITS, STREAM


def validation_blocks(stream: StoredTable, last: float, restart: bool, size: int = ROW_GROUP) -> Iterator[pd.DataFrame]:
    """The train part as a stream of its own, in blocks.

    Args:
        stream: a table of ``schema.STREAM``, in stream order.
        last: the share of the train part that is marked as test part, its end.
        restart: whether the popularity is counted anew there, as in the test part of this stream.
        size: interactions of a block, at most.

    Returns:
        Tables of ``schema.STREAM`` that follow one another in stream order.

    Raises:
        InputError: one of the two parts would have no interaction.
    """
    train = int((stream["split"] == SPLITS.index("train")).sum())
    cut = train - test_count(last, train)
    columns = {name: stream[name][:train] for name in STREAM.columns if name != "split"}
    if restart:
        for side in SIDES:
            ids = columns[side]
            counted = RunningPopularity(int(ids.max()) + 1).count(ids[cut:])
            columns[f"{side}_popularity"] = np.concatenate([columns[f"{side}_popularity"][:cut], counted])
    for start in range(0, train, size):
        block = {name: column[start : start + size] for name, column in columns.items()}
        split = (np.arange(start, start + len(block["user"])) >= cut).astype(np.int8)
        yield STREAM.check(pd.DataFrame(block | {"split": split}))
