"""Waits in front of replicas: of text, of images, and of jobs over a day."""
