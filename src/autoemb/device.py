"""Where the training runs."""

import logging

import torch

from autoemb.errors import InputError

log = logging.getLogger(__name__)


def choose(device: str, threads: int) -> str:
    """The device to train on, with the number of CPU threads set.

    Args:
        device: ``auto`` (CUDA where there is one), ``cpu`` or ``cuda``.
        threads: CPU threads; more than there are free cores makes everything slower.

    Raises:
        InputError: ``cuda`` is asked for and there is none.
    """
    torch.set_num_threads(threads)
    found = torch.cuda.is_available()
    if device == "cuda" and not found:
        raise InputError("device = 'cuda': no CUDA device was found; expected one, or device: cpu or auto")
    chosen = "cuda" if found and device != "cpu" else "cpu"
    log.info("device %s, %d CPU thread%s", chosen, threads, "s" if threads > 1 else "")
    return chosen
