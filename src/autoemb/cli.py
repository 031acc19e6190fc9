"""The command line: ``autoemb VERB``, one verb per module of ``autoemb.commands``."""

import argparse
import errno
import importlib
import os
import pkgutil
import re
import signal
import sys
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from autoemb import commands
from autoemb.errors import InputError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb. Bad input ends with one clear message on stderr and exit status 2."""
    words = list(sys.argv[1:] if argv is None else argv)
    verbs = [module.name for module in pkgutil.iter_modules(commands.__path__) if module.name[0] != "_"]
    # only the verb that is asked for is imported: most need no torch, which takes seconds to load
    wanted = [verb for verb in verbs if words[:1] == [verb]] or verbs
    parser = argparse.ArgumentParser(prog="autoemb", description=__doc__)
    parsers = parser.add_subparsers(dest="verb", required=True)
    for verb in wanted:
        module = importlib.import_module(f"{commands.__name__}.{verb}")
        text = (module.__doc__ or "").strip()  # none if Python was told to leave them out
        command = parsers.add_parser(verb, help=text.partition("\n")[0], description=text)
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    arguments = parser.parse_args(words)
    try:
        arguments.run(arguments)
        sys.stdout.flush()
    except InputError as error:
        return _refused(arguments.verb, _in_one_line(str(error), words))
    except (MemoryError, RuntimeError) as error:
        if not (isinstance(error, MemoryError) or "not enough memory" in str(error)):
            raise
        needed = re.search(r"allocate .*", str(error))  # numpy's and PyTorch's say how much
        more = f": cannot {needed[0].rstrip('.')}" if needed else ""
        return _refused(arguments.verb, f"not enough memory{more}; expected smaller settings, or a larger machine")
    except BrokenPipeError:  # who read our output wants no more of it, as `head`
        _leave_stdout()
        return 128 + signal.SIGPIPE
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT) or error.filename is not None:
            raise
        _leave_stdout()
        return _refused(arguments.verb, f"standard output: {error.strerror}")
    return 0


def _in_one_line(reason: str, words: Sequence[str]) -> str:
    """A message in which what was typed, such as a path, breaks no line: its control characters are spelt out."""
    for word in words:
        for typed in {word, str(Path(word))} - {""}:
            if not typed.isprintable():
                reason = reason.replace(typed, repr(typed)[1:-1])
    return reason


def _refused(verb: str, reason: str) -> int:
    """Say why on stderr, a line for each problem, with control characters spelt out; the exit status."""
    for line in reason.split("\n"):
        shown = "".join(repr(letter)[1:-1] if unicodedata.category(letter) == "Cc" else letter for letter in line)
        print(f"autoemb {verb}: error: {shown}", file=sys.stderr)
    return 2


def _leave_stdout() -> None:
    """Have nothing more written there: Python would try once more at its end, and complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
