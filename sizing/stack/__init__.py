"""Shared parts of one stack: network, addresses, cluster, names and pinned versions."""
