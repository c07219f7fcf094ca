"""Measured serving runs: how they are read, and what the step model says of them."""
