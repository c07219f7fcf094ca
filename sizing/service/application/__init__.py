"""Application in front of a service's engines."""
