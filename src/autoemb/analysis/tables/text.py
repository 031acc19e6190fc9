"""Tables and numbers as people read them: Markdown, LaTeX, ``mean ± half-width``."""

import numpy as np
import pandas as pd


def markdown(view: pd.DataFrame) -> str:
    """A pipe table."""
    return view.to_markdown(index=False, disable_numparse=True) + "\n"


def latex(view: pd.DataFrame) -> str:
    """A ``tabular`` with the rules of booktabs."""
    rows = [
        [str(name) for name in view.columns],
        *([str(cell) for cell in row] for row in view.itertuples(index=False)),
    ]
    lines = [" & ".join(map(_escape, row)) + r" \\" for row in rows]
    head = [rf"\begin{{tabular}}{{{'l' * len(view.columns)}}}", r"\toprule", lines[0], r"\midrule"]
    return "\n".join([*head, *lines[1:], r"\bottomrule", r"\end{tabular}"]) + "\n"


def plus_minus(mean: float, high: float, digits: int) -> str:
    """``mean ± half-width``; the mean alone where there is no interval."""
    if np.isnan(mean):
        return ""
    return f"{mean:.{digits}f}" + ("" if np.isnan(high) else f" ± {high - mean:.{digits}f}")


def change(effect: float, high: float) -> str:
    """``+0.0012 ± 0.0003``; zero, where rounded, is ``+0.0000``."""
    if np.isnan(effect):
        return ""
    return f"{effect:+z.4f}" + ("" if np.isnan(high) else f" ± {high - effect:.4f}")


def signed(value: float, metric: str) -> str:
    """A difference with its sign: two digits behind the point for sizes, else four; empty where it is NaN."""
    return "" if np.isnan(value) else f"{value:+z.{2 if metric == 'mean_size' else 4}f}"


def span(low: float, high: float) -> str:
    """An interval of popularity, ``2.8 to 13.2``; an end that is NaN lies beyond the levels: ``up to 13.2``."""
    if np.isnan(low):
        return "all levels" if np.isnan(high) else f"up to {high:.1f}"
    return f"from {low:.1f}" if np.isnan(high) else f"{low:.1f} to {high:.1f}"


def popularity_label(low: int, high: int) -> str:
    """``4-5``, ``3``, or ``185364+`` for the open bin."""
    if high == np.iinfo(np.int32).max:
        return f"{low}+"
    return str(low) if low == high else f"{low}-{high}"


def ranges(rows: pd.DataFrame) -> str:
    """Classes of popularity, neighbours together: ``1 to 15 and 64 to 127``.

    Args:
        rows: ``popularity_low`` and ``popularity_high`` of each, both included.
    """
    spans: list[list[int]] = []
    for low, high in sorted(zip(rows["popularity_low"], rows["popularity_high"], strict=True)):
        if spans and spans[-1][1] + 1 == low:
            spans[-1][1] = int(high)
        else:
            spans.append([int(low), int(high)])
    return " and ".join(popularity_label(*each).replace("-", " to ") for each in spans)


def _escape(cell: str) -> str:
    r"""LaTeX text: ``**bold**`` becomes ``\textbf``, ``±`` a sign, and special characters are quoted."""
    for plain, quoted in (("&", r"\&"), ("%", r"\%"), ("_", r"\_"), ("#", r"\#"), ("±", r"$\pm$")):
        cell = cell.replace(plain, quoted)
    cell = cell.replace("~", r"$\sim$").replace("<", "$<$")
    return rf"\textbf{{{cell[2:-2]}}}" if cell.startswith("**") else cell
