"""What all tests share."""

import pytest
import torch


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Small tensors: more threads only make the tests slower."""
    torch.set_num_threads(1)
