"""The list of the laws names every test of theirs, and nothing else."""

import ast
import re
from pathlib import Path

from tests import contracts

FOLDER = Path(__file__).parent / "contracts"


def defined() -> list[str]:
    trees = [ast.parse(file.read_text()) for file in sorted(FOLDER.glob("test_*.py"))]
    functions = [node for tree in trees for node in tree.body if isinstance(node, ast.FunctionDef)]
    return [function.name for function in functions if function.name.startswith("test_")]


def test_every_law_has_its_tests_and_every_test_its_law():
    text = contracts.__doc__ or ""
    laws = re.split(r"^(\d+)\. ", text, flags=re.MULTILINE)[1:]
    numbers, words = [int(number) for number in laws[::2]], laws[1::2]
    assert numbers == list(range(1, len(numbers) + 1))
    named = [re.findall(r"``(test_\w+)``", law) for law in words]
    assert all(named)
    names = [name for law in named for name in law]
    assert sorted(names) == sorted(defined())
    assert len(names) > 13
