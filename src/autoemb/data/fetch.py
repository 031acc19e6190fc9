"""The archive of a data set, from its publisher, a mirror or a local file, held to its published checksum."""

import hashlib
import shutil
import sys
from importlib import resources
from pathlib import Path
from typing import Any

from autoemb.artifact.files import digest, expect_file, put, whole
from autoemb.config import DatasetConfig
from autoemb.data import datasets
from autoemb.data.datasets.base import Dataset
from autoemb.data.download import UnavailableError, download
from autoemb.data.patience import PATIENCE, Patience
from autoemb.data.readers.archive import Source
from autoemb.data.readers.members import readable
from autoemb.errors import InputError

SLACK = 4
"""How many times its declared size an archive may have that has no checksum of its own: a live one grows, and one that
was unpacked and packed again may be packed less well."""


def fetch(
    dataset: Dataset[Any], config: DatasetConfig, out: Path, patience: Patience = PATIENCE, store: Path | None = None
) -> None:
    """Put the verified archive at ``out``, whole or not at all.

    A download that was cut leaves its beginning in ``<out>.part``, and the next one goes on from there.

    Args:
        dataset: whose archive.
        config: its settings.
        out: where to.
        patience: of a download.
        store: a folder for what is downloaded, by data set, from which it is taken the next time; without one,
            it is downloaded to ``out``.

    Raises:
        InputError: no archive can be had, or it is not the expected one.
    """
    if config.archive is not None:
        _copy(dataset, Path(config.archive), out)
        return
    made_here = dataset.generate is not None or dataset.shipped is not None
    if made_here and config.mirrors:
        raise InputError(f"{dataset.name}: mirrors = {list(config.mirrors)}: this data set is not downloaded")
    if dataset.generate is not None:
        with whole(out) as temporary:
            dataset.generate(config, temporary)
    elif dataset.shipped is not None:
        with resources.as_file(resources.files(datasets) / "shipped" / dataset.shipped) as shipped:
            _copy(dataset, shipped, out)
    else:
        publisher = () if dataset.url is None else (dataset.url,)
        addresses = (*config.mirrors, *publisher)
        if store is None:
            _download(dataset, addresses, out, patience)
            return
        stored = store / dataset.name
        if not _is_it(dataset, stored):
            _download(dataset, addresses, stored, patience)
        with whole(out) as temporary:
            _link(stored, temporary)


def _copy(dataset: Dataset[Any], source: Path, out: Path) -> None:
    verify(dataset, source)
    with whole(out) as temporary:
        # a copy, not a link: the original may be edited, or belong to somebody else
        shutil.copyfile(source, temporary)


def _link(stored: Path, out: Path) -> None:
    """The same file under another name, or a copy where the file system has no links."""
    out.unlink()
    try:
        out.hardlink_to(stored)
    except OSError:
        shutil.copyfile(stored, out)


def _download(dataset: Dataset[Any], addresses: tuple[str, ...], out: Path, patience: Patience) -> None:
    if not addresses:
        raise InputError(f"{dataset.name}: cannot be downloaded: {dataset.how_to_get}")
    part = out.with_name(f"{out.name}.part")
    if not dataset.checksums:
        _warn(f"{dataset.title} has no published checksum, so nothing shows that the file is the publisher's")
    if dataset.checksums and _is_it(dataset, part):  # all but the renaming was done
        put(part, out)
        return
    problems: list[str] = []
    for address in addresses:
        if problems:
            _warn(f"{problems[-1]}; trying {address}")
        problem = _problem_with(dataset, address, part, patience)
        if problem is None:
            put(part, out)
            return
        problems.append(problem)
    raise InputError(
        f"{'; '.join(problems)}; without a network, download it elsewhere"
        " and name the local copy in the config as `archive:`"
    )


def _problem_with(dataset: Dataset[Any], address: str, part: Path, patience: Patience) -> str | None:
    """Download from one address; return what is wrong, or None once the part is the verified archive."""
    problem = ""
    # With a checksum the beginning may be an older run's, or another mirror's. If it does not fit, or if nothing
    # but the checksum shows that the end is missing, one more download starts from scratch.
    for _ in range(2):
        try:
            resume = bool(dataset.checksums)
            in_one_piece = download(address, part, resume=resume, most=_most(dataset), patience=patience)
        except UnavailableError as error:
            return str(error)
        try:
            verify(dataset, part, name=address)
            return None
        except InputError as error:
            problem = str(error)
            part.unlink()
        if in_one_piece:
            break
    return problem


def _most(dataset: Dataset[Any]) -> int | None:
    """Bytes of the largest file that can be the archive, None where none is declared."""
    if dataset.size is None:
        return None
    return dataset.size if dataset.checksums == (dataset.archive_md5,) else SLACK * dataset.size


def _is_it(dataset: Dataset[Any], part: Path) -> bool:
    try:
        verify(dataset, part)
    except InputError:
        return False
    return True


def _warn(message: str) -> None:
    print(f"autoemb fetch: warning: {message}", file=sys.stderr)


def verify(dataset: Dataset[Any], archive: Path, name: str = "") -> None:
    """Check the archive against what the data set declares; ``name`` is what to call it in a message.

    The published checksum of the archive or of the ratings inside it is enough: an archive that was
    packed again matches by the latter. Where none is published, the ratings' member must be there, and
    be read to its end, where a zip archive has a checksum of it; or, where there are several members, the first
    ratings must be there.

    Raises:
        InputError: naming the file, the checksum found and the one expected.
    """
    expect_file(archive, f"the ratings of {dataset.title}", name or archive)
    expected = dataset.checksums
    ratings = Source(archive, dataset.member, name)
    if not expected:
        if dataset.member is None and dataset.scale is not None:  # a person's own file is held to its config later
            try:
                next(dataset.read(archive, dataset.settings("{}")).blocks)
            except InputError as error:
                raise InputError(str(error).replace(str(archive), ratings.called)) from error
            return
        with ratings.open() as stream:
            while dataset.member is not None and stream.read(1 << 20):
                pass
        return
    with readable(ratings.called):
        found = [digest(archive, "md5")]
    if dataset.ratings_md5 is not None and found[0] not in expected:
        with ratings.open() as stream:
            found.append(hashlib.file_digest(stream, "md5").hexdigest())
    if not set(found) & set(expected):
        inside = f", of its {dataset.member} {found[1]}" if len(found) > 1 else ""
        raise InputError(
            f"{ratings.called}: md5 {found[0]}{inside}; expected {' or '.join(expected)}:"
            f" the file is incomplete, or is not {dataset.title}"
        )
