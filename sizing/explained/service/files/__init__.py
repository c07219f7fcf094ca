"""Explanations of the files that a service makes and keeps."""
