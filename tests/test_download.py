"""Downloads from a server on this machine: whole, cut, refused, or not there at all."""

import contextlib
import hashlib
import re
import socket
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from autoemb import cli, datasets
from autoemb.datasets import _download
from autoemb.datasets._download import download
from autoemb.datasets.base import Dataset
from autoemb.errors import InputError

BODY = bytes(range(256)) * 2000


class Server(ThreadingHTTPServer):
    """Serves BODY; ``cuts`` holds how many bytes to send before each next answer is cut off."""

    def __init__(self, ranges=True, cuts=(), status=None, body=BODY):
        super().__init__(("127.0.0.1", 0), Handler)
        self.ranges, self.cuts, self.status, self.body = ranges, list(cuts), status, body
        self.asked = []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/data.zip"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self):
        asked = self.headers.get("Range")
        self.server.asked.append(asked)
        first = int(re.fullmatch(r"bytes=(\d+)-", asked).group(1)) if asked and self.server.ranges else 0
        status = self.server.status or (206 if first else 200)
        if first >= len(self.server.body):
            status = 416
        body = self.server.body[first:] if status < 400 else b""
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if status == 206:
            self.send_header("Content-Range", f"bytes {first}-{len(self.server.body) - 1}/{len(self.server.body)}")
        self.end_headers()
        self.wfile.write(body[: self.server.cuts.pop(0)] if self.server.cuts else body)
        self.close_connection = True

    def log_message(self, *_):
        pass


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@contextlib.contextmanager
def serving(**how):
    with Server(**how) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def test_whole(tmp_path, capsys):
    with serving() as server:
        download(server.url, tmp_path / "new" / "part", resume=True, pause=0)
    assert (tmp_path / "new" / "part").read_bytes() == BODY
    assert server.asked == [None]
    assert capsys.readouterr().err == ""  # no progress bar off a terminal


def test_goes_on_after_each_cut(tmp_path):
    with serving(cuts=[200_000, 150_000]) as server:
        download(server.url, tmp_path / "part", resume=True, pause=0)
    assert (tmp_path / "part").read_bytes() == BODY
    assert server.asked[0] is None
    starts = [int(asked.removeprefix("bytes=").rstrip("-")) for asked in server.asked[1:]]
    assert 0 < starts[0] < starts[1] < len(BODY)


def test_goes_on_from_an_earlier_run(tmp_path):
    (tmp_path / "part").write_bytes(BODY[:100_000])
    with serving() as server:
        download(server.url, tmp_path / "part", resume=True, pause=0)
    assert (tmp_path / "part").read_bytes() == BODY
    assert server.asked == ["bytes=100000-"]


@pytest.mark.parametrize("held", [b"something else", BODY], ids=["a beginning", "all of it"])
def test_starts_afresh_where_the_server_sends_no_rest(tmp_path, held):
    (tmp_path / "part").write_bytes(held)
    with serving(ranges=held == BODY) as server:
        download(server.url, tmp_path / "part", resume=True, pause=0)
    assert (tmp_path / "part").read_bytes() == BODY
    assert server.asked[0] == f"bytes={len(held)}-"


def test_without_a_checksum_nothing_is_continued(tmp_path):
    (tmp_path / "part").write_bytes(b"of another version")
    with serving() as server:
        download(server.url, tmp_path / "part", resume=False, pause=0)
    assert (tmp_path / "part").read_bytes() == BODY
    assert server.asked == [None]


def test_cut_each_time_keeps_the_beginning(tmp_path):
    with serving(cuts=[70_000, 70_000]) as server, pytest.raises(InputError, match=r"data\.zip: cannot be downloaded"):
        download(server.url, tmp_path / "part", resume=True, attempts=2, pause=0)
    held = (tmp_path / "part").read_bytes()
    assert held
    assert BODY.startswith(held)


@pytest.mark.parametrize(("status", "tries"), [(404, 1), (403, 1), (503, 3), (429, 3)])
def test_refused(tmp_path, status, tries):
    with serving(status=status) as server, pytest.raises(InputError, match=rf"{status} .*archive:`"):
        download(server.url, tmp_path / "part", resume=True, attempts=3, pause=0)
    assert len(server.asked) == tries
    assert list(tmp_path.iterdir()) == []


def test_nothing_listening(tmp_path):
    with socket.socket() as taken:  # bound but not listening: nobody else gets the port meanwhile
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/data.zip"
        with pytest.raises(InputError, match=re.escape(url) + r".*name the local copy in the config as `archive:`"):
            download(url, tmp_path / "part", resume=True, attempts=2, pause=0)
    assert list(tmp_path.iterdir()) == []


def test_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"file.*cannot be written"):
        download("http://127.0.0.1:9/data.zip", tmp_path / "file" / "part", resume=True, attempts=1)


@pytest.mark.parametrize("body", [BODY, BODY[1:]], ids=["right", "wrong"])
def test_fetch_checks_what_it_downloaded(tmp_path, monkeypatch, capsys, body):
    with serving(body=body) as server:
        md5 = hashlib.md5(BODY, usedforsecurity=False).hexdigest()
        served: Dataset = replace(datasets.find("ml-1m"), url=server.url, archive_md5=md5)
        monkeypatch.setattr(datasets, "find", lambda name: served)
        code = cli.main(["fetch", "--dataset", "ml-1m", "--out", str(tmp_path / "ml-1m")])
    if body == BODY:
        assert code == 0
        assert (tmp_path / "ml-1m").read_bytes() == BODY
        assert len(list(tmp_path.iterdir())) == 1
    else:
        found = hashlib.md5(body, usedforsecurity=False).hexdigest()
        assert code == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert f"{server.url}: md5 {found}; expected {md5}" in line
        assert list(tmp_path.iterdir()) == []


def test_pauses_grow(tmp_path, monkeypatch):
    pauses = []
    monkeypatch.setattr(_download.time, "sleep", pauses.append)
    with serving(status=503) as server, pytest.raises(InputError):
        download(server.url, tmp_path / "part", resume=True)
    assert pauses == [2, 4, 8]
