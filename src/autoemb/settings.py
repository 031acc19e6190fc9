"""Settings from the outside: JSON of a job, validated at the door."""

from typing import TypeVar

from pydantic import ValidationError

from autoemb.config import Settings
from autoemb.errors import InputError, explain

AnySettings = TypeVar("AnySettings", bound=Settings)


def parse(kind: type[AnySettings], text: str, where: str) -> AnySettings:
    """Validate a JSON object.

    Raises:
        InputError: not JSON, an unknown key, or a value out of its range; the message names it.
    """
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        raise InputError(explain(error, where)) from error
