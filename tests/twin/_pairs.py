"""Parameters of a twin beside those of one seed of the fast method, which keeps both sides' in one tensor."""

from typing import Any

from torch import Tensor, nn

from ._common import embeddings

Pairs = list[tuple[Tensor, Tensor]]
WHOLE = slice(None)


class Fast:
    """One seed of a fast method: by name, its dense parameters and the rows of its tables."""

    def __init__(self, method: Any, seed: int) -> None:
        self.shape, self.sizes = method.shape, method.sizes
        self.dense = {name: each.value[seed] for group in method.dense.values() for name, each in group.items()}
        self.rows = {name: table.values()[seed] for name, table in method.tables.items()}

    def by_id(self, name: str) -> tuple[Tensor, Tensor]:
        """The users' rows and the items' of a table that is looked up by the ids."""
        users, items = self.rows[name].split([self.shape.users, self.shape.items])
        return users, items

    def by_popularity(self, name: str) -> tuple[Tensor, Tensor]:
        """The users' rows and the items' of a table that is looked up by popularity, from 0 on."""
        users, items = self.rows[name].split([self.shape.user_popularity + 1, self.shape.item_popularity + 1])
        return users, items


def norm_pairs(norm: Any, fast: Fast, name: str, half: slice = WHOLE) -> Pairs:
    """Of a BatchNorm, which may be a side's half of the fast method's."""
    return [(getattr(norm, part), fast.dense[f"{name}.{part}"][half, 0]) for part in ("weight", "bias")]


def head_pairs(head: nn.Sequential, fast: Fast) -> Pairs:
    """Of the head."""
    norm_in, hidden, norm_hidden, _, out = head
    return [
        *norm_pairs(norm_in, fast, "head.norm_in"),
        (hidden.weight, fast.dense["head.hidden"]),
        *norm_pairs(norm_hidden, fast, "head.norm_hidden"),
        (out.weight, fast.dense["head.out"]),
        (out.bias, fast.dense["head.out_bias"][:, 0]),
    ]


def embedding_pairs(w: nn.Module, fast: Fast) -> Pairs:
    """Of the embeddings of all sizes, which the fast method keeps side by side."""
    pairs = []
    for (_, tables), rows in zip(embeddings(w), fast.by_id("candidates"), strict=True):
        parts = rows.split([table.embedding_dim for table in tables], dim=1)
        pairs += [(table.weight, part) for table, part in zip(tables, parts, strict=True)]
    return pairs


def map_pairs(w: Any, fast: Fast) -> Pairs:
    """Of the maps and BatchNorms of the candidates."""
    pairs = []
    width = max(fast.sizes)
    for number, side in enumerate((w.user, w.item)):
        for k, each in enumerate(side.maps):
            pairs.append((each.weight, fast.dense[f"map.{k}"][number]))
            if f"map_bias.{k}" in fast.dense:
                pairs.append((each.bias, fast.dense[f"map_bias.{k}"][number][:, 0]))
        for k, each in enumerate(side.norms):
            pairs += norm_pairs(each, fast, f"norm.{k}", slice(number * width, (number + 1) * width))
    return pairs


def controller_pairs(theta: Any, fast: Fast) -> Pairs:
    """Of both sides' controllers."""
    pairs = []
    for number, (side, rows) in enumerate(zip((theta.user, theta.item), fast.by_popularity("popularity"), strict=True)):
        hidden, weight = side.first.out_features, side.first.weight
        if side.one_hot:
            pairs.append((weight[:, : side.counts], rows.T))
            weight = weight[:, side.counts :]
        else:
            pairs.append((side.popularity.weight, rows))
            pairs += norm_pairs(side.norm_popularity, fast, "norm_popularity", slice(32 * number, 32 * (number + 1)))
        if weight.shape[1]:
            pairs.append((weight, fast.dense["hidden"][number]))
        pairs += norm_pairs(side.norm_hidden, fast, "norm_hidden", slice(hidden * number, hidden * (number + 1)))
        pairs += [(side.out.weight, fast.dense["out"][number]), (side.out.bias, fast.dense["out_bias"][number][:, 0])]
    return pairs
