"""Progress of long work: a bar on a terminal; in a log, now and then a line of JSON."""

import json
import logging
import time

from tqdm import tqdm

log = logging.getLogger(__name__)


class Progress:
    """Counts interactions. Without a terminal, a line at most every ``every`` seconds goes to the log.

    A line holds ``interactions`` done, ``of`` how many, ``per_second`` since the start, ``seconds_left``
    and the latest ``loss`` (mean of a batch).
    """

    def __init__(self, total: int, every: float = 30.0) -> None:
        self.bar = tqdm(total=total, unit=" interactions", unit_scale=True, disable=None)
        self.total, self.every, self.done, self.skipped = total, every, 0, 0
        self.start = self.said = time.monotonic()

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *failure: object) -> None:
        self.bar.close()

    def skip(self, interactions: int) -> None:
        """Count what an earlier process did."""
        self.done, self.skipped = self.done + interactions, self.skipped + interactions
        self.bar.update(interactions)

    def add(self, interactions: int, loss: float) -> None:
        """Count interactions that are behind us."""
        self.done += interactions
        self.bar.set_postfix(loss=f"{loss:.4f}", refresh=False)
        self.bar.update(interactions)
        now = time.monotonic()
        if self.bar.disable and now - self.said >= self.every:
            rate = (self.done - self.skipped) / (now - self.start)
            line = {
                "interactions": self.done,
                "of": self.total,
                "per_second": round(rate),
                "seconds_left": round((self.total - self.done) / rate),
                "loss": round(loss, 5),
            }
            log.info("%s", json.dumps(line))
            self.said = now
