"""Explanations of the application in front of a service's engines."""
