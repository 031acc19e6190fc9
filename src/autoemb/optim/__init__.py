"""Optimisers: dense Adam over every row of every table."""
