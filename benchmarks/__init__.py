"""Benchmarks of the training engine: timings, which are never tests."""
