"""``autoemb verify``: silent while results are as recorded, one line for each thing that is not."""

import json
import os
import shutil

import pytest

from autoemb.artifact.record import write_record
from autoemb.cli import main
from tests.small_results import make, tabulate

TABLE = "results/small/tables/comparison.csv"
RECORD = "results/small/provenance/tables/comparison.json"
OUTCOMES = "results/small/runs/synthetic/temporal/regression/fse/outcomes.parquet"
RUN = "results/small/runs/synthetic/temporal/regression/fse/run.json"
STREAM = "results/small/streams/synthetic/temporal.parquet"


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return make(tmp_path_factory.mktemp("original"))


@pytest.fixture
def root(original, tmp_path, monkeypatch):
    """A copy of the results to spoil, in the working folder."""
    shutil.copytree(original, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    return tmp_path / "copy"


def verify(capsys, *words: str) -> tuple[int, list[str]]:
    """Exit status, and the lines without the last."""
    capsys.readouterr()
    try:
        status = main(["verify", *words])
    except SystemExit as exit_:
        status = exit_.code
    return status, capsys.readouterr().out.splitlines()


def edit(path, **changes) -> None:
    """As if a job had written it so."""
    write_record({**json.loads(path.read_text()), **changes}, path)


def test_what_nobody_touched_matches_also_where_it_was_moved_to(root, capsys):
    (root / "results/small").rename(root / "moved")
    status, lines = verify(capsys, "moved")
    assert status == 0
    assert len(lines) == 1
    assert lines[0].startswith("moved: 8 records, ")
    assert lines[0].endswith(" files read: everything matches")


@pytest.mark.parametrize("detour", ["src/../results", "./results/small/", "../copy/results"])
def test_the_folder_may_be_named_by_a_detour(root, capsys, detour):
    (root / "src").mkdir()
    status, lines = verify(capsys, detour)
    assert (status, len(lines)) == (0, 1)
    (root / "results/small/tables/mine.csv").write_text("a\n")
    assert verify(capsys, detour)[1][0].endswith("results/small/tables/mine.csv: no record says how it was made")


@pytest.mark.parametrize("file", [TABLE, OUTCOMES, STREAM, "results/small/interactions/synthetic.parquet"])
@pytest.mark.parametrize("how", ["changed", "missing"])
def test_a_file_that_was_changed_or_removed_is_one_line(root, capsys, file, how):
    if how == "missing":
        (root / file).unlink()
    else:
        (root / file).write_bytes((root / file).read_bytes() + b"\n")
    status, lines = verify(capsys)
    assert status == 1
    assert len(lines) == 2
    assert lines[0].startswith(f"{file}: {'is missing' if how == 'missing' else 'has changed since'}")
    assert lines[1].endswith(": 1 thing no longer matches")


def test_one_byte_is_enough_and_times_do_not_matter(root, capsys):
    content = bytearray((root / OUTCOMES).read_bytes())
    os.utime(root / OUTCOMES, (0, 0))
    assert verify(capsys)[0] == 0
    content[len(content) // 2] ^= 1
    (root / OUTCOMES).write_bytes(content)
    os.utime(root / OUTCOMES, (0, 0))
    assert verify(capsys)[0] == 1


def test_an_input_that_no_job_made(root, capsys):
    (root / "results/small/archives/synthetic").write_bytes(b"other")
    record = "results/small/provenance/interactions/synthetic.json"
    assert verify(capsys)[1][:-1] == [
        f"{record}: was made from results/small/archives/synthetic, which has changed since",
    ]
    (root / "results/small/archives/synthetic").unlink()
    assert verify(capsys)[1][:-1] == [f"{record}: was made from results/small/archives/synthetic, which is missing"]


def test_an_input_that_was_made_anew(root, capsys):
    """A stream of another order: what was trained on the old one says so; the stream itself is as recorded."""
    interactions = root / "results/small/interactions"
    words = ["--interactions", interactions / "synthetic.parquet", "--items", interactions / "synthetic.items.parquet"]
    words += ["--settings", '{"order": "shuffled"}', "--labels", "{}", "--out", root / STREAM]
    record = root / "results/small/provenance/streams/synthetic/temporal.json"
    assert main(["stream", *map(str, words), "--record", str(record)]) == 0
    status, lines = verify(capsys)
    assert status == 1
    run = "results/small/runs/synthetic/temporal/regression/fse/run.json"
    assert lines[:-1] == [f"{run}: was made from {STREAM}, which has been made anew since"]


def test_other_code_and_other_packages(root, capsys):
    content = json.loads((root / RECORD).read_text())
    code = content["code"] | {"tables/text.py": "0" * 64, "tables/gone.py": "0" * 64}
    edit(root / RECORD, code=code, packages={**content["packages"], "numpy": "0.1", "nopackage": "1"})
    status, lines = verify(capsys)
    assert status == 1
    assert lines[0] == f"{RECORD}: was made by other code than is installed: tables/gone.py and 1 more"
    assert lines[1] == f"{RECORD}: was made with nopackage 1; none is installed"
    assert lines[2].startswith(f"{RECORD}: was made with numpy 0.1; installed is ")
    assert lines[3].endswith("3 things no longer match")


def test_a_table_without_a_record(root, capsys):
    (root / "results/small/tables/mine.csv").write_text("a\n")
    assert verify(capsys)[1][:-1] == ["results/small/tables/mine.csv: no record says how it was made"]
    tabulate(root / "results/small", "datasets", [root / "results/small/interactions/synthetic.counts.json"])
    (root / "results/small/tables/mine.csv").unlink()
    assert verify(capsys)[0] == 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"a', "not a readable JSON file (Unterminated string"),
        (b"\xff\xfe", "not a readable JSON file ('utf-8' codec"),
        (b"[" * 100_000, "not a readable JSON file ("),
        (b"[]", "holds list; expected a record"),
        (b'{"config": {}}', "key 'autoemb' is missing; it was made by another version of autoemb"),
    ],
)
def test_what_is_no_record_is_one_line(root, capsys, content, message):
    (root / "results/small/provenance/broken.json").write_bytes(content)
    status, lines = verify(capsys)
    assert status == 1
    assert len(lines) == 2
    assert lines[0].startswith(f"results/small/provenance/broken.json: {message}")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("config", {"seeds": 50}), ("device", "cuda"), ("commit", "0" * 40), ("identity", "0" * 64),
        ("start", "2000-01-01T00:00:00+00:00"), ("sha256", ""), ("more", 1),
    ],
)  # fmt: skip
@pytest.mark.parametrize("record", [RECORD, RUN])
def test_a_record_that_was_changed_by_hand_is_noticed(root, capsys, record, key, value):
    content = json.loads((root / record).read_text())
    content[key] = {**content["config"], **value} if key == "config" else value
    (root / record).write_text(json.dumps(content))
    status, lines = verify(capsys)
    assert status == 1
    assert f"{record}: is not as its job wrote it" in lines


def test_a_run_without_its_record_is_noticed(root, capsys):
    (root / RUN).unlink()
    status, lines = verify(capsys)
    assert status == 1
    assert f"{OUTCOMES}: no record says how it was made" in lines


def test_a_pipe_in_the_place_of_a_record_is_refused(root, capsys):
    (root / RECORD).unlink()
    os.mkfifo(root / RECORD)
    assert f"{RECORD}: is a pipe; expected a record: save its content as one first" in verify(capsys)[1]


def test_a_record_with_other_types_is_one_line(root, capsys):
    edit(root / RECORD, used=["a"])
    lines = verify(capsys)[1]
    assert lines[0] == f"{RECORD}: used = ['a']: expected names, each with a text"


def test_an_unpacked_archive_lacks_files(root, capsys):
    (root / STREAM).unlink()
    (root / "results/small/archives/synthetic").unlink()
    assert verify(capsys)[0] == 1
    assert verify(capsys, "--present")[0] == 0
    (root / TABLE).write_text("other")
    assert verify(capsys, "--present")[0] == 1


def test_quiet_says_it_by_its_status(root, capsys):
    assert verify(capsys, "--quiet") == (0, [])
    (root / TABLE).unlink()
    assert verify(capsys, "--quiet") == (1, [])


def test_no_records_is_bad_input(tmp_path, capsys):
    assert main(["verify", str(tmp_path)]) == 2
    assert "has no records; expected a folder" in capsys.readouterr().err
