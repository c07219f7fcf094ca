"""Sizes services without side effects: each function takes values and returns values."""
