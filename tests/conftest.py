"""What all tests share."""

import pytest
import torch

from tests.browser import Browser


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Small tensors: more threads only make the tests slower."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """A headless Chromium; what needs it is skipped on a machine without one."""
    made = Browser(tmp_path_factory.mktemp("chromium") / "profile")
    yield made
    made.close()
