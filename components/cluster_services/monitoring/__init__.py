"""Metrics that a cluster keeps, and the delivery of its alerts."""
