"""Locks of workloads, stacks and clusters, which keep choices until somebody updates them."""
