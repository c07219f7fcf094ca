"""Locks of workloads, stacks and clusters, which keep choices until an update."""
