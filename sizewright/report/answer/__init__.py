"""Answers of one state: sizes, comparisons, explanations, the fleet as a picture."""
