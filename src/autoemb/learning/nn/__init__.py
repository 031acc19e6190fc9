"""The models as functions of their parameters, with a leading replicate axis.

Axes: S seeds (replicates), B batch, K candidate sizes, D width, C channels. Vectors of a batch stand as
(S, C, B), the batch last: a BatchNorm then reduces over neighbours in memory, and the two sides (users
first, then items) can be computed as one. Nothing is ever reduced over S.
"""
