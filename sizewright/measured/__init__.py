"""Measured serving runs: their files, and the predictions of the step model for them."""
