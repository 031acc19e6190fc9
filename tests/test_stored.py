"""A stream that stays in its file gives the numbers of one in memory, and holds a window of it."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from autoemb.config import RunConfig
from autoemb.data.columns import columns_of, shape_of
from autoemb.data.stored import StoredStream
from autoemb.errors import InputError
from autoemb.learning.prequential import Run
from autoemb.learning.seeds import run_stream
from autoemb.schema import STREAM

from .contracts.bench import make, small_stream
from .contracts.variants import CONTROL, SEARCH, small

BATCH = 32
CONFIG = RunConfig(task="regression", seeds=2, batch_size=BATCH, windows=6)
VARIANTS = [
    ("fse", small("fse")),
    ("esapn", small("esapn")),
    ("autoemb", CONTROL),
    ("autoemb", {**CONTROL, "validation": "last_random"}),
    ("darts", {**SEARCH, "validation": "next_batch"}),
    ("darts", {**SEARCH, "validation": "next_batch", "hypergradient": "exact"}),  # looks at the batch before as well
    ("darts", {**SEARCH, "validation": "last_random", "hypergradient": "exact"}),
]


@pytest.fixture(scope="module")
def frame():
    return small_stream()  # 300 of 400 interactions to train on


def stored(frame, path, task="regression", **options) -> StoredStream:
    """The stream in a file, by default with row groups that batches of 32 straddle, as both parts do."""
    frame.to_parquet(path, index=False, **{"row_group_size": 45, **options})
    return StoredStream(path, task)


def equal(ours, other) -> bool:
    return all(torch.equal(getattr(ours, name), getattr(other, name)) for name in ("sums", "counts", "held"))


@pytest.mark.parametrize(("name", "settings"), VARIANTS)
def test_a_run_from_the_file_is_the_run_from_memory(name, settings, frame, tmp_path, monkeypatch):
    monkeypatch.setattr("autoemb.data.columns.WINDOW", 70)
    stream, shape = stored(frame, tmp_path / "stream"), shape_of(frame, "regression", 5)

    def run(columns):
        return run_stream(lambda seeds: make((name, settings), shape, seeds, torch.float32), columns, CONFIG, chunk=2)

    assert equal(run(stream.columns), run(columns_of(frame, "regression")))


@pytest.mark.parametrize("validation", ["last_batch", "last_random", "next_batch"])
def test_a_run_goes_on_in_the_middle_of_a_row_group(validation, frame, tmp_path):
    stream, shape = stored(frame, tmp_path / "stream"), shape_of(frame, "regression", 5)

    def begin(columns):
        method = make(("darts", {**SEARCH, "validation": validation}), shape, [0], torch.float32)
        return Run(method, columns, CONFIG, chunk=2)

    uncut, cut = begin(columns_of(frame, "regression")), begin(stream.columns)
    list(uncut.advance())
    steps = cut.advance()
    next(steps), next(steps)
    state = {name: tensor.clone() for name, tensor in cut.state_dict().items()}
    assert cut.done * BATCH not in stream.edges
    resumed = begin(StoredStream(tmp_path / "stream", "regression").columns)
    resumed.load_state_dict(state)
    list(resumed.advance())
    assert equal(resumed.recorder, uncut.recorder)


@pytest.mark.parametrize("task", ["regression", "classification"])
@pytest.mark.parametrize(
    "options",
    [{}, {"row_group_size": 1}, {"row_group_size": 100}, {"row_group_size": 400}, {"write_statistics": False}],
    ids=str,
)
def test_columns_shape_and_parts_are_those_of_the_table(options, task, frame, tmp_path):
    stream = stored(frame, tmp_path / "stream", task, **options)
    ours, table = stream.columns, columns_of(frame, task)
    assert stream.shape(5) == shape_of(frame, task, 5)
    assert ours.parts == table.parts
    dice = np.random.default_rng(0)
    columns = [(ours.label, table.label)]
    columns += [pair for key in ("id", "popularity") for pair in zip(ours.sides[key], table.sides[key], strict=True)]
    for column, array in columns:
        assert len(column) == 400
        np.testing.assert_array_equal(np.asarray(column), array, strict=True)
        for size in (1, 40, 400):
            places = dice.integers(0, size, (3, 7)) + dice.integers(0, 401 - size)
            np.testing.assert_array_equal(column[places], array[places], strict=True)


def test_row_groups_without_rows_are_passed_over(frame, tmp_path):
    table = pa.Table.from_pandas(frame, preserve_index=False)
    with pq.ParquetWriter(tmp_path / "stream", table.schema) as writer:
        for part in (table[:0], table[:50], table[50:50], table[50:], table[:0]):
            writer.write_table(part)
    stream = StoredStream(tmp_path / "stream", "regression")
    assert stream.file.num_row_groups == 5
    assert stream.edges.tolist() == [0, 50, 400]
    assert stream.shape(5) == shape_of(frame, "regression", 5)
    np.testing.assert_array_equal(stream.columns.label[np.arange(40, 60)], frame["regression"][40:60])


def test_training_reads_each_row_group_once_and_holds_those_of_a_chunk(frame, tmp_path, monkeypatch):
    stream, reads = stored(frame, tmp_path / "stream"), Counter()
    read = stream.read

    def counted(n, names):
        assert len(stream.held) <= 2  # two batches straddle three groups at most, this one included
        reads[n] += 1
        return read(n, names)

    columns = stream.columns
    monkeypatch.setattr(stream, "read", counted)
    method = make(("autoemb", CONTROL), stream.shape(5), [0])
    assert sum(len(chunk) for chunk in method.plan(columns, BATCH, chunk=2).chunks()) == 14
    assert reads == dict.fromkeys(range(9), 1)


def damaged(path: Path) -> None:
    content = bytearray(path.read_bytes())
    start = pq.ParquetFile(path).metadata.row_group(3).column(0).dictionary_page_offset
    content[start : start + 60] = bytes(60)
    path.write_bytes(content)


def test_a_row_group_that_cannot_be_read_is_named(frame, tmp_path):
    path = tmp_path / "stream"
    stored(frame, path)
    damaged(path)
    columns = StoredStream(path, "regression").columns  # what is said of the file's ends is whole
    method = make(("fse", small("fse")), shape_of(frame, "regression", 5), [0])
    with pytest.raises(InputError, match=r"stream: row group 3: cannot be read \(.*\); remove the file and run again"):
        list(method.plan(columns, BATCH, chunk=2).chunks())


@pytest.mark.parametrize("statistics", [True, False])
@pytest.mark.parametrize("name", ["user", "split"])
def test_a_missing_value_is_named_before_training(name, statistics, frame, tmp_path):
    holed = frame.astype({name: "object"})
    holed.loc[100, name] = None
    arrow = pa.schema([(column, kind) for column, kind in STREAM.columns.items()])
    table = pa.Table.from_pandas(holed, arrow, preserve_index=False).replace_schema_metadata()
    pq.write_table(table, tmp_path / "stream", row_group_size=45, write_statistics=statistics)
    stream = StoredStream(tmp_path / "stream", "regression")
    with pytest.raises(InputError, match=f"stream: row group 2: {name}: a value is missing; expected int"):
        stream.columns, stream.shape(5)


def test_a_stream_without_rows_is_refused(frame, tmp_path):
    with pytest.raises(InputError, match="stream: no rows; expected the interactions of a stream"):
        stored(frame[:0], tmp_path / "stream")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"user": "int64"}, "stream: columns {'user': 'int64', .* expected {'user': 'int32'"),
        ({"split": "float32"}, "stream: columns .*'split': 'float32'}; expected"),
    ],
)
def test_a_column_of_another_type_is_refused(change, message, frame, tmp_path):
    with pytest.raises(InputError, match=message):
        stored(frame.astype(change), tmp_path / "stream")


TRAIN = """
import json, pathlib, sys
from autoemb.cli import main
from autoemb.artifact.parquet import read_table
from autoemb.schema import STREAM
out, held, *streams = sys.argv[1:]
table = read_table(pathlib.Path(held), STREAM) if held else None
run = {"task": "regression", "seeds": 1, "batch_size": 1000, "device": "cpu", "compile": "never"}
words = ["--method", "fse", "--settings", '{"size": 1, "hidden": 2}', "--run", json.dumps(run), "--out", out]
for stream in streams:
    assert main(["train", "--stream", stream, *words]) == 0
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    print(next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")))
"""


def peaks(*streams: Path, out: Path, held: Path | str = "") -> list[float]:
    """MiB that a process had at its most after it trained on each stream, with a table in its memory or none."""
    command = [sys.executable, "-c", TRAIN, str(out), str(held), *map(str, streams)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    told = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    return [float(line) for line in told.stdout.splitlines()]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="there is no /proc to read a peak from")
def test_training_does_not_hold_the_stream(tmp_path):
    dice, rows = np.random.default_rng(0), 1_600_000
    values = {name: dice.integers(1, 3, rows) for name in STREAM.columns}
    values |= {"regression": dice.integers(0, 2, rows), "split": np.arange(rows) >= rows // 2}
    table = pd.DataFrame(values).astype(dict(STREAM.columns))
    short, long = tmp_path / "short", tmp_path / "long"
    stored(table[::10], short, row_group_size=2**16)
    stored(table, long, row_group_size=2**16)
    size = table.memory_usage(index=False).sum() / 2**20
    least, most = peaks(short, long, out=tmp_path / "run")
    assert most - least < size / 2
    (held,) = peaks(short, out=tmp_path / "run", held=long)
    assert held - least > size  # a table that is held does show
