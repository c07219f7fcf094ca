"""Explanations by part and field of the plan: each file explains the plan file of its name."""
