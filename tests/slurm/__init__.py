"""The workflow on a real SLURM: a cluster of one machine, started for it and stopped afterwards."""
