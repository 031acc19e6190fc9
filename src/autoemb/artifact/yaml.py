"""YAML as people write it: version 1.2, in which ``1e-3`` is a number and ``no`` a word; every key a word, and once.

PyYAML reads version 1.1, and of a key that stands twice the last; so does Snakemake, whose own reading of a config is
therefore not used (``workflow/rules/common.smk``).
"""

import json
import re
from pathlib import Path
from typing import Any

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError, SafeConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode
from ruamel.yaml.tag import Tag

from autoemb.artifact.files import expect_file
from autoemb.errors import InputError

_WORD = "tag:yaml.org,2002:str"
_MERGE = "tag:yaml.org,2002:merge"


class _Constructor(SafeConstructor):
    """Keys are words as they are spelt: a data set may be called ``007`` or ``null``. So is what looks like a date."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        """As a mapping whose keys are words."""
        if isinstance(node, MappingNode):
            for key, _ in node.value:
                if isinstance(key, ScalarNode) and str(key.tag) != _MERGE:
                    key.ctag = Tag(suffix=_WORD)
        return super().construct_mapping(node, deep)


_Constructor.add_constructor("tag:yaml.org,2002:timestamp", SafeConstructor.construct_yaml_str)


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file; what is in it is JSON, too, but for infinities.

    Raises:
        InputError: there is no such file, or it is no YAML mapping, or a key stands in it twice; the message has the
            line.
    """
    expect_file(path, "a config as YAML")
    reader = YAML(typ="safe", pure=True)
    reader.Constructor = _Constructor
    try:
        content = reader.load(path.read_text(encoding="utf-8"))
        json.dumps(content)  # an anchor inside of what it names would go round for ever
    except DuplicateKeyError as error:
        problem = str(error.problem).partition(" with value")[0].removeprefix("found ")
        raise InputError(f"{path}: line {_line(error)}: {problem}; expected each key once") from error
    except MarkedYAMLError as error:
        problem = " ".join(str(error.problem or error.context).split())
        raise InputError(f"{path}: line {_line(error)}: not a readable YAML file ({problem})") from error
    except (YAMLError, OSError, ValueError, TypeError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: not a readable YAML file ({reason})") from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: holds {type(content).__name__}; expected a YAML mapping of keys to values")
    return content


def _line(error: MarkedYAMLError) -> int:
    mark = error.problem_mark or error.context_mark
    return 0 if mark is None else int(mark.line) + 1


class _Words(yaml.SafeDumper):
    """Words that begin as a number does are quoted: not every reader of YAML takes the same ones for numbers."""

    def represent_str(self, data: str) -> yaml.ScalarNode:
        """A word."""
        style = "'" if re.match(r"[-+.]?[0-9]", data) else None
        return self.represent_scalar(_WORD, data, style=style)


_Words.add_representer(str, _Words.represent_str)


def dumped(content: Any, **style: Any) -> str:
    """What JSON can hold as YAML that every reader, also one of version 1.1, takes for the same; keys in their order.

    Args:
        content: what to write.
        style: PyYAML's options.
    """
    text: str = yaml.dump(content, Dumper=_Words, sort_keys=False, **style)
    return text
