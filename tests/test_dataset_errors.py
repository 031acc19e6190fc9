"""Bad data: one clear line, exit status 2, and nothing left behind."""

import json
import re
import tarfile
import zipfile

import pytest

from autoemb import cli
from autoemb.data.readers import members

HEADER = "userId,movieId,rating,timestamp\r\n"


def refused(capsys, words):
    """Run the command line; return its one line on stderr."""
    assert cli.main(words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"autoemb {words[0]}: error: ")
    return line


def read_refused(capsys, folder, name, archive, settings="{}"):
    out = folder / "results"
    outs = [word for key in ("out", "users", "items", "counts") for word in (f"--{key}", str(out / key))]
    line = refused(
        capsys, ["interactions", "--dataset", name, "--settings", settings, "--archive", str(archive), *outs]
    )
    assert not out.exists() or list(out.iterdir()) == []
    return line


def fetch_refused(capsys, folder, name, settings):
    out = folder / "results"
    line = refused(capsys, ["fetch", "--dataset", name, "--settings", json.dumps(settings), "--out", str(out / name)])
    assert not out.exists() or list(out.iterdir()) == []
    return line


def zipped(path, **members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(f"folder/{name.replace('_', '.')}", text)
    return path


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("1,2,x,5\r\n1,2,3,5\r\n", "line 2: column rating: 'x'; expected a rating from 0.5 to 5 in steps of 0.5"),
        ("1,2,3,5\r\n1,2,7,5\r\n1,3,9,5\r\n", "line 3: column rating: '7'; expected .* (1 more such row)"),
        ("1,2,0.7,5\r\n", "line 2: column rating: '0.7'; expected a rating from 0.5 to 5 in steps of 0.5"),
        ("1,2,,5\r\n", "line 2: column rating: ''; expected a rating"),
        ("1,2,nan,5\r\n", "line 2: column rating: 'nan'; expected a rating"),
        ("1,2,inf,5\r\n", "line 2: column rating: 'inf'; expected a rating"),
        (",2,3,5\r\n", "line 2: column userId: ''; expected a whole number of type int32"),
        ("1,2000000000000,3,5\r\n", "line 2: column movieId: '2000000000000'; expected a whole number of type int32"),
        ("1,2,3,2001-01-01\r\n", "line 2: column timestamp: '2001-01-01'; expected a whole number of type int64"),
        ("1,2,3,5\r\n\r\n1,2,3\r\n", "line 4: 3 fields; expected 4"),
        ("1,2,3,5,6\r\n1,2,3,5,6\r\n", "line 2: 5 fields; expected 4 (1 more such row)"),
        ("1,2,3,5\r\n1,2,3,5,6\r\n", "line 3: 5 fields; expected 4"),
        ("", "holds no ratings; expected at least one row"),
    ],
)
@pytest.mark.filterwarnings("ignore::pandas.errors.ParserWarning")  # as in use: refused, not warned of
def test_bad_row(tmp_path, capsys, rows, message):
    archive = zipped(tmp_path / "a.zip", ratings_csv=HEADER + rows)
    line = read_refused(capsys, tmp_path, "ml-latest", archive)
    pattern = re.escape(message).replace(re.escape(".*"), ".*")
    assert re.search(re.escape(f"{archive} (ratings.csv): ") + pattern, line), line


def test_bad_row_of_the_other_formats(tmp_path, capsys):
    archive = zipped(tmp_path / "a.zip", ratings_dat="1::2::3::5\n1::2::0::5\n", u_data="1\t2\t3\n")
    assert "(ratings.dat): line 2: column rating: '0'; exp" in read_refused(capsys, tmp_path, "ml-1m", archive)
    assert "(u.data): line 1: 3 fields; expected 4" in read_refused(capsys, tmp_path, "ml-100k", archive)


def test_bad_header_and_empty_file(tmp_path, capsys):
    archive = zipped(tmp_path / "a.zip", ratings_csv="userId,movieId,stars\r\n")
    line = read_refused(capsys, tmp_path, "ml-20m", archive)
    assert "(ratings.csv): line 1: expected one column 'rating'; found the columns 'userId', 'movieId', 'stars'" in line
    archive = zipped(tmp_path / "b.zip", ratings_csv="")
    assert "(ratings.csv): line 1 is empty; expected a header" in read_refused(capsys, tmp_path, "ml-20m", archive)


def test_damaged_or_missing_archive(tmp_path, capsys):
    archive = zipped(tmp_path / "a.zip", ratings_csv=HEADER + "1,2,3,5\r\n" * 5000)
    cut = tmp_path / "cut.zip"
    cut.write_bytes(archive.read_bytes()[:-200])
    broken = bytearray(archive.read_bytes())
    broken[60] ^= 255
    (tmp_path / "broken.zip").write_bytes(broken)
    for path in (cut, tmp_path / "broken.zip"):
        assert f"{path}" in (line := read_refused(capsys, tmp_path, "ml-latest", path))
        assert "damaged, or not an archive of this kind" in line
    assert "none.zip: no such file" in read_refused(capsys, tmp_path, "ml-20m", tmp_path / "none.zip")
    line = read_refused(capsys, tmp_path, "ml-1m", archive)
    assert f"{archive}: no member 'ratings.dat'; it holds folder/ratings.csv" in line


def test_bomb(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(members, "EXPANSION_FLOOR", 1 << 20)
    archive = zipped(tmp_path / "a.zip", ratings_csv=HEADER + "1,2,3,5\r\n" * 300_000)
    line = read_refused(capsys, tmp_path, "ml-latest", archive)
    assert re.search(
        r"a\.zip \(ratings\.csv\): expands to more than \d+ bytes, the most that an archive of its size may; refused$",
        line,
    )


def test_netflix_damaged_in_the_middle(tmp_path, capsys):
    text = "".join(f"{user},3,2005-01-01\n" for user in range(20_000))
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("combined_data_1.txt", "1:\n" + text)
    content = bytearray((tmp_path / "a.zip").read_bytes())
    content[len(content) // 2] ^= 255
    (tmp_path / "a.zip").write_bytes(content)
    assert "a.zip (combined_data_1.txt): damaged" in read_refused(capsys, tmp_path, "netflix", tmp_path / "a.zip")


def test_fetch_refuses_a_local_file_that_is_not_it(tmp_path, capsys):
    archive = zipped(tmp_path / "a.zip", u_data="1\t2\t3\t4\n", other="")
    line = fetch_refused(capsys, tmp_path, "ml-1m", {"archive": str(archive)})
    assert re.search(r"a\.zip: md5 [0-9a-f]{32}; expected c4d9eecfca2ab87c1945afe126590906: the file is incom", line)
    line = fetch_refused(capsys, tmp_path, "ml-100k", {"archive": str(archive)})
    assert "of its u.data 0" in line or re.search(r"of its u\.data [0-9a-f]{32}; expected 0e33842e.* or 6e47046", line)
    assert "no such file" in fetch_refused(capsys, tmp_path, "ml-1m", {"archive": str(tmp_path / "none")})
    assert "is a folder; expected the ratings of MovieLens 1M" in fetch_refused(
        capsys, tmp_path, "ml-1m", {"archive": str(tmp_path)}
    )
    line = fetch_refused(capsys, tmp_path, "ml-latest", {"archive": str(archive)})
    assert "no member 'ratings.csv'; it holds folder/u.data, folder/other" in line


def test_netflix_says_how_to_get_it(tmp_path, capsys):
    line = fetch_refused(capsys, tmp_path, "netflix", {})
    assert re.search(r"netflix: cannot be downloaded: .*nf_prize_dataset\.tar\.gz.*combined_data_1.*`archive:`", line)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1:\n5,6,2005-01-01\n", "line 2: '5,6,2005-01-01'; expected a line 'movie:' or 'user,rating,YYYY-MM-DD'"),
        ("1:\n5,3,2005-01-01\n5,3,2005-13-01\n5,x,2005-01-01\n", "line 3: '5,3,2005-13-01'; .* (1 more such row)"),
        ("5,3,2005-01-01\n1:\n", "line 1: '5,3,2005-01-01'"),
        ("x:\n5,3,2005-01-01\n", "line 1: 'x:'"),
        ("1:2\n", "line 1: '1:2'"),
        ("1:\n,\n5,3,2005-01-01\n", "line 2: ','"),
        ("1:\n5,3,2005-01-01,9\n", "line 2: '5,3,2005-01-01,9'"),
        ("99999999999:\n5,3,2005-01-01\n", "line 1: '99999999999:'"),
    ],
)
@pytest.mark.filterwarnings("ignore::pandas.errors.ParserWarning")
def test_netflix_bad_line(tmp_path, capsys, text, message):
    archive = zipped(tmp_path / "a.zip", combined_data_1_txt="")
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("combined_data_1.txt", text)
    line = read_refused(capsys, tmp_path, "netflix", archive)
    pattern = re.escape(message).replace(re.escape(".*"), ".*")
    assert re.search(re.escape(f"{archive} (combined_data_1.txt): ") + pattern, line), line


def test_netflix_archive_without_ratings(tmp_path, capsys):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.add(__file__, "training_set/readme.txt")
    assert "holds no ratings; expected files mv_*.txt" in read_refused(capsys, tmp_path, "netflix", tmp_path / "a.tar")
    (tmp_path / "text").write_text("1:\n" * 900)
    assert "damaged, or not an archive" in read_refused(capsys, tmp_path, "netflix", tmp_path / "text")


def test_csv(tmp_path, capsys):
    path = tmp_path / "mine.csv"
    settings = json.dumps({"archive": str(path), "columns": {"user": "u", "item": "i", "rating": "r"}})
    for data, message in (
        (b"u,i,r\n,b,3\n", "line 2: column u: ''; expected an id"),
        (b"u,i,r\na,b,9\n", "line 2: column r: '9'; expected a rating from 0.5 to 5"),
        (b"u,i,r\na,\xe9,3\n", r"line 2: column i: '\xe9'; expected an id in UTF-8"),
        (b"", "line 1 is empty; expected a header with the columns u, i, r"),
        (b"u;i;r\n", "line 1: expected one column 'u'; found the columns 'u;i;r'"),
    ):
        path.write_bytes(data)
        assert f"{path}: {message}" in read_refused(capsys, tmp_path, "csv", path, settings)
    assert "settings of csv: key 'columns' is missing" in fetch_refused(capsys, tmp_path, "csv", {"archive": "a"})
