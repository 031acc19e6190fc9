"""How long an address is tried: tries, pauses and bounds, by urllib3's Retry."""

import sys
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, NamedTuple, Self

from urllib3 import Retry
from urllib3.exceptions import InvalidHeader, MaxRetryError, ResponseError

WORTH_ANOTHER_TRY = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS, *range(500, 600)}
"""Answers that may be other ones later."""


class Patience(NamedTuple):
    """How long one address is tried, and how much is taken from it."""

    attempts: int = 4
    """Requests, each going on from the last."""

    pause: float = 2.0
    """Seconds before the second request, doubled each time."""

    connect: float = 10.0
    """Seconds until the server must have taken the connection."""

    read: float = 60.0
    """Seconds without a byte until the connection counts as cut."""

    least_speed: float = 1000.0
    """Bytes per second; a connection that gives fewer counts as cut."""

    stretch: float = 60.0
    """Seconds over which the speed is measured, one stretch after another."""

    longest_pause: int = 120
    """Seconds; a server whose Retry-After asks for more is given up."""

    without_length: int = 1 << 32
    """Bytes that are taken at most of a file whose length nobody states."""


PATIENCE = Patience()


class Tries(Retry):
    """Waits ``backoff_factor`` seconds before the second request, doubled each time, or longer where a server asks.

    Its base does not wait before the second request, and waits less where the server asks for less.
    """

    def increment(
        self, method: str | None = None, url: str | None = None, response: Any = None, *args: Any, **kwargs: Any
    ) -> Self:
        """One try less.

        Raises:
            MaxRetryError: that was the last, or the server asks for a longer wait than ``retry_after_max``.
        """
        if response is not None:
            response.close()  # the base reads it to its end, which may never come
            if seconds_asked(response.headers) > self.retry_after_max:
                raise MaxRetryError(kwargs["_pool"], url or "", ResponseError("Retry-After"))
        return super().increment(method, url, response, *args, **kwargs)

    def get_backoff_time(self) -> float:
        """Seconds before the next request."""
        return float(self.backoff_factor * 2 ** (len(self.history) - 1))

    def get_retry_after(self, response: Any) -> float:
        """Seconds before the next request, after an answer that may ask for some."""
        return max(self.get_backoff_time(), seconds_asked(response.headers))


def tries_of(patience: Patience) -> Tries:
    """The tries of one download, all its requests together; the last refusal is handed back, not raised."""
    return Tries(
        patience.attempts - 1,
        status_forcelist=WORTH_ANOTHER_TRY,
        backoff_factor=patience.pause,
        retry_after_max=patience.longest_pause,
        raise_on_status=False,
    )


def seconds_asked(headers: Mapping[str, str]) -> float:
    """Seconds that an answer asks to wait, 0 where it does not: Retry-After is a number or a date."""
    try:
        return Retry(retry_after_max=sys.maxsize).parse_retry_after(headers.get("Retry-After", ""))
    except (InvalidHeader, ValueError, OverflowError):  # the last two: a date of no year that there is
        return 0.0
