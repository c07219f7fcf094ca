"""Caches in front of a replica and in its node, and what they save."""
