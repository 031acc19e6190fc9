"""Downloads that go on where they were cut: requests and urllib3's Retry ask, and the file is put together here.

Proxies are those of ``HTTP_PROXY``, ``HTTPS_PROXY`` and ``NO_PROXY``; user names and passwords those of ``~/.netrc``.
"""

import io
import re
import time
from http import HTTPStatus
from pathlib import Path
from typing import IO

import requests
from requests.adapters import HTTPAdapter
from tqdm import tqdm
from urllib3.exceptions import HTTPError, MaxRetryError

from autoemb.data.patience import PATIENCE, Patience, seconds_asked, tries_of
from autoemb.errors import InputError

REDIRECTS = 10
"""How many are followed, one after the other."""


BLOCK = 1 << 16
"""Bytes that are read at most before they are written."""


class UnavailableError(InputError):
    """An address does not give the file; another one may."""


class _CutError(Exception):
    """What came is not the whole file; another request may bring the rest."""


def download(url: str, part: Path, *, resume: bool, most: int | None = None, patience: Patience = PATIENCE) -> bool:
    """Download ``url`` to ``part``, going on behind the bytes that it holds where the server allows.

    Args:
        url: http or https.
        part: where to. What it holds already is a beginning of the file.
        resume: False starts afresh: without a checksum nobody would notice two versions in one file. A
            beginning is then continued only within one call, and if the server says that it is the same version.
        most: bytes of the largest file that can be the right one; None takes as many as the server states.
        patience: tries, pauses and time-outs, and the bytes that are taken where nobody states them.

    Returns:
        Whether the file came in one answer whose length the server stated, and so is what the server has.

    Raises:
        UnavailableError: offline, refused, or cut each time; with ``resume`` the part stays. Or more bytes came
            than may be: what was written is removed.
        InputError: the part cannot be written, such as on a full disk. With ``resume`` it stays.
    """
    transfer = _Transfer(url, part, resume, most, patience)
    try:
        return transfer.run()
    except OSError as error:
        raise InputError(f"{part}: cannot be written: {error.strerror or error}{transfer.kept()}") from error
    finally:
        transfer.tidy()


class _Transfer:
    """The requests of one download. What goes wrong with the file itself is an OSError."""

    def __init__(self, url: str, part: Path, resume: bool, most: int | None, patience: Patience) -> None:
        self.url, self.part, self.resume, self.most, self.patience = url, part, resume, most, patience
        self.etag: str | None = None  # of the version that the part holds; of use only without a checksum
        self.total: int | None = None  # bytes of the file, where the answer states them
        self.in_one_piece = False
        self.done = False
        self.adapter = HTTPAdapter(max_retries=tries_of(patience))

    def run(self) -> bool:
        """Ask until the file is there or the tries are used up."""
        self.part.parent.mkdir(parents=True, exist_ok=True)
        if not self.resume or self.holds_too_much():
            self.part.unlink(missing_ok=True)
        with requests.Session() as session:
            session.max_redirects = REDIRECTS
            session.hooks["response"] = [self.hop]
            session.mount("http://", self.adapter)
            session.mount("https://", self.adapter)
            while not self.done:
                try:
                    self.request(session)
                    self.done = True
                except (HTTPError, _CutError) as error:
                    self.pause(error)
        return self.in_one_piece

    def holds_too_much(self) -> bool:
        """Whether the part cannot be a beginning of the file."""
        return self.most is not None and self.part.is_file() and self.part.stat().st_size > self.most

    def hop(self, response: requests.Response, **_: object) -> None:
        """Count the tries of this answer for all that follows, and read nothing of a redirect but where it leads."""
        self.adapter.max_retries = response.raw.retries
        if response.is_redirect:
            response.close()

    def pause(self, error: Exception) -> None:
        """Wait before the next request, if one is left."""
        try:
            self.adapter.max_retries = self.adapter.max_retries.increment("GET", self.url, error=error)
        except MaxRetryError:
            raise self.unavailable(error) from error
        self.adapter.max_retries.sleep()

    def request(self, session: requests.Session) -> None:
        """One request, for what is missing."""
        with self.part.open("ab") as file:
            if not self.resume and self.etag is None:
                file.truncate(0)
            held = file.seek(0, io.SEEK_END)
            with self.answer(session, held) as response:
                self.begin(response, file, held)
                size = self.write(response, file)
        if self.total is not None and size < self.total:
            raise _CutError(f"sent {size - held} bytes of a file of {self.total} from byte {held} on")

    def answer(self, session: requests.Session, held: int) -> requests.Response:
        """The last of the answers to one request, without its body: redirects are followed and refusals retried."""
        headers = {"Accept-Encoding": "identity"}
        if held:
            headers["Range"] = f"bytes={held}-"
            if self.etag is not None:
                headers["If-Range"] = self.etag  # another version is sent whole
        try:
            return session.get(
                self.url, headers=headers, stream=True, timeout=(self.patience.connect, self.patience.read)
            )
        except requests.TooManyRedirects as error:
            raise self.unavailable(f"more than {REDIRECTS} redirects") from error
        except (OSError, ValueError, HTTPError) as error:  # all of requests' are an OSError
            raise self.unavailable(error) from error

    def begin(self, response: requests.Response, file: IO[bytes], held: int) -> None:
        """Make the file ready for the bytes of an answer.

        Raises:
            _CutError: other bytes than those asked for; the file is empty.
            UnavailableError: no file, or one that cannot be the right one; what is held stays.
        """
        if response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            file.truncate(0)  # this server will never send the rest
            raise _CutError(f"{response.status_code} {response.reason}")
        self.refuse(response)
        if response.status_code == HTTPStatus.OK:  # also of a server that ignores ranges, or has another version by now
            self.expect(self.length(response))
            file.truncate(0)
            etag = "" if self.resume else response.headers.get("ETag", "")
            self.etag = etag if etag.startswith('"') else None  # a weak one, W/"...", does not promise the same bytes
            self.in_one_piece = self.total is not None
            return
        self.in_one_piece = False
        sent = re.fullmatch(r"bytes (\d{1,18})-\d+/(\d{1,18}|\*)", response.headers.get("Content-Range", ""))
        same = self.etag is None or response.headers.get("ETag") == self.etag
        if not sent or int(sent[1]) != held or not same:
            file.truncate(0)
            raise _CutError(f"sent other bytes than those asked for, from byte {held} on")
        self.expect(int(sent[2]) if sent[2] != "*" else None)

    def refuse(self, response: requests.Response) -> None:
        """Raise where an answer holds nothing of the file, or not as it is."""
        status = response.status_code
        encoding = response.headers.get("Content-Encoding", "").strip().lower()
        if status >= HTTPStatus.BAD_REQUEST:
            seconds = seconds_asked(response.headers)
            wait = f"; it asks to wait {seconds:.0f} s" if seconds > self.patience.longest_pause else ""
            raise self.unavailable(f"{status} {response.reason}{wait}")
        if status not in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT):
            raise self.unavailable(f"answered {status}; expected the file")
        if encoding not in ("", "identity"):
            raise self.unavailable(f"Content-Encoding is {encoding!r}; expected the file as it is, 'identity'")

    def length(self, response: requests.Response) -> int | None:
        """Bytes of a whole file, where the answer states them."""
        text = response.headers.get("Content-Length")
        if text is None:
            return None
        if not re.fullmatch(r"[0-9]{1,18}", text):
            raise self.unavailable(f"Content-Length is {text!r}; expected a number of bytes")
        return int(text)

    def expect(self, total: int | None) -> None:
        """Note the bytes that the file has by the server's word, or refuse them."""
        if total is not None and self.most is not None and total > self.most:
            raise self.unavailable(f"the file there has {total:,} bytes; expected at most {self.most:,}")
        self.total = total

    def bound(self) -> int:
        """The bytes that the file may have: those declared, else those that the answer states, else a cap."""
        stated = self.patience.without_length if self.total is None else self.total
        return stated if self.most is None else self.most

    def write(self, response: requests.Response, file: IO[bytes]) -> int:
        """Write what comes as it comes, so that a cut loses no byte; return the bytes that the file has then."""
        size, bound, pace = file.seek(0, io.SEEK_END), self.bound(), _Pace(self.patience)
        with tqdm(total=self.total, initial=size, unit="B", unit_scale=True, disable=None) as bar:
            while block := response.raw.read1(BLOCK, decode_content=False):
                size += len(block)
                if size > bound:
                    file.truncate(0)
                    raise self.unavailable(f"sent more than {bound:,} bytes; expected at most so many")
                file.write(block)
                file.flush()
                bar.update(len(block))
                if size != self.total:
                    pace.count(len(block))
        return size

    def unavailable(self, reason: object) -> UnavailableError:
        """The error of this address."""
        return UnavailableError(f"{self.url}: cannot be downloaded ({reason})")

    def kept(self) -> str:
        """What to tell a person whose disk is full."""
        kept = self.resume and self.part.is_file() and self.part.stat().st_size
        return "; what has come is kept, and the next run goes on from there" if kept else ""

    def tidy(self) -> None:
        """Remove a part that is of no further use."""
        if not self.done and self.part.is_file() and not (self.resume and self.part.stat().st_size):
            self.part.unlink()


class _Pace:
    """The bytes of the stretch of time that has begun."""

    def __init__(self, patience: Patience) -> None:
        self.patience, self.began, self.size = patience, time.monotonic(), 0

    def count(self, size: int) -> None:
        """Add bytes that came; at the end of a stretch, see whether they were enough.

        Raises:
            _CutError: they were not.
        """
        self.size += size
        seconds = time.monotonic() - self.began
        if seconds < self.patience.stretch:
            return
        expected = self.patience.least_speed * seconds
        if self.size < expected:
            raise _CutError(f"sent {self.size:,} bytes in {seconds:.3g} s; expected at least {expected:,.0f}")
        self.began, self.size = time.monotonic(), 0
