"""Kubernetes documents and node scripts, rendered from a plan as text."""
