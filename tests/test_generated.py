"""The readers over generated files, briefly; ``make fuzz`` goes on for as long as it is told."""

import pytest
from hypothesis import settings

from .generated import PROPERTIES


@pytest.mark.parametrize("prop", PROPERTIES, ids=lambda prop: prop.__name__)
def test_property(prop):
    settings(max_examples=60, deadline=None)(prop)()
