"""The one exception for bad input, and how a pydantic error becomes one clear line."""

from pydantic import ValidationError


class InputError(Exception):
    """Bad input. The message names the file, the row or key, the value and what was expected."""


class DivergedError(InputError):
    """A training whose losses are no finite numbers any more: its rates are too large for it."""


def explain(error: ValidationError, where: str) -> str:
    """One line per problem: ``where: key: value: what was expected``."""
    lines = []
    for problem in error.errors():
        # pydantic adds the names of union branches and validators in brackets; a person typed none of them
        typed = [str(part) for part in problem["loc"] if part != "[key]" and not str(part).startswith("function-")]
        key = ".".join(typed)
        if problem["type"] == "extra_forbidden":
            lines.append(f"{where}: unknown key {key!r} (value {problem['input']!r})")
        elif problem["type"] == "missing":
            lines.append(f"{where}: key {key!r} is missing")
        else:
            reason = problem["msg"].removeprefix("Value error, ")
            lines.append(f"{where}: {key or 'config'} = {problem['input']!r}: {reason}")
    return "\n".join(lines)
