"""Explanations of images and clips, and of their jobs."""
