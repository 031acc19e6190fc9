"""Checkpoints: when they are written, which are taken, and how a run that is told to end leaves one."""

import errno
import json
import random
import re
import signal
import subprocess
import sys
import threading
import time
from importlib import import_module

import pytest
import torch
from safetensors.torch import save_file

from autoemb.artifact.files import digest
from autoemb.artifact.verify import read
from autoemb.cli import main
from autoemb.errors import InputError
from autoemb.learning import checkpoint as module
from autoemb.learning.checkpoint import PAUSE, Checkpoint, checksum
from autoemb.learning.methods import autoemb as model
from autoemb.learning.methods import fse
from autoemb.schema import RUN_TABLES

RUN = json.dumps({"task": "regression", "seeds": 2, "batch_size": 32, "windows": 5})
SETTINGS = json.dumps({"sizes": [2, 4], "hidden": 8, "controller_hidden": 8})
MODEL = json.dumps({"method": "fse", "size": 3, "start": "normal"})
LEVELS = json.dumps({"at": [2, 4, 6], "permutations": "one"})
FILES = tuple(table.file for table in RUN_TABLES)
FILES_OF = {"train": FILES, "levels": ("out",)}


def state():
    dice = torch.Generator().manual_seed(0)
    return {
        "rows": torch.rand(3, 4, generator=dice),
        "since": torch.arange(5),
        "nothing": torch.zeros(0, 3, dtype=torch.float64),
        "flags": torch.tensor([True, False]),
        "done": torch.tensor(7),
    }


def same(one, other):
    return one.keys() == other.keys() and all(
        one[name].dtype == other[name].dtype and torch.equal(one[name], other[name]) for name in one
    )


def words(verb, **options):
    return [verb, *(str(word) for name, value in options.items() for word in (f"--{name.replace('_', '-')}", value))]


@pytest.fixture(autouse=True)
def interruptible():
    """A shell starts what goes to the background with SIGINT ignored; here signals are heard wherever tests run."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A stream and splits of 3,000 synthetic ratings, and what runs that nobody cut make of them."""
    place = tmp_path_factory.mktemp("checkpoints")
    data = {"dataset": "synthetic", "settings": json.dumps({"rows": 3000, "users": 40, "items": 30})}
    assert main(words("fetch", **data, out=place / "archive")) == 0
    tables = {"out": place / "interactions", "users": place / "users", "items": place / "items"}
    assert (
        main(words("interactions", **data, archive=place / "archive", **tables, counts=place / "data.counts.json")) == 0
    )
    source = {"interactions": place / "interactions", "labels": "{}"}
    order = '{"order": "temporal"}'
    assert main(words("stream", **source, items=place / "items", settings=order, out=place / "stream")) == 0
    assert main(words("split", **source, settings=LEVELS, out=place / "split")) == 0
    assert main(train(place, place / "uncut")) == 0
    assert main(levels(place, place / "uncut.parquet")) == 0
    return place


def train(folder, out, **more):
    options = {"stream": folder / "stream", "method": "autoemb", "settings": SETTINGS, "run": RUN, "out": out}
    return words("train", **options, **more)


def levels(folder, out, **more):
    return words("levels", splits=folder / "split", model=MODEL, settings=LEVELS, run=RUN, out=out, **more)


def test_a_state_comes_back_as_it_was(tmp_path):
    path = tmp_path / "folder" / "state"
    assert Checkpoint(path, "one", 0).load() is None
    Checkpoint(path, "one", 0).save(state())
    assert same(Checkpoint(path, "one", 0).load(), state())


def test_one_that_cannot_be_written_leaves_the_last_one(tmp_path, monkeypatch):
    checkpoint = Checkpoint(tmp_path / "state", "one", 0)
    checkpoint.save({"x": torch.ones(2)})

    def full(state, metadata, file):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("autoemb.learning.checkpoint.write_tensors", full)
    with pytest.raises(InputError, match=r"state: cannot be written: .*No space left"):
        checkpoint.save({"x": torch.zeros(2)})
    assert checkpoint.load()["x"].tolist() == [1, 1]
    assert [file.name for file in tmp_path.iterdir()] == ["state"]


ENDLESS = """
import sys, torch
from pathlib import Path
from autoemb.learning.checkpoint import Checkpoint
state = {"rows": torch.rand(20_000_000)}
while True:
    Checkpoint(Path(sys.argv[1]), "one", 0).save(state)
    print("saved", flush=True)
"""


def test_a_kill_while_a_large_state_is_written_leaves_nothing_of_it_for_long(tmp_path):
    """80 MB, killed at moments of the second save: what the next writer finds beside the state, it removes."""
    path, dice = tmp_path / "state.safetensors", random.Random(0)
    for _ in range(4):
        with subprocess.Popen([sys.executable, "-c", ENDLESS, path], stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout.readline() == "saved\n"
            time.sleep(dice.random() * 0.2)
            writer.kill()
        assert len(list(tmp_path.iterdir())) <= 2
        Checkpoint(path, "one", 0).save(state())
        assert [file.name for file in tmp_path.iterdir()] == [path.name]
        assert same(Checkpoint(path, "one", 0).load(), state())


def test_writers_of_one_place_do_not_collide(tmp_path):
    path, failed = tmp_path / "state.safetensors", []

    def write():
        try:
            for _ in range(20):
                Checkpoint(path, "one", 0).save(state())
        except Exception as error:
            failed.append(error)

    writers = [threading.Thread(target=write) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert not failed
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    assert same(Checkpoint(path, "one", 0).load(), state())


def test_results_take_the_place_of_the_state_and_of_what_kills_left(tmp_path):
    checkpoint = Checkpoint(tmp_path / "state.safetensors", "one", 0)
    checkpoint.save(state())
    (tmp_path / ".state.safetensors.killed.part").touch()
    checkpoint.finish({"sums": torch.ones(2)})
    assert [file.name for file in tmp_path.iterdir()] == ["state.safetensors.finished"]
    assert Checkpoint(checkpoint.path, "one", 0).load()["sums"].tolist() == [1, 1]
    Checkpoint(checkpoint.path, "two", 0).save(state())
    assert same(Checkpoint(checkpoint.path, "two", 0).load(), state())  # beside another run's results


def test_files_of_another_run_that_began_later_stay(tmp_path, caplog):
    caplog.set_level("INFO")
    path = tmp_path / "state"
    old = Checkpoint(path, "old", 0)
    new = Checkpoint(path, "new", 0)
    old.save(state())  # an orphan's, before the new run has one
    assert new.load() is None
    new.save(state())
    old.save({"x": torch.ones(2)})
    assert same(new.load(), state())
    old.finish({"x": torch.ones(2)})
    assert same(new.load(), state())
    assert caplog.text.count(f"{path}: of a run of other settings that began later; left as it is") == 1
    new.finish({"x": torch.zeros(2)})
    assert not path.exists()
    old.finish({"x": torch.ones(2)})
    assert new.load()["x"].tolist() == [0, 0]
    path.write_bytes(b"damaged")
    old.save(state())
    assert Checkpoint(path, "old", 0).load() is not None


def test_seconds_add_up_over_processes(tmp_path):
    time = [0.0]
    for seconds in (7.0, 5.0, 3.0):
        checkpoint = Checkpoint(tmp_path / "state", "one", 0, clock=lambda: time[0])
        assert same(checkpoint.load() or {}, {} if seconds == 7.0 else {"x": torch.ones(2)})
        assert checkpoint.before == {7.0: 0, 5.0: 7, 3.0: 12}[seconds]
        time[0] += seconds
        checkpoint.save({"x": torch.ones(2)})


@pytest.mark.parametrize("version", [module.VERSION, "2"])
def test_one_of_other_settings_or_an_other_version_is_not_taken(tmp_path, caplog, version, monkeypatch):
    caplog.set_level("INFO")
    path = tmp_path / "state"
    with monkeypatch.context() as patch:
        patch.setattr(module, "VERSION", version)
        Checkpoint(path, "one" if version == "2" else "two", 0).save(state())
    assert Checkpoint(path, "one", 0).load() is None
    assert "a checkpoint of other settings, inputs or code; not taken" in caplog.text
    save_file(state(), path)  # somebody else's
    assert Checkpoint(path, "one", 0).load() is None


def test_one_without_its_checksum_is_not_taken(tmp_path, caplog):
    caplog.set_level("INFO")
    path, changed = tmp_path / "state", state()
    ours = Checkpoint(path, "one", 0)
    save_file(changed, path, metadata=ours.metadata)
    assert ours.load() is None
    changed["rows"][0, 0] += 1
    save_file(changed, path, metadata={**ours.metadata, "checksum": checksum(state())})
    assert ours.load() is None
    assert caplog.text.count("a damaged checkpoint, its checksum differs; not taken") == 2


def test_whatever_happens_to_its_bytes_it_is_whole_or_not_taken(tmp_path):
    path, dice = tmp_path / "state", random.Random(0)
    Checkpoint(path, "one", 0).save(state())
    good = path.read_bytes()
    damaged = [good[:length] for length in range(len(good))]
    damaged += [good + b"\0", good + good, b"\0" * len(good)]
    for at, value in enumerate(good):
        changes = {value ^ 1 << dice.randrange(8), dice.randrange(256)} - {value}
        damaged += [good[:at] + bytes([change]) + good[at + 1 :] for change in changes]
    taken = 0
    for content in damaged:
        path.write_bytes(content)
        found = Checkpoint(path, "one", 0).load()
        taken += found is not None
        assert found is None or same(found, state())
    assert len(damaged) > 2.5 * len(good)
    assert taken < 20  # a header that says the same in other words


@pytest.mark.parametrize("took", [0.0, 0.1, 5.9, 60.0, 1_000.0])
def test_writing_states_takes_less_than_two_percent_of_a_run(tmp_path, monkeypatch, took):
    time, chunk, end, saves = 0.0, 20.0, 100_000.0, 0
    checkpoint = Checkpoint(tmp_path / "state", "one", 300, clock=lambda: time)

    def slow_disk(state, metadata, file):
        nonlocal time
        time += took

    monkeypatch.setattr("autoemb.learning.checkpoint.write_tensors", slow_disk)
    while time < end:
        time += chunk
        if checkpoint.due():
            checkpoint.save({})
            saves += 1
    assert (saves - 1) * took <= 0.02 * time  # how slow the disk is, only the first one can show
    assert saves >= int(end / (max(300, PAUSE * took) + took + chunk))


def ended(call):
    """The status that the command line ends with."""
    try:
        return main(call)
    except SystemExit as end:
        return end.code


@pytest.mark.parametrize(
    ("verb", "number", "status"),
    [("train", signal.SIGTERM, 143), ("train", signal.SIGINT, 130), ("levels", signal.SIGTERM, 143)],
)
def test_a_signal_leaves_a_state_to_go_on_from(folder, tmp_path, monkeypatch, verb, number, status):
    """Every run is cut in its fourth chunk (its fourth model), until one comes to the end."""
    before = signal.getsignal(number)
    out, path = tmp_path / "out", tmp_path / "states" / "state"
    call = (train if verb == "train" else levels)(folder, out, checkpoint=path, chunk=16)
    due, asked = Checkpoint.due, []

    def tell(self):
        asked[-1] += 1
        if asked[-1] == 4:
            signal.raise_signal(number)
        return due(self)

    monkeypatch.setattr(Checkpoint, "due", tell)
    statuses = []
    while not statuses or statuses[-1] != 0:
        asked.append(0)
        statuses.append(ended(call))
        assert path.is_file() == (statuses[-1] != 0)
        assert out.exists() == (statuses[-1] == 0)
    # of 6 models, or of 2 seeds with 6 chunks in training and 3 in the test, none twice
    chunks = {"train": 18, "levels": 6}[verb]
    assert sum(asked) == chunks
    assert statuses == [status] * (chunks // 4) + [0]
    assert signal.getsignal(number) == before
    assert [file.name for file in path.parent.iterdir()] == [f"{path.name}.finished"]
    if verb == "levels":
        assert out.read_bytes() == (folder / "uncut.parquet").read_bytes()
    else:
        for file in FILES:
            assert (out / file).read_bytes() == (folder / "uncut" / file).read_bytes()


def test_a_model_of_the_splits_is_left_when_a_signal_comes(folder, tmp_path, monkeypatch):
    step, steps = fse.Model.step, []

    def tell(self, batch):
        steps.append(1)
        if len(steps) == 20:
            signal.raise_signal(signal.SIGTERM)
        return step(self, batch)

    monkeypatch.setattr(fse.Model, "step", tell)
    call = levels(folder, tmp_path / "out", checkpoint=tmp_path / "state", chunk=2)
    assert ended(call) == 143
    assert 20 <= len(steps) <= 21
    assert main(call) == 0
    assert (tmp_path / "out").read_bytes() == (folder / "uncut.parquet").read_bytes()


@pytest.mark.parametrize("verb", ["train", "levels"])
def test_a_run_whose_end_nobody_noticed_is_not_done_again(folder, tmp_path, monkeypatch, verb):
    out, call = tmp_path / "out", (train if verb == "train" else levels)
    assert main(call(folder, out, checkpoint=tmp_path / "state")) == 0
    made = [out] if verb == "levels" else [out / file for file in FILES]
    before = [file.read_bytes() for file in made]
    for file in made:
        file.unlink()
    monkeypatch.setattr(fse.Model, "step", None)
    monkeypatch.setattr("autoemb.learning.methods.autoemb.Model.step", None)
    assert main(call(folder, out, checkpoint=tmp_path / "state")) == 0
    assert [file.read_bytes() for file in made] == before


def test_a_second_signal_ends_at_once_and_an_ignored_one_stays_ignored(tmp_path):
    checkpoint = Checkpoint(tmp_path / "state", "one", 300)
    with checkpoint.heeding_signals():
        assert not checkpoint.due()  # the first chunk is done
        signal.raise_signal(signal.SIGINT)
        assert checkpoint.end_signal == signal.SIGINT
        assert checkpoint.due()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Checkpoint(tmp_path / "state", "one", 300).heeding_signals():
            assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("goes_on", [False, True])
def test_a_signal_before_the_first_chunk_is_done_ends_at_once(folder, tmp_path, monkeypatch, goes_on):
    """SIGTERM may not wait for the compiler; an earlier checkpoint stays."""
    path = tmp_path / "state"
    call = train(folder, tmp_path / "out", checkpoint=path, checkpoint_seconds=0, chunk=16)
    due, step, steps = Checkpoint.due, model.Model.step, []

    def cut(self):
        self.end_signal = signal.SIGINT
        return due(self)

    if goes_on:
        with monkeypatch.context() as patch:
            patch.setattr(Checkpoint, "due", cut)
            assert ended(call) == 130
    before = [file.read_bytes() for file in tmp_path.iterdir()]

    def tell(self, batch):
        steps.append(1)
        signal.raise_signal(signal.SIGINT)
        return step(self, batch)

    with monkeypatch.context() as patch:
        patch.setattr(model.Model, "step", tell)
        with pytest.raises(KeyboardInterrupt):
            main(call)
    assert len(steps) == 1
    assert [file.read_bytes() for file in tmp_path.iterdir()] == before
    assert len(before) == goes_on
    assert main(call) == 0
    assert (tmp_path / "out" / FILES[0]).read_bytes() == (folder / "uncut" / FILES[0]).read_bytes()
    assert not path.exists()


def test_a_state_of_other_threads_is_not_taken(folder, tmp_path, caplog):
    caplog.set_level("INFO")
    Checkpoint(tmp_path / "state", "of one thread", 0).save(state())
    assert main(train(folder, tmp_path / "out", checkpoint=tmp_path / "state")) == 0
    assert "other settings" in caplog.text
    assert (tmp_path / "out" / FILES[0]).read_bytes() == (folder / "uncut" / FILES[0]).read_bytes()


def test_a_full_disk_keeps_the_last_state_and_the_last_results(folder, tmp_path):
    """A limit on file sizes stands in for it; the state of another run is larger than it, and so is none taken."""
    out, path = tmp_path / "out", tmp_path / "state"
    assert main(train(folder, out)) == 0
    path.write_bytes(b"of an earlier run")
    before = {file.name: file.read_bytes() for file in (path, *out.iterdir())}
    limited = "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, 5_000)); "
    limited += "from autoemb import cli; sys.exit(cli.main(sys.argv[1:]))"
    for more, named in (({"checkpoint": path, "checkpoint_seconds": 0}, path), ({}, out)):
        command = [sys.executable, "-c", limited, *train(folder, out, **more)]
        told = subprocess.run(command, capture_output=True, text=True)
        assert told.returncode == 2, told.stderr
        last = told.stderr.splitlines()[-1]
        assert re.match(f"autoemb train: error: {named}.*: cannot be written: .*File too large", last), told.stderr
        assert {file.name: file.read_bytes() for file in (path, *out.iterdir())} == before
        assert len(list(tmp_path.iterdir())) == 2


@pytest.fixture
def read_only(tmp_path):
    """A folder that nobody can write to, not even root: a file system mounted so."""
    place = tmp_path / "read-only"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", place], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"cannot mount a read-only folder: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", place], check=True)


def test_a_read_only_folder_is_named(folder, tmp_path, capsys, read_only):
    assert main(train(folder, tmp_path / "out", checkpoint=read_only / "state", checkpoint_seconds=0)) == 2
    assert f"{read_only / 'state'}: cannot be written: Read-only file system" in capsys.readouterr().err
    assert main(train(folder, read_only / "out", checkpoint=tmp_path / "state")) == 2
    assert f"{read_only / 'out'}: cannot be written: Read-only file system" in capsys.readouterr().err


def test_two_runs_at_a_time_on_the_same_paths_end_well(folder, tmp_path):
    """Snakemake was killed, its job went on, and a second Snakemake has started the job again."""
    out, path = tmp_path / "out", tmp_path / "states" / "state"
    command = [sys.executable, "-m", "autoemb.cli", *train(folder, out, checkpoint=path, checkpoint_seconds=0)]
    both = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    told = [run.communicate()[1] for run in both]
    assert [run.returncode for run in both] == [0, 0], told
    for file in FILES:
        assert (out / file).read_bytes() == (folder / "uncut" / file).read_bytes()
    assert sorted(file.name for file in out.iterdir()) == sorted([*FILES, "run.json"])
    assert [file.name for file in path.parent.iterdir()] == [f"{path.name}.finished"]


@pytest.mark.parametrize("began", ["later", "earlier"])
@pytest.mark.parametrize("verb", ["train", "levels"])
def test_of_two_runs_of_other_settings_the_one_that_began_later_has_the_place(
    folder, tmp_path, capsys, monkeypatch, verb, began
):
    """Another one comes to its end while this one trains: started after it, or an orphan that was there before."""
    out, record = {
        "train": (tmp_path / "out" / "outcomes.parquet", tmp_path / "out" / "run.json"),
        "levels": (tmp_path / "out", tmp_path / "record.json"),
    }[verb]
    if verb == "train":
        ours = train(folder, tmp_path / "out")
        theirs = [word.replace(SETTINGS, '{"sizes": [2, 3]}') for word in ours]
    else:
        ours = levels(folder, out, record=record)
        theirs = [word.replace(LEVELS, LEVELS.replace("2, 4, 6", "2")) for word in ours]
    goes, module = ("run_stream", "train") if verb == "train" else ("run_levels", "levels")
    goes_on = getattr(import_module(f"autoemb.commands.{module}"), goes)
    made = []

    def meets_another(*arguments):
        with monkeypatch.context() as patch:
            patch.setattr(f"autoemb.commands.{module}.{goes}", goes_on)
            if began == "earlier":
                patch.setattr("autoemb.artifact.record.now", lambda: "2020-02-02T00:00:00+00:00")
            assert main(theirs) == 0
        made.append(out.read_bytes())
        return goes_on(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(f"autoemb.commands.{module}.{goes}", meets_another)
        assert main(ours) == (2 if began == "later" else 0)
    told = f"{record}: written by another run, of other settings, since this one began"
    assert (told in capsys.readouterr().err) == (began == "later")
    assert (out.read_bytes() == made[0]) == (began == "later")
    assert read(record).generated == {out.parent / name: digest(out.parent / name) for name in FILES_OF[verb]}
    assert main(ours) == 0  # what stood there before it began, it replaces
    uncut = folder / ("uncut/outcomes.parquet" if verb == "train" else "uncut.parquet")
    assert out.read_bytes() == uncut.read_bytes()


@pytest.mark.parametrize("share", [0.0, 0.3, 0.999])
@pytest.mark.parametrize(
    ("name", "verb"),
    [("interactions", "stream"), ("items", "stream"), ("interactions", "split"), ("stream", "train"),
     ("split", "levels"), ("outcomes", "tabulate"), ("sizes", "tabulate")],
)  # fmt: skip
def test_a_table_that_an_older_crash_cut_short_is_named(folder, tmp_path, capsys, name, verb, share):
    """With what to do about it; nothing is written. Those of today are whole or absent."""
    run = tmp_path / "mine" / "shuffled" / "regression" / "autoemb"
    run.mkdir(parents=True)
    for kind in ("outcomes", "sizes"):
        (run / f"{kind}.parquet").write_bytes((folder / "uncut" / f"{kind}.parquet").read_bytes())
    for kind in ("interactions", "items", "stream", "split"):
        (tmp_path / kind).write_bytes((folder / kind).read_bytes())
    path = run / f"{name}.parquet" if verb == "tabulate" else tmp_path / name
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    out = tmp_path / "made"
    source = {"interactions": tmp_path / "interactions", "labels": "{}", "out": out}
    tables = {"outcomes": "comparison", "sizes": "sizes"}
    call = {
        "stream": words("stream", **source, items=tmp_path / "items", settings='{"order": "temporal"}'),
        "split": words("split", **source, settings=LEVELS),
        "train": train(tmp_path, out),
        "levels": levels(tmp_path, out),
        "tabulate": ["tabulate", tables.get(name, ""), "--inputs", str(run / f"{name}.parquet"), "--out", str(out)],
    }[verb]
    assert main(call) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    assert line.startswith(f"autoemb {verb}: error: {path}: not a readable Parquet file (")
    assert line.endswith("); remove it and run again")
    assert not out.exists()
    assert not list(tmp_path.glob("made*"))
