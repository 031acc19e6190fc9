"""What a config says of its streams that tables must know: which of them restart their counts, and what varies."""

from autoemb.analysis import published
from autoemb.analysis.claims.observations import levels_stream
from autoemb.analysis.tables.ablation import trial_stream
from autoemb.experiment.grid import Grid


def restarting(grid: Grid) -> list[str]:
    """Streams whose counts do not say in the test part how rare an id is."""
    return [name for name, stream in grid.config.streams.items() if stream.popularity == "restart"]


def permuted(grid: Grid) -> list[str]:
    """Streams, popularity levels and trials of the ablation whose replicates have a permutation of their own."""
    names = [name for name, stream in grid.config.streams.items() if stream.permuted]
    levels, ablation = grid.config.levels, grid.ablation
    if levels is not None and levels.permutations == "each":
        names.append(levels_stream(levels.side))
    if ablation is not None:
        trials = [name for name in ablation.methods if ablation.streams[ablation.stream_of(name)].permuted]
        names += map(trial_stream, trials)
    return names


def like_released_code(grid: Grid) -> list[tuple[str, str]]:
    """Data sets and streams that have the order on which the released code was run."""
    order = published.PARITY_ORDER
    return [
        (dataset, stream)
        for dataset, entry in grid.datasets.items()
        for stream, settings in grid.config.streams.items()
        if entry.module == dataset == "ml-1m" and settings.model_dump(include=set(order)) == order
    ]
