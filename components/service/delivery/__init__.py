"""Delivery of results: a content delivery network, and the function that signs addresses."""
