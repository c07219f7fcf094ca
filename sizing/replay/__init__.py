"""Replay of a trace of requests through a sized fleet."""
