"""Files that are whole or absent: what a writer that was killed has left, and what a power cut may not take."""

import os
from pathlib import Path

import pytest

from autoemb.artifact import files
from autoemb.artifact.files import whole, whole_folder


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_what_a_killed_writer_left_goes_with_the_next_one(tmp_path):
    (tmp_path / ".table[1].csv.x7_2b.part").write_text("half")
    (tmp_path / ".another.csv.x7_2b.part").write_text("half")
    with whole(tmp_path / "table[1].csv") as temporary:
        temporary.write_text("all")
        assert len(names(tmp_path)) == 3
    assert names(tmp_path) == [".another.csv.x7_2b.part", "table[1].csv"]


def test_what_a_killed_writer_of_a_folder_left_goes_with_the_next_one(tmp_path):
    (tmp_path / ".x7_2b.part").mkdir()
    (tmp_path / ".x7_2b.part" / "a.csv").write_text("half")
    with whole_folder(tmp_path, last="a.csv") as temporary:
        (temporary / "a.csv").write_text("all")
    assert names(tmp_path) == ["a.csv"]
    assert (tmp_path / "a.csv").read_text() == "all"


def test_two_writers_at_a_time_leave_each_other_alone(tmp_path):
    path = tmp_path / "a.csv"
    with whole(path) as slow:
        slow.write_text("slow")
        with whole(path) as quick:
            quick.write_text("quick")
        assert path.read_text() == "quick"
        assert slow.read_text() == "slow"
    assert path.read_text() == "slow"
    with whole_folder(tmp_path, last="a.csv") as slow:
        (slow / "a.csv").write_text("slow")
        with whole_folder(tmp_path, last="a.csv") as quick:
            (quick / "a.csv").write_text("quick")
    assert names(tmp_path) == ["a.csv"]
    assert path.read_text() == "slow"


def test_a_part_that_was_swept_before_its_writer_held_it_is_made_anew(tmp_path, monkeypatch):
    lock, taken = files.fcntl.flock, []

    def late(handle, how):
        if not taken:
            (part,) = tmp_path.iterdir()
            part.unlink()
        taken.append(how)
        lock(handle, how)

    monkeypatch.setattr(files.fcntl, "flock", late)
    with whole(tmp_path / "a.csv") as temporary:
        temporary.write_text("all")
    assert len(taken) == 2
    assert names(tmp_path) == ["a.csv"]


def test_without_locks_files_are_written_and_nothing_is_swept(tmp_path, monkeypatch):
    def none(handle, how):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(files.fcntl, "flock", none)
    (tmp_path / ".a.csv.x7_2b.part").write_text("half")
    with whole(tmp_path / "a.csv") as temporary:
        temporary.write_text("all")
    assert names(tmp_path) == [".a.csv.x7_2b.part", "a.csv"]


@pytest.fixture
def steps(monkeypatch):
    """What the disk is asked to do: files and folders that are synchronised, and renamed."""
    seen, sync, replace = [], os.fsync, Path.replace

    def note_sync(handle):
        seen.append(f"sync {Path(f'/proc/self/fd/{handle}').readlink().name}")
        sync(handle)

    def note_replace(one, other):
        seen.append(f"rename {other.name}")
        return replace(one, other)

    if not Path("/proc/self/fd").exists():
        pytest.skip("no /proc here that says which file a handle is of")
    monkeypatch.setattr(files.os, "fsync", note_sync)
    monkeypatch.setattr(Path, "replace", note_replace)
    return seen


def test_content_is_on_the_disk_before_it_has_its_name(tmp_path, steps):
    with whole(tmp_path / "a") as temporary:
        temporary.write_text("all")
    assert steps == [f"sync {temporary.name}", "rename a", f"sync {tmp_path.name}"]


def test_a_power_cut_leaves_no_record_before_its_files(tmp_path, steps):
    """The disk may keep names in another order than they were given, until it is asked to hold them."""
    folder = tmp_path / "run"
    with whole_folder(folder, last="b.json") as temporary:
        for name in ("a", "b.json", "c"):
            (temporary / name).write_text("all")
    each = [[f"sync {name}", f"rename {name}", "sync run"] for name in ("a", "c", "b.json")]
    assert steps == ["sync run", *each[0], *each[1], *each[2]]


TABLES = ("a.parquet", "outcomes.parquet", "z.parquet")


@pytest.mark.parametrize("renames", range(len(TABLES) + 1))
@pytest.mark.parametrize("last", ["outcomes.json", "a.json", "z.json"])
def test_a_writer_that_is_killed_between_two_renames_leaves_no_record_of_other_files(
    tmp_path, monkeypatch, renames, last
):
    """The record of the new run, and that of the run that was there before."""

    class KilledError(BaseException):
        pass

    def write(content):
        with whole_folder(tmp_path, last=last) as temporary:
            for name in (last, *TABLES):
                (temporary / name).write_text(content)

    def held():
        return {path.name: path.read_text() for path in tmp_path.iterdir()}

    write("old")
    assert held() == dict.fromkeys((last, *TABLES), "old")
    replace, done = Path.replace, []

    def dies(one, other):
        if len(done) == renames:
            raise KilledError
        done.append(other)
        return replace(one, other)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", dies)
        with pytest.raises(KilledError):
            write("new")
    assert [held()[name] for name in TABLES] == ["new"] * renames + ["old"] * (len(TABLES) - renames)
    assert last not in held()
    write("new")
    assert held() == dict.fromkeys((last, *TABLES), "new")
