"""What a step runs on: CPU or GPU, eager, compiled or captured."""
