"""From a publisher's bytes to a stream."""
