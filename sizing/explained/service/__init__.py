"""Explanations of the numbers of one service."""
