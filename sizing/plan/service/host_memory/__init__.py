"""KV cache of a replica in the host memory of its node."""
