"""What a config asks for: its grid of data sets, streams, methods and tasks, its protocols, and its ablation."""
