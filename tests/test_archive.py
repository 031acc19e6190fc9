"""Archives that somebody made to do harm, or that were damaged: one clear line, and never other bytes."""

import gzip
import io
import random
import re
import stat
import tarfile
import zipfile

import pytest

from autoemb.data.readers import members
from autoemb.data.readers.archive import Source, files, has_member
from autoemb.errors import InputError

TEXT = b"".join(b"%d,%d,3,5\n" % (n, n * n % 97) for n in range(200))
BOTH = re.compile(r"(ratings|other)\.csv")
LINKS = {"a symbolic link": tarfile.SYMTYPE, "a hard link": tarfile.LNKTYPE}
DEVICES = {"a device": tarfile.CHRTYPE, "a disk": tarfile.BLKTYPE, "a pipe": tarfile.FIFOTYPE}


def zipped(path, *members, method=zipfile.ZIP_DEFLATED):
    """Members are names or ZipInfo; their content is TEXT."""
    with zipfile.ZipFile(path, "w", method) as archive:
        for member in members:
            archive.writestr(member, TEXT, compress_type=method)
    return path


def entry(name, kind=tarfile.REGTYPE, content=TEXT, **more):
    found = tarfile.TarInfo(name)
    found.type, found.size = kind, len(content) if kind == tarfile.REGTYPE else 0
    for key, value in more.items():
        setattr(found, key, value)
    return found, content


def tarred(path, *entries, mode="w"):
    with tarfile.open(path, mode) as archive:
        for info, content in entries:
            archive.addfile(info, io.BytesIO(content))
    return path


@pytest.mark.parametrize(
    "kind",
    [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.SOLARIS_XHDTYPE],
)
def test_a_header_longer_than_any_path_is_refused(tmp_path, kind):
    """Python before 3.11.10 takes squared time over its digits."""
    header, digits = tarfile.TarInfo("header"), b"1" * 3_000_000
    header.type, header.size = kind, len(digits)
    block = header.tobuf(tarfile.USTAR_FORMAT) + digits + b"\0" * (-len(digits) % 512)
    path = tmp_path / "a.tar.gz"
    path.write_bytes(gzip.compress(block + tarred(tmp_path / "rest", entry("mv_1.txt")).read_bytes()))
    assert "a header of 3,000,000 bytes; expected at most 8,192" in refused(read_all, path)


def read_all(path):
    return {name: stream.read() for name, stream in files(path, BOTH)}


def read_one(path):
    with Source(path, "ratings.csv").open() as stream:
        return stream.read()


def refused(read, path):
    with pytest.raises(InputError) as caught:
        read(path)
    (line,) = str(caught.value).splitlines()
    assert line.startswith(str(path))
    return line.removeprefix(str(path))


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_zip(tmp_path, method):
    path = zipped(tmp_path / "a.zip", "f/", "f/ratings.csv", "f/other.csv", "f/más.txt", method=method)
    assert read_one(path) == TEXT
    found = [(name, stream.read()) for name, stream in files(path, BOTH)]
    assert found == [("other.csv", TEXT), ("ratings.csv", TEXT)]
    assert has_member(path, "ratings.csv")
    assert not has_member(path, "f")


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_tar_and_a_tar_in_it(tmp_path, mode):
    inner = tarred(tmp_path / "inner.tar", entry("g", tarfile.DIRTYPE), entry("g/other.csv")).read_bytes()
    path = tarred(
        tmp_path / "a", entry("f/ratings.csv"), entry("f/inner.tar", content=inner), entry("f/readme"), mode=mode
    )
    assert [(name, stream.read()) for name, stream in files(path, BOTH)] == [
        ("ratings.csv", TEXT),
        ("other.csv", TEXT),
    ]
    assert [name for name, _ in files(path, BOTH)] == ["ratings.csv", "other.csv"]  # also unread


def test_only_one_tar_in_a_tar_is_looked_into(tmp_path):
    path = tarred(tmp_path / "a", entry("ratings.csv"))
    for _ in range(2):
        path = tarred(tmp_path / "b", entry("inner.tar", content=path.read_bytes())).rename(tmp_path / "a")
    assert list(files(path, BOTH)) == []


@pytest.mark.parametrize("name", ["../up.csv", "f/../../up.csv", "/etc/up.csv", "..\\up.csv", "\\up.csv", "C:\\up.csv"])
def test_paths_that_lead_out(tmp_path, name):
    expected = f": member {name!r} has a path that leads out of the archive; refused"
    path = zipped(tmp_path / "a.zip", name, "f/ratings.csv")
    assert {refused(read, path) for read in (read_one, read_all)} == {expected}
    with pytest.raises(InputError, match="leads out of the archive"):
        has_member(path, "ratings.csv")
    assert refused(read_all, tarred(tmp_path / "a.tar", entry(name), entry("f/ratings.csv"))) == expected


@pytest.mark.parametrize("name", ["two\nlines", "f/ratings.csv\0.exe", "\x1b[2J"])
def test_names_that_cannot_be_printed(tmp_path, name):
    info = zipfile.ZipInfo("x" * len(name))
    path = zipped(tmp_path / "a.zip", info, "f/ratings.csv")
    path.write_bytes(path.read_bytes().replace(b"x" * len(name), name.encode()))
    expected = f": member {name!r} has a name that cannot be printed; refused"
    assert {refused(read, path) for read in (read_one, read_all)} == {expected}
    if "\0" not in name:  # it ends a name in a tar
        assert refused(read_all, tarred(tmp_path / "a.tar", entry(name))) == expected


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO])
def test_links_and_devices_in_a_zip(tmp_path, kind):
    info = zipfile.ZipInfo("f/ratings.csv")
    info.external_attr = (kind | 0o644) << 16
    line = refused(read_one, zipped(tmp_path / "a.zip", info))
    assert line == ": member 'f/ratings.csv' is a link or a device; expected plain files; refused"


@pytest.mark.parametrize("kind", [*LINKS.values(), *DEVICES.values()], ids=[*LINKS, *DEVICES])
def test_links_and_devices_in_a_tar(tmp_path, kind):
    path = tarred(tmp_path / "a.tar", entry("ratings.csv", kind, linkname="other.csv"), entry("other.csv"))
    line = refused(read_all, path)
    assert line == ": member 'ratings.csv' is a link, a device or a file with holes; expected plain files; refused"


def test_a_file_with_holes_expands_without_bytes(tmp_path):
    path = tarred(
        tmp_path / "a.tar", entry("ratings.csv", pax_headers={"GNU.sparse.map": "0,1", "GNU.sparse.size": "99"})
    )
    assert "is a link, a device or a file with holes" in refused(read_all, path)


def test_two_members_of_one_name(tmp_path):
    expected = ": member 'b/ratings.csv' is a second 'ratings.csv', besides 'a/ratings.csv'; expected one; refused"
    path = zipped(tmp_path / "a.zip", "a/ratings.csv", "b/ratings.csv", "a/readme", "b/readme")
    assert {refused(read, path) for read in (read_one, read_all)} == {expected}
    assert refused(read_all, tarred(tmp_path / "a.tar", entry("a/ratings.csv"), entry("b/ratings.csv"))) == expected
    with pytest.warns(UserWarning, match="Duplicate name"):
        path = zipped(tmp_path / "b.zip", "ratings.csv", "ratings.csv")
    assert "is a second 'ratings.csv', besides 'ratings.csv'" in refused(read_one, path)


def test_a_folder_is_no_second_member(tmp_path):
    assert read_one(zipped(tmp_path / "a.zip", "ratings.csv/", "ratings.csv/ratings.csv")) == TEXT


@pytest.mark.parametrize("flag", [0x01, 0x40, 0x41])
def test_encrypted(tmp_path, flag):
    path = zipped(tmp_path / "a.zip", "f/ratings.csv", "f/other.csv")
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\1\2") + 8] |= flag
    path.write_bytes(content)
    expected = ": member 'f/ratings.csv' is encrypted; expected one without a password; refused"
    assert {refused(read, path) for read in (read_one, read_all)} == {expected}


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compressed_by_what_zipfile_does_not_bound(tmp_path, method):
    line = refused(read_one, zipped(tmp_path / "a.zip", "ratings.csv", method=method))
    assert line == f": member 'ratings.csv' is compressed by method {method}; expected 8, deflate; refused"


def test_names_that_differ_between_directory_and_member(tmp_path):
    path = zipped(tmp_path / "a.zip", "ratings.csv")
    path.write_bytes(path.read_bytes().replace(b"ratings.csv", b"harmful.exe", 1))
    assert "damaged, or not an archive of this kind (File name in directory" in refused(read_one, path)


def test_bomb_in_a_zip(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ratings.csv", bytes(members.EXPANSION_FLOOR + 1))
    line = refused(read_one, path)
    assert (
        line
        == f" (ratings.csv): expands to more than {64 << 20} bytes, the most that an archive of its size may; refused"
    )


@pytest.mark.parametrize("mode", ["w:gz", "w:bz2", "w:xz"])
@pytest.mark.parametrize("wanted", ["ratings.csv", "of no use"])
def test_bomb_in_a_tar(tmp_path, monkeypatch, mode, wanted):
    monkeypatch.setattr(members, "EXPANSION_FLOOR", 1 << 20)
    path = tarred(tmp_path / "a", entry(wanted, content=bytes(8 << 20)), entry("other.csv"), mode=mode)
    assert "the most that an archive of its size may; refused" in refused(read_all, path)


def test_a_bomb_of_many_members(tmp_path, monkeypatch):
    """What each may expand to, all may together: members of a zip can share their bytes."""
    monkeypatch.setattr(members, "EXPANSION_FLOOR", 3 * len(TEXT) // 2)
    monkeypatch.setattr(members, "EXPANSION", 1)
    path = zipped(tmp_path / "a.zip", "ratings.csv", "other.csv")
    assert read_one(path) == TEXT
    assert "the most that an archive of its size may; refused" in refused(read_all, path)


def test_a_header_that_lies_about_the_size(tmp_path, monkeypatch):
    """The bytes that come are counted, not those that the header states."""
    monkeypatch.setattr(members, "EXPANSION_FLOOR", 100)
    monkeypatch.setattr(members, "EXPANSION", 1)
    path = zipped(tmp_path / "a.zip", "ratings.csv")
    content = bytearray(path.read_bytes())
    position = content.index(b"PK\1\2") + 24
    content[position : position + 4] = (50).to_bytes(4, "little")
    path.write_bytes(content)
    assert "damaged" in refused(read_one, path)  # zipfile ends there, and the checksum does not fit
    content[position : position + 4] = (2**31).to_bytes(4, "little")
    path.write_bytes(content)
    assert "the most that an archive of its size may; refused" in refused(read_one, path)


def test_a_tar_without_its_end(tmp_path):
    path = tarred(tmp_path / "a.tar", entry("ratings.csv"), entry("other.csv"))
    content = path.read_bytes()
    second = content.index(b"other.csv")
    for end in (second, second + 100, second + 512, second + 600):
        path.write_bytes(content[:end])
        assert "damaged, or not an archive of this kind" in refused(read_all, path)
    path.write_bytes(content[:second] + b"x" * 512 + content[second + 512 :])
    assert "damaged, or not an archive of this kind (invalid header)" in refused(read_all, path)


def test_the_checksum_behind_a_tar_is_read_too(tmp_path):
    path = tarred(tmp_path / "a.tgz", entry("ratings.csv"), mode="w:gz")
    content = bytearray(path.read_bytes())
    content[-8] ^= 1
    path.write_bytes(content)
    assert "damaged, or not an archive of this kind (CRC check failed" in refused(read_all, path)


def archives(folder):
    """Small archives of every kind, whose file ratings.csv holds TEXT."""
    long = "f/ä" * 40
    yield zipped(folder / "deflated.zip", "f/", "f/ratings.csv", "f/ä.txt")
    yield zipped(folder / "stored.zip", "f/ratings.csv", "f/ä.txt", method=zipfile.ZIP_STORED)
    for mode in ("w:gz", "w:bz2", "w:xz"):
        yield tarred(folder / mode.replace(":", "."), entry("f/ratings.csv", mtime=1.5), entry(long), mode=mode)


def damaged(content, dice):
    """Versions of an archive that were cut or changed somewhere."""
    yield from (content[:end] for end in range(0, len(content), len(content) // 20))
    for _ in range(80):
        other = bytearray(content)
        for _ in range(dice.choice((1, 1, 2, 4))):
            other[dice.randrange(len(other))] = dice.randrange(256)
        yield bytes(other)


def test_damage_anywhere_is_refused_or_harmless(tmp_path):
    dice, path = random.Random(0), tmp_path / "damaged"
    lines, harmless = [], 0
    for archive in list(archives(tmp_path)):
        for content in damaged(archive.read_bytes(), dice):
            path.write_bytes(content)
            try:
                found = read_all(path)
            except InputError as error:
                lines.append(str(error))
            else:
                assert found in ({"ratings.csv": TEXT}, {})  # without it where its name was changed
                harmless += 1
    assert harmless > 10
    assert len(lines) > 300
    assert not any("\n" in line for line in lines)


def test_a_member_without_a_name_is_refused(tmp_path):
    """Of three members the first is made to have a name of no letters; Python's zipfile then fails on it."""
    path = zipped(tmp_path / "a.zip", "x", "ratings.csv")
    content = bytearray(path.read_bytes())
    central = content.index(b"PK\x01\x02")
    length = slice(central + 28, central + 30)
    assert content[length] == b"\x01\x00"
    content[length] = b"\x00\x00"  # of the name
    content[central + 30 : central + 32] = b"\x01\x00"  # of what follows it, which has the letter now
    path.write_bytes(content)
    assert refused(read_one, path) == ": member '' has no name; refused"
