"""Explanations of the numbers that services share."""
