"""Requests that one application passes to several models, and the services of those models."""
