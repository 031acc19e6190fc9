"""Layers with a leading replicate axis.

Axes: S seeds (replicates), B batch, K candidate sizes, D width, V rows of a table. The seeds of a run
share the stream, so one index vector (B,) gathers for all of them; nothing is ever reduced over S.
"""
