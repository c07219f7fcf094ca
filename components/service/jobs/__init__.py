"""Queued services: the parts that accept jobs and hand them to workers."""
