"""Progress of long work: a bar on a terminal; in a log, now and then a line of JSON."""

import json
import logging
import time

from tqdm import tqdm

log = logging.getLogger(__name__)


class Progress:
    """Counts interactions. Without a terminal, a line at most every ``every`` seconds goes to the log.

    A line holds ``interactions`` done, ``of`` how many, ``per_second`` since the start, ``seconds_left``
    and the latest ``loss`` (mean of a batch). With a ``forecast``, what all of it will take is said once, in words
    that it begins with, as soon as as much is done as was counted first: the first time has compiling in it.
    """

    def __init__(self, total: int, every: float = 30.0, forecast: str | None = None) -> None:
        self.bar = tqdm(total=total, unit=" interactions", unit_scale=True, disable=None)
        self.total, self.every, self.done, self.skipped = total, every, 0, 0
        self.start = self.last_line = time.monotonic()
        self.forecast = forecast
        self.first: tuple[int, float] | None = None
        """Interactions of the first ``add``, and when it was."""

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *failure: object) -> None:
        self.bar.close()

    def skip(self, interactions: int) -> None:
        """Count what an earlier process did; negative: what has to be done again."""
        self.done, self.skipped = self.done + interactions, self.skipped + interactions
        self.bar.update(interactions)

    def add(self, interactions: int, loss: float) -> None:
        """Count interactions that are behind us."""
        self.done += interactions
        self.bar.set_postfix(loss=f"{loss:.4f}", refresh=False)
        self.bar.update(interactions)
        now = time.monotonic()
        self._foretell(interactions, now)
        if self.bar.disable and now - self.last_line >= self.every:
            rate = (self.done - self.skipped) / (now - self.start)
            line = {
                "interactions": self.done,
                "of": self.total,
                "per_second": round(rate),
                "seconds_left": round((self.total - self.done) / rate),
                "loss": round(loss, 5),
            }
            log.info("%s", json.dumps(line))
            self.last_line = now

    def _foretell(self, interactions: int, now: float) -> None:
        if self.forecast is None:
            return
        made = self.done - self.skipped
        if self.first is None:
            self.first = made, now
        elif made >= 2 * self.first[0]:
            rate = (made - self.first[0]) / (now - self.first[1])
            log.info("%s about %s", self.forecast, spoken((self.total - self.skipped) / rate))
            self.forecast = None


def spoken(seconds: float) -> str:
    """A duration as a person says it: ``40 s``, ``14 min``, ``5.2 h``."""
    if seconds < 90:
        return f"{max(seconds, 1):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"
