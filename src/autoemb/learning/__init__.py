"""How a method goes through a stream: batches, W and Theta, the prequential loop, and what it runs on."""
