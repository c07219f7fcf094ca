"""Differences between two states as values: leaves, resources, dangers and locks."""
