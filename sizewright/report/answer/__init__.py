"""Answers about one state: sizes, comparisons, explanations and the picture of the fleet."""
