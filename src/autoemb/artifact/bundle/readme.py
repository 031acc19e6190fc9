"""What a person reads first in an archive: what it is, how to run it again, whose it is."""

import importlib.metadata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autoemb.artifact.files import read_json

_TEXT = """\
Results of autoemb {version}: a reproduction of AutoEmb (Zhao et al., ICDM 2021) on {datasets}.

in results/{name}:
  tables            csv has everything; md and tex are for people
  figures           pdf, svg, png
  notebooks         executed: what each question's answer is here, and the code that drew it
  provenance        one record per job: what it used and made (SHA-256), settings, code, package versions, device, times
  runs              of each training, its record (run.json)
config.yaml         the config that was run; config.resolved.json has every setting, with who set it and what it is
ro-crate-metadata.json   the same for machines: an RO-Crate 1.1 (https://w3id.org/ro/crate)
all else            the source ({commit})

AGAIN

    bash rerun.sh           makes an environment from the pins (.venv), runs the config, compares every table
    bash rerun.sh --here    the same with the Python on PATH, which must have the packages

Results come to rerun/results. On the same kind of machine the tables are the same byte for byte; elsewhere the last
digits may differ, as arithmetic in another order does. `autoemb verify --present results` holds what is here to its
records.

RATINGS ARE NOT IN HERE, but for those that the package ships: neither the data sets nor interactions, streams or splits
made of them. A rerun downloads or generates them again; a data set that the config reads from a local file (`archive`)
is expected at that path, seen from the folder rerun.

{data}
LICENCE

The code is under the MIT licence (LICENSE). Tables and figures are derived from the data sets above, each under its
own.

CITATION

CITATION.cff has the paper and the data that the code comes with; cite the data sets that were used as above.
"""


def readme(results: Path, config: Mapping[str, Any], commit: str | None) -> str:
    """The text of README.txt.

    Args:
        results: folder of the results; what it says of the data sets' licences is taken over.
        config: as it was run.
        commit: of the checkout.
    """
    return _TEXT.format(
        name=results.name,
        version=importlib.metadata.version("autoemb"),
        commit=f"commit {commit}" if commit else "of no commit",
        datasets=", ".join(config["datasets"]),
        data="".join(_dataset(results / "interactions" / f"{name}.counts.json", name) for name in config["datasets"]),
    )


def _dataset(counts: Path, name: str) -> str:
    """A data set's title, licence and citation, as the run has it."""
    if not counts.is_file():
        return f"{name}\n\n"
    said = read_json(counts)
    return f"{name}: {said['title']}\n    licence: {said['licence']}\n    cite: {said['citation']}\n\n"
