"""Downloads that go on where they were cut, by pooch's HTTP downloader.

Proxies are those of ``HTTP_PROXY``, ``HTTPS_PROXY`` and ``NO_PROXY``; user names and passwords those of ``~/.netrc``.
"""

import io
import re
import sys
import time
from contextlib import ExitStack
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from pathlib import Path
from typing import IO, Any, NamedTuple

import pooch

from autoemb.errors import InputError

REDIRECTS = 10
"""How many are followed, one after the other."""

WORTH_ANOTHER_TRY = {
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
    HTTPStatus.TOO_MANY_REQUESTS,
}
"""Of the answers 400 to 499; those from 500 on are all worth it."""


class Patience(NamedTuple):
    """How long one address is tried."""

    attempts: int = 4
    """Requests, each going on from the last."""

    pause: float = 2.0
    """Seconds before the second request, doubled each time."""

    connect: float = 10.0
    """Seconds until the server must have taken the connection."""

    read: float = 60.0
    """Seconds without a byte until the connection counts as cut."""

    longest_pause: float = 120.0
    """Seconds; a server whose Retry-After asks for more is given up."""


PATIENCE = Patience()


class UnavailableError(InputError):
    """An address does not give the file; another one may."""


class _UnusableError(OSError):
    """The server answered something that no file can be made of."""


def download(url: str, part: Path, *, resume: bool, patience: Patience = PATIENCE) -> bool:
    """Download ``url`` to ``part``, going on behind the bytes that it holds where the server allows.

    Args:
        url: http or https.
        part: where to. What it holds already is a beginning of the file.
        resume: False starts afresh: without a checksum nobody would notice two versions in one file. A
            beginning is then continued only within one call, and if the server says that it is the same version.
        patience: tries, pauses and time-outs.

    Returns:
        Whether the file came in one answer whose length the server stated, and so is what the server has.

    Raises:
        UnavailableError: offline, refused, or cut each time. With ``resume`` the part stays.
        InputError: the part cannot be written, such as on a full disk. With ``resume`` it stays.
    """
    transfer = _Transfer(url, part, resume, patience)
    try:
        return transfer.run()
    except OSError as error:
        raise InputError(f"{part}: cannot be written: {error.strerror or error}{transfer.kept()}") from error
    finally:
        transfer.tidy()


class _Transfer:
    """The requests of one download."""

    def __init__(self, url: str, part: Path, resume: bool, patience: Patience) -> None:
        self.url, self.part, self.resume, self.patience = url, part, resume, patience
        self.etag: str | None = None  # of the version that the part holds; of use only without a checksum
        self.total: int | None = None  # bytes of the file, where the server told
        self.in_one_piece = False
        self.redirects = 0  # of this request
        self.done = False

    def run(self) -> bool:
        """Try as often as it is worth it; what goes wrong with the file itself is an OSError."""
        self.part.parent.mkdir(parents=True, exist_ok=True)
        if not self.resume:
            self.part.unlink(missing_ok=True)
        reason, pause = "", self.patience.pause
        for attempt in range(self.patience.attempts):
            if attempt:
                time.sleep(pause)
                pause = self.patience.pause * 2**attempt
            try:
                self.request()
                self.done = True
                return self.in_one_piece
            except (OSError, ValueError) as error:  # all of requests' are an OSError without an errno
                if isinstance(error, OSError) and error.errno is not None:
                    raise
                reason = str(error)
                response = getattr(error, "response", None)
                if isinstance(error, ValueError) or not _worth_another_try(response):
                    break
                asked = _retry_after(response)
                if asked > self.patience.longest_pause:
                    reason += f"; it asks to wait {asked:.0f} s"
                    break
                pause = max(pause, asked)
        raise UnavailableError(f"{self.url}: cannot be downloaded ({reason})")

    def request(self) -> None:
        """One request, for what is missing."""
        with self.part.open("ab") as file, ExitStack() as answers:
            if not self.resume and self.etag is None:
                file.truncate(0)
            held = file.seek(0, io.SEEK_END)
            headers = {"Accept-Encoding": "identity"}
            if held:
                headers["Range"] = f"bytes={held}-"
                if self.etag is not None:
                    headers["If-Range"] = self.etag  # another version is sent whole
            self.redirects = 0

            def begin(response: Any, **_: object) -> None:
                answers.callback(response.close)  # pooch leaves it open where it raises
                self.begin(response, file, held)

            fetch = pooch.HTTPDownloader(
                progressbar=sys.stderr.isatty(),
                chunk_size=1 << 16,
                headers=headers,
                hooks={"response": begin},
                timeout=(self.patience.connect, self.patience.read),
            )
            fetch(self.url, file, None)
            size = file.seek(0, io.SEEK_END)
            if self.total is not None and size < self.total:
                raise _UnusableError(f"sent {size - held} bytes of a file of {self.total} from byte {held} on")

    def begin(self, response: Any, file: IO[bytes], held: int) -> None:
        """Make the file ready for the bytes of an answer; pooch raises those from 400 on.

        Raises:
            ValueError: one redirect too many.
            _UnusableError: it is neither the whole file nor what was asked for.
        """
        status = response.status_code
        if response.is_redirect:
            self.redirects += 1
            if self.redirects > REDIRECTS:
                raise ValueError(f"more than {REDIRECTS} redirects")
        elif status == HTTPStatus.OK:  # also of a server that ignores ranges, or has another version by now
            file.truncate(0)
            etag = "" if self.resume else response.headers.get("ETag", "")
            self.etag = etag if etag.startswith('"') else None  # a weak one, W/"...", does not promise the same bytes
            self.total = None  # requests itself notices where bytes are missing
            self.in_one_piece = "Content-Length" in response.headers
        elif status == HTTPStatus.PARTIAL_CONTENT:
            self.in_one_piece = False
            found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
            same = self.etag is None or response.headers.get("ETag") == self.etag
            if not found or int(found[1]) != held or not same:
                file.truncate(0)
                raise _UnusableError(f"sent other bytes than those asked for, from byte {held} on")
            self.total = int(found[2]) if found[2] != "*" else None
        elif status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            file.truncate(0)  # this server will never send the rest
        elif status < HTTPStatus.BAD_REQUEST:
            raise _UnusableError(f"answered {status}; expected the file")

    def kept(self) -> str:
        """What to tell a person whose disk is full."""
        kept = self.resume and self.part.is_file() and self.part.stat().st_size
        return "; what has come is kept, and the next run goes on from there" if kept else ""

    def tidy(self) -> None:
        """Remove a part that is of no further use."""
        if not self.done and self.part.is_file() and not (self.resume and self.part.stat().st_size):
            self.part.unlink()


def _worth_another_try(response: Any) -> bool:
    """Whether the same request may be answered better later; None stands for no answer."""
    status = None if response is None else response.status_code
    return status is None or status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in WORTH_ANOTHER_TRY


def _retry_after(response: Any) -> float:
    """Seconds that the answer asks to wait, 0 where it does not: Retry-After is a number or a date."""
    text = "" if response is None else response.headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, OverflowError):
        return 0.0
