"""Downloads of one file: whole, cut, stalled, slow, endless, packed, refused, redirected, by a proxy, or not there."""

import gzip
import re
import resource
import socket
import sys
import time
from email.utils import formatdate

import pytest

from autoemb.data import download as _download
from autoemb.data.download import REDIRECTS, UnavailableError, download
from autoemb.data.patience import Patience
from autoemb.errors import InputError
from tests.serving import BODY, serving

QUICK = Patience(attempts=3, pause=0, connect=5, read=5)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def test_whole(tmp_path, capsys):
    with serving() as server:
        download(server.url, tmp_path / "new" / "part", resume=True, patience=QUICK)
    assert (tmp_path / "new" / "part").read_bytes() == BODY
    assert server.asked == [None]
    assert server.encodings == ["identity"]
    assert capsys.readouterr().err == ""  # no progress bar off a terminal


def test_progress_on_a_terminal(tmp_path, monkeypatch, capsys):
    (tmp_path / "part").write_bytes(BODY[:100_000])
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with serving() as server:
        download(server.url, tmp_path / "part", resume=True, patience=QUICK)
    assert re.search(r"100%.* 512k/512k ", capsys.readouterr().err)


def test_goes_on_after_each_cut(tmp_path):
    with serving({"cut": 200_000}, {"cut": 150_000}) as server:
        download(server.url, tmp_path / "part", resume=True, patience=QUICK)
    assert (tmp_path / "part").read_bytes() == BODY
    assert server.asked == [None, "bytes=200000-", "bytes=350000-"]


@pytest.mark.parametrize("framing", ["by length", "in chunks"])
def test_no_byte_that_arrived_is_lost(tmp_path, framing):
    served = {"cut": 100}
    if framing == "in chunks":
        body = b"".join(b"1\r\n%c\r\n" % byte for byte in BODY[:1000])  # 6 bytes for one
        served = {"cut": 600, "body": body, "ranges": False, "headers": {"Transfer-Encoding": "chunked"}}
    with serving(**served) as server, pytest.raises(UnavailableError):
        download(server.url, tmp_path / "part", resume=True, patience=QUICK._replace(attempts=1))
    assert (tmp_path / "part").read_bytes() == BODY[:100]


def test_gets_on_with_a_server_that_always_cuts_early(tmp_path):
    with serving(cut=100, body=BODY[:800]) as server:
        for _ in range(2):
            with pytest.raises(UnavailableError, match=r"Connection broken: IncompleteRead\(100 bytes read"):
                download(server.url, tmp_path / "part", resume=True, patience=QUICK)
        download(server.url, tmp_path / "part", resume=True, patience=QUICK)
    assert (tmp_path / "part").read_bytes() == BODY[:800]
    assert server.asked == [None, *(f"bytes={held}-" for held in range(100, 800, 100))]


@pytest.mark.parametrize(
    ("first", "requests"),
    [
        ([{"status": 503}, {"cut": 200_000}, {"status": 503}], 3),
        ([{"location": "/a"}, {"status": 503}, {"cut": 200_000}, {"location": "/a"}, {"status": 503}], 5),
        ([{"status": 503}, {"location": "/a"}, {"status": 503}, {"status": 503}], 4),
    ],
    ids=["refused and cut", "behind a redirect", "before and behind a redirect"],
)
def test_all_that_goes_wrong_uses_up_the_same_tries(tmp_path, first, requests):
    with serving(*first) as server, pytest.raises(UnavailableError, match="503"):
        download(server.url, tmp_path / "part", resume=True, patience=QUICK)
    assert len(server.asked) == requests


CHUNK = b"200\r\n" + BODY[:512] + b"\r\n"


@pytest.mark.parametrize(
    ("served", "most", "bound"),
    [
        ({"headers": {"Content-Length": None}}, 700_000, "700,000"),
        ({"headers": {"Content-Length": None}}, None, "600,000"),
        ({"headers": {"Content-Length": "5000", "Transfer-Encoding": "chunked"}, "body": CHUNK}, None, "5,000"),
        ({"headers": {"Content-Length": "5000", "Transfer-Encoding": "chunked"}, "body": CHUNK}, 9000, "9,000"),
    ],
    ids=["declared", "nowhere stated", "stated by the server", "declared and stated"],
)
@pytest.mark.parametrize("resume", [True, False])
def test_endless(tmp_path, served, most, bound, resume):
    patience = QUICK._replace(without_length=600_000)
    with (
        serving(endless=True, **served) as server,
        pytest.raises(UnavailableError, match=rf"sent more than {bound} bytes; expected at most so many\)$"),
    ):
        download(server.url, tmp_path / "part", resume=resume, most=most, patience=patience)
    assert len(server.asked) == 1
    assert list(tmp_path.iterdir()) == []


def test_endless_from_where_it_was_cut(tmp_path):
    (tmp_path / "part").write_bytes(BODY[:100_000])
    headers = {"Content-Length": None, "Content-Range": "bytes 100000-511999/*"}
    with serving(endless=True, headers=headers) as server, pytest.raises(UnavailableError, match="more than 512,000"):
        download(server.url, tmp_path / "part", resume=True, most=len(BODY), patience=QUICK)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("answer", [{"status": 503}, {"status": 404}, {"location": "/again"}])
def test_an_endless_answer_that_is_not_the_file_is_not_read(tmp_path, answer):
    headers = {"Content-Length": None, "Content-Encoding": "gzip"}
    with serving(endless=True, headers=headers, **answer) as server, pytest.raises(UnavailableError):
        download(server.url, tmp_path / "part", resume=True, patience=QUICK)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("held", [0, 100_000])
def test_a_file_that_is_too_large_by_its_stated_length_is_not_taken(tmp_path, held):
    (tmp_path / "part").write_bytes(BODY[:held])
    reason = "the file there has 512,000 bytes; expected at most 511,999"
    with serving() as server, pytest.raises(UnavailableError, match=rf"{server.url}: cannot be downloaded \({reason}"):
        download(server.url, tmp_path / "part", resume=True, most=len(BODY) - 1, patience=QUICK)
    assert len(server.asked) == 1
    assert [path.read_bytes() for path in tmp_path.iterdir()] == ([BODY[:held]] if held else [])


@pytest.mark.parametrize(
    ("held", "asked"),
    [(b"", [None]), (BODY[:100_000], ["bytes=100000-"]), (BODY + b"more", [None])],
    ids=["none", "a beginning", "too much"],
)
def test_a_file_of_the_declared_size_is_taken(tmp_path, held, asked):
    (tmp_path / "part").write_bytes(held)
    with serving() as server:
        download(server.url, tmp_path / "part", resume=True, most=len(BODY), patience=QUICK)
    assert (tmp_path / "part").read_bytes() == BODY
    assert server.asked == asked


@pytest.mark.parametrize("encoding", ["gzip", "GZip", "br", "identity, gzip", "made-up"])
@pytest.mark.parametrize("held", [0, 100_000])
def test_packed_for_the_way_is_refused(tmp_path, encoding, held):
    (tmp_path / "part").write_bytes(BODY[:held])
    packed = {"body": gzip.compress(bytes(10_000_000)), "ranges": False, "headers": {"Content-Encoding": encoding}}
    reason = f"Content-Encoding is '{encoding.lower()}'; expected the file as it is, 'identity'"
    with serving(**packed) as server, pytest.raises(UnavailableError, match=re.escape(f"({reason})")):
        download(server.url, tmp_path / "part", resume=True, patience=QUICK)
    assert len(server.asked) == 1
    assert [path.read_bytes() for path in tmp_path.iterdir()] == ([BODY[:held]] if held else [])


def test_said_not_to_be_packed(tmp_path):
    with serving(headers={"Content-Encoding": "Identity"}) as server:
        download(server.url, tmp_path / "part", resume=True, patience=QUICK)
    assert (tmp_path / "part").read_bytes() == BODY


SLOW = QUICK._replace(stretch=0.1, least_speed=1000)


def test_gives_up_a_server_that_is_slow_each_time(tmp_path):
    reason = r"sent \d+ bytes in 0\.\d+ s; expected at least \d+\)$"
    with serving(slow=0.01) as server, pytest.raises(UnavailableError, match=reason):
        download(server.url, tmp_path / "part", resume=True, patience=SLOW._replace(attempts=2))
    held = (tmp_path / "part").read_bytes()
    assert BODY.startswith(held)
    assert len(server.asked) == 2
    assert 0 < int(server.asked[1].removeprefix("bytes=").rstrip("-")) < len(held)


def test_goes_on_after_a_slow_stretch(tmp_path):
    with serving({"slow": 0.01}) as server:
        download(server.url, tmp_path / "part", resume=True, patience=SLOW)
    assert (tmp_path / "part").read_bytes() == BODY
    assert len(server.asked) == 2


def test_slow_but_not_too_slow(tmp_path):
    with serving(slow=0.002, body=BODY[:30]) as server:
        download(server.url, tmp_path / "part", resume=True, patience=SLOW._replace(stretch=0.01, least_speed=1))
    assert (tmp_path / "part").read_bytes() == BODY[:30]
    assert len(server.asked) == 1


def test_the_last_bytes_are_never_too_slow(tmp_path):
    with serving(body=BODY[:10]) as server:
        download(server.url, tmp_path / "part", resume=True, patience=QUICK._replace(stretch=0, least_speed=1e12))
    assert (tmp_path / "part").read_bytes() == BODY[:10]


def test_goes_on_from_an_earlier_run(tmp_path):
    (tmp_path / "part").write_bytes(BODY[:100_000])
    with serving() as server:
        download(server.url, tmp_path / "part", resume=True, patience=QUICK)
    assert (tmp_path / "part").read_bytes() == BODY
    assert server.asked == ["bytes=100000-"]


@pytest.mark.parametrize("held", [b"something else", BODY], ids=["a beginning", "all of it"])
def test_starts_afresh_where_the_server_sends_no_rest(tmp_path, held):
    (tmp_path / "part").write_bytes(held)
    with serving(ranges=held == BODY) as server:
        download(server.url, tmp_path / "part", resume=True, patience=QUICK)
    assert (tmp_path / "part").read_bytes() == BODY
    assert server.asked[0] == f"bytes={len(held)}-"


def test_without_a_checksum_nothing_is_continued(tmp_path):
    (tmp_path / "part").write_bytes(b"of another version")
    with serving() as server:
        download(server.url, tmp_path / "part", resume=False, patience=QUICK)
    assert (tmp_path / "part").read_bytes() == BODY
    assert server.asked == [None]


def test_cut_each_time_keeps_the_beginning(tmp_path):
    with serving(cut=70_000) as server, pytest.raises(InputError, match=r"data\.zip: cannot be downloaded"):
        download(server.url, tmp_path / "part", resume=True, patience=QUICK._replace(attempts=2))
    held = (tmp_path / "part").read_bytes()
    assert held
    assert BODY.startswith(held)


@pytest.mark.parametrize(("status", "tries"), [(404, 1), (403, 1), (503, 3), (429, 3)])
def test_refused(tmp_path, status, tries):
    with serving(status=status) as server, pytest.raises(InputError, match=rf"cannot be downloaded \({status} "):
        download(server.url, tmp_path / "part", resume=True, patience=QUICK)
    assert len(server.asked) == tries
    assert list(tmp_path.iterdir()) == []


def test_nothing_listening(tmp_path):
    with socket.socket() as taken:  # bound but not listening: nobody else gets the port meanwhile
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/data.zip"
        with pytest.raises(InputError, match=re.escape(url) + ": cannot be downloaded"):
            download(url, tmp_path / "part", resume=True, patience=QUICK._replace(attempts=2))
    assert list(tmp_path.iterdir()) == []


def test_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"file.*cannot be written"):
        download("http://127.0.0.1:9/data.zip", tmp_path / "file" / "part", resume=True, patience=QUICK)


def test_pauses_grow(tmp_path, monkeypatch):
    pauses = []
    monkeypatch.setattr(_download.time, "sleep", pauses.append)
    with serving(status=503) as server, pytest.raises(InputError):
        download(server.url, tmp_path / "part", resume=True)
    assert pauses == [2, 4, 8]


@pytest.mark.parametrize(
    ("after", "pause"),
    [("7", 7), ("120", 120), ("1", 2), ("soon", 2), (formatdate(0), 2), ("Fri, 31 Dec 99999 23:59:59 GMT", 2)],
)
@pytest.mark.parametrize("status", [429, 503])
def test_waits_as_long_as_the_server_asks(tmp_path, monkeypatch, status, after, pause):
    pauses = []
    monkeypatch.setattr(_download.time, "sleep", pauses.append)
    with serving({"status": status, "headers": {"Retry-After": after}}) as server:
        download(server.url, tmp_path / "part", resume=True, patience=Patience(attempts=2))
    assert pauses == [pause]
    assert (tmp_path / "part").read_bytes() == BODY


def test_waits_until_the_date_that_the_server_names(tmp_path, monkeypatch):
    pauses = []
    monkeypatch.setattr(_download.time, "sleep", pauses.append)
    after = {"Retry-After": formatdate(time.time() + 50)}
    with serving(status=429, headers=after) as server, pytest.raises(UnavailableError):
        download(server.url, tmp_path / "part", resume=True, patience=Patience(attempts=2))
    assert 30 < pauses[0] <= 50


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("after", ["121", "3600", "9" * 400])
def test_does_not_wait_for_hours(tmp_path, status, after):
    with (
        serving(status=status, headers={"Retry-After": after}) as server,
        pytest.raises(
            UnavailableError, match=rf"{status} .*; it asks to wait {after if len(after) < 9 else ''}\d* s\)"
        ),
    ):
        download(server.url, tmp_path / "part", resume=True, patience=QUICK)
    assert len(server.asked) == 1


def test_goes_on_after_a_stall(tmp_path):
    with serving({"stall": 200_000}) as server:
        download(server.url, tmp_path / "part", resume=True, patience=QUICK._replace(read=0.2))
    assert (tmp_path / "part").read_bytes() == BODY
    assert server.asked == [None, "bytes=200000-"]


def test_gives_up_a_server_that_stalls_each_time(tmp_path):
    with serving(stall=0) as server, pytest.raises(UnavailableError, match="Read timed out"):
        download(server.url, tmp_path / "part", resume=True, patience=QUICK._replace(attempts=2, read=0.1))
    assert len(server.asked) == 2
    assert list(tmp_path.iterdir()) == []


def test_follows_redirects_with_the_same_range(tmp_path):
    (tmp_path / "part").write_bytes(BODY[:100_000])
    with serving(*({"location": f"/{n}"} for n in range(REDIRECTS))) as server:
        download(server.url, tmp_path / "part", resume=True, patience=QUICK)
    assert (tmp_path / "part").read_bytes() == BODY
    assert server.asked == ["bytes=100000-"] * (REDIRECTS + 1)


@pytest.mark.parametrize(
    ("location", "requests", "reason"),
    [("/again", REDIRECTS + 1, f"more than {REDIRECTS} redirects"), ("ftp://127.0.0.1/data.zip", 1, "ftp://127")],
)
def test_redirects_that_lead_nowhere(tmp_path, location, requests, reason):
    (tmp_path / "part").write_bytes(BODY[:100_000])
    with serving(location=location) as server, pytest.raises(UnavailableError, match=rf"data\.zip: .*{reason}"):
        download(server.url, tmp_path / "part", resume=True, patience=QUICK)
    assert len(server.seen) == requests
    assert (tmp_path / "part").read_bytes() == BODY[:100_000]


@pytest.mark.parametrize(
    "content_range",
    ["bytes 5-511999/512000", "bytes */512000", "nonsense", None],
    ids=["other", "none", "odd", "left out"],
)
def test_other_bytes_than_asked_for_are_not_appended(tmp_path, content_range):
    (tmp_path / "part").write_bytes(BODY[:100_000])
    with serving({"headers": {"Content-Range": content_range}}) as server:
        download(server.url, tmp_path / "part", resume=True, patience=QUICK)
    assert (tmp_path / "part").read_bytes() == BODY
    assert server.asked == ["bytes=100000-", None]


def test_less_than_the_rest_is_no_end(tmp_path):
    (tmp_path / "part").write_bytes(BODY[:100_000])
    # the length that the answer states is its own: only the range tells that there is more
    short = {"cut": 100, "headers": {"Content-Length": "100", "Content-Range": "bytes 100000-100099/512000"}}
    with serving(short) as server:
        download(server.url, tmp_path / "part", resume=True, patience=QUICK)
    assert (tmp_path / "part").read_bytes() == BODY
    assert server.asked == ["bytes=100000-", "bytes=100100-"]


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_without_the_file_is_none(tmp_path, status):
    (tmp_path / "part").write_bytes(BODY[:100_000])
    with (
        serving(status=status) as server,
        pytest.raises(UnavailableError, match=f"answered {status}; expected the file"),
    ):
        download(server.url, tmp_path / "part", resume=True, patience=QUICK)
    assert (tmp_path / "part").read_bytes() == BODY[:100_000]


@pytest.mark.parametrize(
    "headers", [{"Content-Length": "many"}, {"Content-Length": "5, 6"}, {"Transfer-Encoding": "chunked"}]
)
def test_answers_that_are_no_http(tmp_path, headers):
    with serving(headers=headers) as server, pytest.raises(UnavailableError, match="cannot be downloaded"):
        download(server.url, tmp_path / "part", resume=True, patience=QUICK)


@pytest.mark.parametrize(
    ("first", "in_one_piece"),
    [({}, True), ({"cut": 200_000}, False), ({"headers": {"Content-Length": None}}, False)],
    ids=["whole", "cut", "of unknown length"],
)
def test_tells_whether_it_is_surely_what_the_server_has(tmp_path, first, in_one_piece):
    with serving(first) as server:
        assert download(server.url, tmp_path / "part", resume=True, patience=QUICK) is in_one_piece


@pytest.mark.parametrize(
    ("etag", "goes_on"), [('"1"', True), ('W/"1"', False), (None, False)], ids=["strong", "weak", "none"]
)
def test_without_a_checksum_a_cut_is_continued_only_in_the_same_version(tmp_path, etag, goes_on):
    with serving({"cut": 200_000}, headers={"ETag": etag}) as server:
        download(server.url, tmp_path / "part", resume=False, patience=QUICK)
    assert (tmp_path / "part").read_bytes() == BODY
    assert (server.asked[1] is not None) is goes_on


@pytest.mark.parametrize("status", [None, 206], ids=["sent whole", "sent from where the other was cut"])
def test_without_a_checksum_another_version_starts_afresh(tmp_path, status):
    old = {"cut": 200_000, "body": BODY[::-1], "headers": {"ETag": '"1"'}}
    new = {"status": status, "headers": {"ETag": '"2"'}}
    with serving(old, new, headers={"ETag": '"2"'}) as server:
        download(server.url, tmp_path / "part", resume=False, patience=QUICK)
    assert (tmp_path / "part").read_bytes() == BODY
    assert server.asked[1] is not None


@pytest.mark.parametrize("resume", [True, False])
def test_full_disk(tmp_path, resume):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
    try:
        with serving() as server, pytest.raises(InputError) as caught:
            download(server.url, tmp_path / "part", resume=resume, patience=QUICK)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not isinstance(caught.value, UnavailableError)  # another address would not help
    told = f"{tmp_path / 'part'}: cannot be written: File too large"
    assert len(server.asked) == 1
    if not resume:
        assert str(caught.value) == told
        assert list(tmp_path.iterdir()) == []
        return
    assert str(caught.value) == told + "; what has come is kept, and the next run goes on from there"
    assert (tmp_path / "part").read_bytes() == BODY[:200_000]
    with serving() as server:
        download(server.url, tmp_path / "part", resume=True, patience=QUICK)
    assert server.asked == ["bytes=200000-"]
    assert (tmp_path / "part").read_bytes() == BODY


def test_by_a_proxy(tmp_path, monkeypatch):
    with serving() as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.server_port}")
        download("http://data.example/data.zip", tmp_path / "part", resume=True, patience=QUICK)
    assert (tmp_path / "part").read_bytes() == BODY
    assert proxy.seen == ["GET http://data.example/data.zip HTTP/1.1"]


def test_by_a_proxy_of_https_that_refuses(tmp_path, monkeypatch):
    with serving() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.server_port}")
        with pytest.raises(UnavailableError, match=r"^https://data\.example/data\.zip: .*403 Forbidden"):
            download("https://data.example/data.zip", tmp_path / "part", resume=True, patience=QUICK)
    # http.client says HTTP/1.1 from Python 3.12 on
    assert [line.rpartition("/")[0] for line in proxy.seen] == ["CONNECT data.example:443 HTTP"] * 3


def test_not_by_a_proxy(tmp_path, monkeypatch):
    with serving() as server:
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        download(server.url, tmp_path / "part", resume=True, patience=QUICK)
    assert (tmp_path / "part").read_bytes() == BODY
