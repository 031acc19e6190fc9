"""An archive from several addresses, after a kill, onto a full disk: the right bytes or one clear line."""

import gzip
import hashlib
import io
import os
import re
import resource
import subprocess
import sys
import time
import zipfile
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from autoemb import cli
from autoemb.artifact import files
from autoemb.config import DatasetConfig
from autoemb.data import datasets
from autoemb.data.fetch import SLACK, fetch
from autoemb.data.patience import Patience
from autoemb.errors import InputError
from autoemb.experiment import grid
from tests.serving import BODY, serving

QUICK = Patience(attempts=2, pause=0, connect=5, read=5)


def md5(content):
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def checked(publisher=None):
    """A data set whose archive is BODY."""
    url = None if publisher is None else publisher.url
    return replace(datasets.find("ml-1m"), url=url, archive_md5=md5(BODY), how_to_get="bring it")


def unchecked(publisher):
    """A data set whose archive holds ratings.csv, and has no published checksum."""
    return replace(datasets.find("ml-latest"), url=publisher.url)


def zipped(text):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("ml-latest/ratings.csv", text)
    return content.getvalue()


def mirrors(*servers):
    return DatasetConfig(mirrors=tuple(server.url for server in servers))


def held(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@contextmanager
def little_disk(size):
    """No file may grow beyond ``size`` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="no /proc here that says which file a handle is of")
@pytest.mark.parametrize("left", [None, BODY], ids=["downloaded", "only to be renamed"])
def test_the_archive_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch, left):
    seen, sync, replace_ = [], os.fsync, Path.replace
    monkeypatch.setattr(files.os, "fsync", lambda handle: seen.append(name_of(handle)) or sync(handle))
    monkeypatch.setattr(Path, "replace", lambda one, other: seen.append("renamed") or replace_(one, other))
    if left is not None:
        (tmp_path / "ml-1m.part").write_bytes(left)
    with serving() as server:
        fetch(checked(server), DatasetConfig(), tmp_path / "ml-1m")
    assert seen == ["ml-1m.part", "renamed", tmp_path.name]
    assert held(tmp_path) == {"ml-1m": BODY}


def name_of(handle):
    return Path(f"/proc/self/fd/{handle}").readlink().name


@pytest.mark.parametrize("body", [BODY, BODY[1:]], ids=["right", "wrong"])
def test_checks_what_it_downloaded(tmp_path, monkeypatch, capsys, body):
    with serving(body=body) as server:
        served = checked(server)
        monkeypatch.setattr(datasets, "find", lambda name: served)
        code = cli.main(["fetch", "--dataset", "ml-1m", "--out", str(tmp_path / "ml-1m")])
    assert server.asked == [None]  # what came whole and wrong is not downloaded again
    if body == BODY:
        assert code == 0
        assert held(tmp_path) == {"ml-1m": BODY}
    else:
        assert code == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert f"{server.url}: md5 {md5(body)}; expected {md5(BODY)}" in line
        assert line.endswith("name the local copy in the config as `archive:`")
        assert held(tmp_path) == {}


def test_mirrors_come_first_and_in_order(tmp_path, capsys):
    with serving(status=404) as absent, serving(body=b"no") as wrong, serving() as good, serving() as publisher:
        fetch(checked(publisher), mirrors(absent, wrong, good), tmp_path / "a", QUICK)
    assert held(tmp_path) == {"a": BODY}
    assert [len(server.asked) for server in (absent, wrong, good, publisher)] == [1, 1, 1, 0]
    first, second = capsys.readouterr().err.splitlines()
    assert re.search(f"warning: {absent.url}: cannot be downloaded .404 .*; trying {wrong.url}$", first)
    assert re.search(f"warning: {wrong.url}: md5 {md5(b'no')}; expected .*; trying {good.url}$", second)


def test_the_publisher_comes_last(tmp_path):
    with serving(status=503) as mirror, serving() as publisher:
        fetch(checked(publisher), mirrors(mirror), tmp_path / "a", QUICK)
    assert held(tmp_path) == {"a": BODY}
    assert [len(mirror.asked), len(publisher.asked)] == [QUICK.attempts, 1]


def test_more_than_the_declared_size_is_not_taken(tmp_path, capsys):
    with serving(endless=True, headers={"Content-Length": None}) as endless, serving() as publisher:
        fetch(replace(checked(publisher), size=len(BODY)), mirrors(endless), tmp_path / "a", QUICK)
    assert held(tmp_path) == {"a": BODY}
    (line,) = capsys.readouterr().err.splitlines()
    reason = "cannot be downloaded (sent more than 512,000 bytes; expected at most so many)"
    assert line.endswith(f"warning: {endless.url}: {reason}; trying {publisher.url}")


@pytest.mark.parametrize(("checksum", "times"), [("of the archive", 1), ("of the ratings", SLACK), ("none", SLACK)])
def test_only_what_may_differ_from_the_publishers_archive_may_be_larger(tmp_path, checksum, times):
    content = zipped("1,2,3,4\n" * 500)
    content += bytes(-len(content) % times)  # what follows a zip archive is no damage
    with serving(body=content) as server:
        dataset = {
            "of the archive": replace(checked(server), archive_md5=md5(content)),
            "of the ratings": replace(checked(server), member="ratings.csv", ratings_md5=md5(b"1,2,3,4\n" * 500)),
            "none": unchecked(server),
        }[checksum]
        size = len(content) // times
        with pytest.raises(InputError, match=rf"has {len(content):,} bytes; expected at most {times * (size - 1):,}\)"):
            fetch(replace(dataset, size=size - 1), DatasetConfig(), tmp_path / "a", QUICK)
        assert held(tmp_path) == {}
        fetch(replace(dataset, size=size), DatasetConfig(), tmp_path / "a", QUICK)
    assert held(tmp_path) == {"a": content}


def test_a_mirror_of_what_has_no_publisher(tmp_path):
    with serving() as mirror:
        fetch(checked(), mirrors(mirror), tmp_path / "a", QUICK)
    assert held(tmp_path) == {"a": BODY}


def test_all_fail(tmp_path):
    with (
        serving(status=404) as absent,
        serving(body=b"no") as wrong,
        serving(cut=0) as publisher,
        pytest.raises(InputError) as caught,
    ):
        fetch(checked(publisher), mirrors(absent, wrong), tmp_path / "a", QUICK)
    reasons = rf"{absent.url}: .*404.*; {wrong.url}: md5 .*; {publisher.url}: .*broken.*`archive:`"
    assert re.fullmatch(reasons, str(caught.value))
    assert held(tmp_path) == {}


def test_another_mirror_goes_on_where_a_checksum_tells(tmp_path):
    with serving(cut=100_000) as cut, serving() as good:
        fetch(checked(good), mirrors(cut), tmp_path / "a", QUICK._replace(attempts=1))
    assert held(tmp_path) == {"a": BODY}
    assert re.fullmatch(r"bytes=[1-9]\d+-", good.asked[0])


def test_another_mirror_starts_afresh_without_a_checksum(tmp_path, capsys):
    content = zipped("1,2,3,4\n" * 50_000)
    strong = {"ETag": '"1"'}
    with serving(cut=100_000, body=content, headers=strong) as cut, serving(body=content, headers=strong) as good:
        fetch(unchecked(good), mirrors(cut), tmp_path / "a", QUICK)
    assert held(tmp_path) == {"a": content}
    assert re.fullmatch(r"bytes=[1-9]\d+-", cut.asked[1])
    assert good.asked == [None]
    assert "MovieLens latest has no published checksum" in capsys.readouterr().err.splitlines()[0]


def test_without_a_checksum_the_ratings_must_be_readable(tmp_path):
    content = bytearray(zipped("1,2,3,4\n" * 500))
    content[200] ^= 1
    with (
        serving(body=content) as damaged,
        serving(body=b"<html>", headers={"Content-Length": None}) as page,
        pytest.raises(InputError) as caught,
    ):
        fetch(unchecked(page), mirrors(damaged), tmp_path / "a", QUICK)
    assert re.match(
        rf"{damaged.url} \(ratings\.csv\): damaged.*CRC.*; {page.url}: damaged.*File is not", str(caught.value)
    )
    assert [len(damaged.asked), len(page.asked)] == [1, 2]
    assert held(tmp_path) == {}


PAGE = b"<html><body>Please log in to download the file</body></html>"


@pytest.mark.parametrize("body", [b"", PAGE, gzip.compress(PAGE), zipped("1,2,3\n")], ids=["", "html", "gzip", "zip"])
@pytest.mark.parametrize("where", ["mirror", "archive"])
def test_what_has_no_checksum_is_opened(tmp_path, body, where):
    """Several members hold the ratings; a login page or a message is none of them, and the next run asks again."""
    netflix, store = datasets.find("netflix"), tmp_path / "store"
    (tmp_path / "copy").write_bytes(body)
    with serving(body=body) as mirror:
        given = mirrors(mirror) if where == "mirror" else DatasetConfig(archive=str(tmp_path / "copy"))
        for _ in range(2):
            with pytest.raises(InputError) as caught:
                fetch(netflix, given, tmp_path / "out" / "a", QUICK, store)
    name = mirror.url if where == "mirror" else str(tmp_path / "copy")
    assert str(caught.value).startswith(name), str(caught.value)
    assert not (tmp_path / "out").exists() or held(tmp_path / "out") == {}
    assert not store.exists() or held(store) == {}


def test_a_beginning_of_another_version_does_not_fail_for_ever(tmp_path):
    (tmp_path / "a.part").write_bytes(b"of another version")
    with serving() as server:
        fetch(checked(server), DatasetConfig(), tmp_path / "a", QUICK)
    assert held(tmp_path) == {"a": BODY}
    assert server.asked == ["bytes=18-", None]


def test_a_beginning_of_another_version_is_tried_afresh_once(tmp_path):
    (tmp_path / "a.part").write_bytes(b"of another version")
    with serving(body=BODY[:-1]) as server, pytest.raises(InputError, match=md5(BODY[:-1])):
        fetch(checked(server), DatasetConfig(), tmp_path / "a", QUICK)
    assert server.asked == ["bytes=18-", None]
    assert held(tmp_path) == {}


def test_a_cut_that_only_the_checksum_shows(tmp_path):
    with serving({"cut": 100_000, "headers": {"Content-Length": None}}) as server:
        fetch(checked(server), DatasetConfig(), tmp_path / "a", QUICK)
    assert held(tmp_path) == {"a": BODY}
    assert server.asked == [None, None]


def test_what_is_there_already_is_not_asked_for(tmp_path):
    (tmp_path / "a.part").write_bytes(BODY)
    with serving() as server:
        fetch(checked(server), DatasetConfig(), tmp_path / "a", QUICK)
    assert held(tmp_path) == {"a": BODY}
    assert server.asked == []


@pytest.mark.parametrize("came", [1000, 300_000])
def test_killed_in_the_middle(tmp_path, came):
    code = """
import sys
from pathlib import Path
from autoemb.data.download import download
download(sys.argv[1], Path(sys.argv[2]), resume=True)
"""
    part = tmp_path / "a.part"
    with serving({"stall": came}) as server:
        with subprocess.Popen([sys.executable, "-c", code, server.url, str(part)]) as process:
            deadline = time.monotonic() + 60
            while not (part.exists() and part.stat().st_size == came) and time.monotonic() < deadline:
                time.sleep(0.01)
            process.kill()
        assert part.read_bytes() == BODY[:came]
        fetch(checked(server), DatasetConfig(), tmp_path / "a", QUICK)
    assert server.asked == [None, f"bytes={came}-"]
    assert held(tmp_path) == {"a": BODY}


def test_full_disk_while_downloading(tmp_path, capsys):
    with serving() as server, serving() as other:
        with little_disk(200_000), pytest.raises(InputError) as caught:
            fetch(checked(other), mirrors(server), tmp_path / "a", QUICK)
        assert str(caught.value) == (
            f"{tmp_path / 'a.part'}: cannot be written: File too large;"
            " what has come is kept, and the next run goes on from there"
        )
        assert held(tmp_path) == {"a.part": BODY[:200_000]}
        fetch(checked(server), DatasetConfig(), tmp_path / "a", QUICK)
    assert server.asked == [None, "bytes=200000-"]
    assert other.asked == []  # another address would not help
    assert held(tmp_path) == {"a": BODY}
    assert capsys.readouterr().err == ""


def test_full_disk_while_copying(tmp_path):
    (tmp_path / "mine").write_bytes(BODY)
    config = DatasetConfig(archive=str(tmp_path / "mine"))
    with little_disk(200_000), pytest.raises(InputError, match=r"out/a: cannot be written: File too large$"):
        fetch(checked(), config, tmp_path / "out" / "a")
    assert held(tmp_path / "out") == {}
    fetch(checked(), config, tmp_path / "out" / "a")
    assert held(tmp_path / "out") == {"a": BODY}


@pytest.mark.parametrize("name", ["ml-latest-small", "synthetic"])
def test_mirrors_of_what_is_not_downloaded(tmp_path, name):
    config = DatasetConfig(mirrors=("http://a.example/a.zip",))
    with pytest.raises(InputError, match=rf"{name}: mirrors = \['http://a\.example/a\.zip'\]: .* not downloaded"):
        fetch(datasets.find(name), config, tmp_path / "a")


@pytest.mark.parametrize(
    ("mirror", "reason"),
    [
        ("ftp://a.example/a.zip", "expected an address that begins with http:// or https://"),
        ("file:///a.zip", "expected an address that begins with http:// or https://"),
        ("a.zip", "expected an address that begins with http:// or https://"),
        ("https:///a.zip", "expected an address that begins with http:// or https://"),
        ("https://a.example/a b.zip", "expected an address that begins with http:// or https://"),
        ("http://[a.example/", "Invalid IPv6 URL"),
        ("https://me:secret@a.example/", "expected addresses without a user name"),
    ],
)
def test_mirrors_that_are_no_addresses(mirror, reason):
    with pytest.raises(InputError, match=rf"^settings of ml-1m: mirrors = .*: .*{reason}"):
        datasets.find("ml-1m").settings(f'{{"mirrors": ["http://good.example/a.zip", "{mirror}"]}}')


def test_mirrors_in_a_config():
    entry = {"mirrors": ["https://a.example/ml-1m.zip", "http://b.example/ml-1m.zip"]}
    raw = {"seeds": 1, "protocol": "paper", "datasets": {"ml-1m": entry}}
    assert grid.load(raw, "mine.yaml").datasets["ml-1m"].settings.mirrors == tuple(entry["mirrors"])
    entry["mirrors"].append("ftp://c.example/ml-1m.zip")
    with pytest.raises(InputError, match=r"^mine\.yaml: datasets\.ml-1m: mirrors = .*'ftp://c\.example.*: expected an"):
        grid.load(raw, "mine.yaml")
