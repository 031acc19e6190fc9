"""Two jobs that are about to put their files in one place: the one that was started last has it."""

import json
from pathlib import Path

from autoemb.errors import InputError
from autoemb.provenance import now


class Alone:
    """Notices that a job of other settings, started later, has put its files where this one is about to put its own.

    If Snakemake alone is killed, its job goes on; should its owner change a setting and start anew meanwhile, the
    old job must not overwrite what the new one has made. What the old one made before it ended, the new one replaces.
    """

    def __init__(self, path: Path | None) -> None:
        """Remember what stands at ``path``, where a job writes its record, and when that was.

        Args:
            path: of the record; without one, nothing is ever noticed.
        """
        self.path, self.start = path, now()
        self.before = self._stands()

    def check(self, identity: str) -> None:
        """Look again, just before this job writes its files.

        Args:
            identity: of this job, as its record will have it (``provenance.identity``).

        Raises:
            InputError: a record of another identity has come there since, of a job that began later.
        """
        stands = self._stands()
        if stands in (b"", self.before):
            return
        found = json.loads(stands)
        if found["identity"] != identity and found["start"] >= self.start:  # times are in whole seconds
            raise InputError(f"{self.path}: written by another run, of other settings, since this one began")

    def _stands(self) -> bytes:
        return self.path.read_bytes() if self.path and self.path.is_file() else b""
