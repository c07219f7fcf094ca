"""Stages in front of an image or video model, and the services that they add."""
