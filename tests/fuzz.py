"""``python -m tests.fuzz --seconds 600``: the properties of the readers, each over new generated files, in turn.

A failing case is shown, made as small as it goes, and the exit status is 1.
"""

import argparse
import itertools
import time
import warnings

from hypothesis import seed, settings
from tqdm import tqdm

from .generated import PROPERTIES

EXAMPLES = 200
"""Of a property before it is the next one's turn."""


def main() -> None:
    """Go on until the time is up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 2**32, help="where the dice begin")
    arguments = parser.parse_args()
    warnings.simplefilter("error")
    settings.register_profile("fuzz", max_examples=EXAMPLES, deadline=None, database=None)
    settings.load_profile("fuzz")
    print(f"seed {arguments.seed}, {arguments.seconds:g} s")
    start, rounds = time.monotonic(), dict.fromkeys((prop.__name__ for prop in PROPERTIES), 0)
    with tqdm(unit="example", disable=None) as bar:
        for number, prop in enumerate(itertools.cycle(PROPERTIES)):
            if time.monotonic() - start > arguments.seconds:
                break
            seed(arguments.seed + number)(prop)()
            rounds[prop.__name__] += EXAMPLES
            bar.update(EXAMPLES)
    for name, count in rounds.items():
        print(f"{name}: {count:,} examples, none failed")


if __name__ == "__main__":
    main()
