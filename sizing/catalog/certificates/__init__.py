"""Certificates of authorities that clients verify."""
