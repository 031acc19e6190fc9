"""What the tests on clusters share: Snakemake runs, and folders that must be the same."""

import contextlib
import signal
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCALLY = ("--cores", "all", "--workflow-profile", ROOT / "workflow/profiles/default")
OPTIONAL = {key: f"results/*/{key}/**/*.parquet" for key in ("ablation", "levels")}
"""Key of a config -> the files that are there if it has the key."""
RESULTS = ("results/*/tables/*", "results/*/figures/*", "results/*/runs/**/*.parquet", *OPTIONAL.values())


@contextlib.contextmanager
def snakemake(log: Path, *words: object, before: tuple[str, ...] = (), **how: object) -> Iterator[subprocess.Popen]:
    """Snakemake, from the root, waited for at the end.

    Args:
        log: what it says goes there.
        words: options.
        before: the command that runs it, if it is not run directly.
        how: further arguments of Popen.

    Raises:
        AssertionError: it failed.
    """
    command = [str(word) for word in (*before, sys.executable, "-m", "snakemake", *words)]
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, **{"cwd": ROOT, **how})
    try:
        yield process
        assert process.wait() == 0, log.read_text()[-5000:]
    finally:
        process.send_signal(signal.SIGINT)  # has it cancel its jobs
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(30)
        process.kill()


def lacking(config: Mapping[str, object], targets: Sequence[str] = ()) -> tuple[str, ...]:
    """Those of ``RESULTS`` of which a run may have no files.

    Args:
        config: the grid, as it was read.
        targets: what was asked for, if not everything: files or rules.
    """
    if targets:
        return tuple(pattern for pattern in RESULTS if not any(pattern.split("/")[2] in target for target in targets))
    return tuple(pattern for name, pattern in OPTIONAL.items() if config.get(name) is None)


def compare(one: Path, other: Path, *patterns: str, may_lack: Collection[str] = ()) -> None:
    """Hold all files of two folders by these patterns to each other, and say how many files and bytes there are.

    Args:
        one: a folder.
        other: a folder.
        patterns: of files in it.
        may_lack: those patterns of which there may be no file.

    Raises:
        AssertionError: any byte differs, only one has a file, or both lack a pattern that they may not.
    """
    assert set(patterns) - set(may_lack), f"{one}: nothing that has to be there is compared"
    for pattern in patterns:
        found = {file.relative_to(one): file.read_bytes() for file in one.glob(pattern)}
        expected = {file.relative_to(other): file.read_bytes() for file in other.glob(pattern)}
        assert found.keys() == expected.keys(), sorted(map(str, found.keys() ^ expected.keys()))
        differ = [str(name) for name in found if found[name] != expected[name]]
        assert not differ, f"differ: {', '.join(differ)}"
        assert found or pattern in may_lack, f"{one}: has no {pattern}"
        size = sum(map(len, found.values()))
        print(f"{one.name}, {other.name}: {len(found)} files, {size:,} bytes, are the same: {pattern}", flush=True)
