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
    with whole_folder(tmp_path) as temporary:
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
    with whole_folder(tmp_path) as slow:
        (slow / "a.csv").write_text("slow")
        with whole_folder(tmp_path) as quick:
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


@pytest.mark.parametrize("writer", [whole, whole_folder])
def test_content_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch, writer):
    seen, sync, replace = [], os.fsync, Path.replace

    def note_sync(handle):
        seen.append(f"sync {Path(f'/proc/self/fd/{handle}').readlink()}")
        sync(handle)

    def note_replace(one, other):
        seen.append(f"rename {one}")
        return replace(one, other)

    if not Path("/proc/self/fd").exists():
        pytest.skip("no /proc here that says which file a handle is of")
    monkeypatch.setattr(files.os, "fsync", note_sync)
    monkeypatch.setattr(Path, "replace", note_replace)
    with writer(tmp_path / "a") as temporary:
        file = temporary / "b" if writer is whole_folder else temporary
        file.write_text("all")
    folder = tmp_path / "a" if writer is whole_folder else tmp_path
    assert seen == [f"sync {file}", f"rename {file}", f"sync {folder}"]
