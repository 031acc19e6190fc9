#!/usr/bin/env bash
# Run the config of this archive again, and compare every table with the archive's.
#   bash rerun.sh          first makes an environment from the pins, in .venv
#   bash rerun.sh --here   uses the python on PATH, or $PYTHON, with the source of this archive
# Further words go to snakemake; a rule or a file among them is made instead of everything. CORES: how many (all).
set -euo pipefail
cd "$(dirname "$0")"
if [ "${1:-}" = --here ]; then
    shift
    python=${PYTHON:-python}
else
    for one in ${PYTHON:-python3.11 python3.12 python3.13 python3}; do
        [ -x .venv/bin/python ] || ! command -v "$one" >/dev/null || "$one" -m venv .venv
    done
    .venv/bin/pip install --quiet --constraint constraints.txt --editable .
    python=.venv/bin/python
fi
export PYTHONPATH="$PWD/src${PYTHONPATH:+:$PYTHONPATH}"
mkdir -p rerun
"$python" -m snakemake --snakefile "$PWD/Snakefile" --configfile "$PWD/config.yaml" --directory rerun \
    --cores "${CORES:-all}" "$@"

same=0 other=0
for table in results/*/tables/*; do
    if [ $# -gt 0 ] && [ ! -e "rerun/$table" ]; then
        continue # it was not asked for
    elif cmp -s "$table" "rerun/$table"; then
        same=$((same + 1))
    else
        echo "$table: differs from rerun/$table"
        other=$((other + 1))
    fi
done
echo "$same tables are the same, $other differ"
[ "$other" -eq 0 ] && [ "$same" -gt 0 ]
