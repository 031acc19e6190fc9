"""The choice among a method's candidates: the one that lost least on the validation part."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import ValidationError

from autoemb.artifact.files import read_json
from autoemb.config import AnySettings, Settings, parse
from autoemb.errors import InputError, explain
from autoemb.experiment.layers import merge


class Candidate(Settings):
    """What was tried, and what came out."""

    changes: dict[str, Any]
    """The settings of the method that it replaces."""

    loss: float | None
    """Mean over the validation part: MSE, or cross-entropy in nats; None where the training diverged."""


class Choice(Settings):
    """All candidates of one method, and which of them is taken."""

    candidates: tuple[Candidate, ...]
    chosen: int
    """Its place among the candidates, from 0."""

    @property
    def changes(self) -> Mapping[str, Any]:
        """The settings that the chosen candidate replaces."""
        return self.candidates[self.chosen].changes


def choose(changes: Sequence[Mapping[str, Any]], outcomes: Sequence[pd.DataFrame]) -> Choice:
    """The candidate with the least loss; of equal ones, the first.

    Args:
        changes: what each candidate replaces.
        outcomes: ``schema.OUTCOMES`` of each, on the validation stream; no rows of one that diverged.

    Raises:
        InputError: every candidate diverged.
    """
    losses = [_loss(one) for one in outcomes]
    found = [loss for loss in losses if loss is not None]
    if not found:
        raise InputError(f"all {len(losses)} candidates diverged; expected smaller rates in tuning.candidates")
    candidates = (Candidate(changes=dict(one), loss=loss) for one, loss in zip(changes, losses, strict=True))
    return Choice(candidates=tuple(candidates), chosen=losses.index(min(found)))


def read_choice(path: Path) -> Choice:
    """The choice in a JSON file.

    Raises:
        InputError: the file cannot be read, or is none.
    """
    content = read_json(path, "a choice of the tuning")
    try:
        return Choice.model_validate_json(json.dumps(content))  # in JSON a tuple is a list
    except ValidationError as error:
        raise InputError(explain(error, str(path))) from error


def changed(settings: AnySettings, changes: Mapping[str, Any], where: str) -> AnySettings:
    """A method's settings with some of them replaced.

    Raises:
        InputError: an unknown key, or a value out of its range; ``where`` names it.
    """
    return parse(type(settings), json.dumps(merge(settings.model_dump(), changes)), where)


def spelt_changes(changes: Mapping[str, Any]) -> str:
    """``learning_rate 0.01, rows_optimizer sparse``; ``as configured`` where nothing is changed."""
    words = (value if isinstance(value, str) else json.dumps(value) for value in changes.values())
    return ", ".join(f"{key} {word}" for key, word in zip(changes, words, strict=True)) or "as configured"


def _loss(outcomes: pd.DataFrame) -> float | None:
    """Mean loss on the part that is predicted as test part; each interaction counts once per side."""
    test = outcomes[(outcomes["split"] == "test") & (outcomes["side"] == "user")]
    return float(test["loss_sum"].sum() / test["n"].sum()) if len(test) else None
