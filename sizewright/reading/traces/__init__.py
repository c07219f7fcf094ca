"""Readers of traces: public ones, and a user's own logs."""
