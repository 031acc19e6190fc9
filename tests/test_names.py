"""What a folder holds is what there is: modules by what they define, files by their endings."""

import sys

import pytest

from autoemb.errors import InputError
from autoemb.names import expect, files, modules


@pytest.fixture
def package(tmp_path, monkeypatch):
    """The name of a package of modules that end a program that imports them."""
    monkeypatch.syspath_prepend(tmp_path)
    sources = {
        "__init__": "",
        "_shared": "class Model: ...",
        "by_class": "class Model(Base): ...",
        "by_value": "Model = 3",
        "by_type": "Model: int = 3",
        "contract": "class Method: ...\ndef build():\n    class Model: ...\n    Model = 3",
    }
    folder = tmp_path / "things_there"
    folder.mkdir()
    for name, source in sources.items():
        (folder / f"{name}.py").write_text(f"{source}\nraise SystemExit" if source else "")
    (folder / "b.yaml").touch()
    (folder / "a.yaml").touch()
    yield "things_there"
    sys.modules.pop("things_there", None)


def test_a_module_is_listed_for_what_it_defines_and_not_imported(package):
    assert modules(package, "Model") == ("by_class", "by_type", "by_value")
    assert modules(package, "Method") == ("contract",)
    assert modules(package, "Other") == ()


def test_files_are_listed_by_their_ending(package):
    assert files(package, ".yaml") == ("a", "b")


def test_an_unknown_name_lists_those_there_are():
    expect("b", ["b", "a"], "key = 'b'")
    with pytest.raises(InputError, match=r"^key = 'c': unknown; expected one of b, a$"):
        expect("c", ["b", "a"], "key = 'c'")
