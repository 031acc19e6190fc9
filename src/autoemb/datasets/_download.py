"""Downloads that go on where they were cut, by pooch's HTTP downloader."""

import sys
import time
from http import HTTPStatus
from pathlib import Path
from typing import IO, Any

import pooch

from autoemb.errors import InputError

WORTH_ANOTHER_TRY = {
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
    HTTPStatus.TOO_MANY_REQUESTS,
}


def download(url: str, part: Path, *, resume: bool, attempts: int = 4, pause: float = 2.0) -> None:
    """Download ``url`` to ``part``, going on behind the bytes that it holds where the server allows.

    Args:
        url: http or https.
        part: what it holds already is a beginning of the file; it stays if the download fails.
        resume: False starts afresh: without a checksum nobody would notice two versions in one file.
        attempts: how often to try, each time going on from the last.
        pause: seconds before the second try, doubled each time.

    Raises:
        InputError: offline, refused, or cut each time; or the disk is full.
    """
    if not resume:
        part.unlink(missing_ok=True)
    reason = ""
    for attempt in range(attempts):
        if attempt:
            time.sleep(pause * 2 ** (attempt - 1))
        try:
            part.parent.mkdir(parents=True, exist_ok=True)
            with part.open("ab") as file:
                _get(url, file)
            return
        except OSError as error:  # those of requests are among them, and have no errno
            if error.errno is not None:
                raise InputError(f"{part}: cannot be written: {error.strerror}") from error
            reason = str(error)
            status = getattr(getattr(error, "response", None), "status_code", None)
            if status is not None and 400 <= status < 500 and status not in WORTH_ANOTHER_TRY:
                break
    if not part.stat().st_size:
        part.unlink()
    raise InputError(
        f"{url}: cannot be downloaded ({reason}); without a network, download it elsewhere"
        " and name the local copy in the config as `archive:`"
    )


def _get(url: str, file: IO[bytes]) -> None:
    held = file.tell()
    headers = {"Accept-Encoding": "identity"}
    if held:
        headers["Range"] = f"bytes={held}-"

    def begin(response: Any, **_: object) -> None:
        # a server that ignores ranges sends the whole file; one that refuses this one never will send the rest
        if response.status_code in (HTTPStatus.OK, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE):
            file.truncate(0)

    fetch = pooch.HTTPDownloader(
        progressbar=sys.stderr.isatty(), chunk_size=1 << 16, headers=headers, hooks={"response": begin}
    )
    fetch(url, file, None)
