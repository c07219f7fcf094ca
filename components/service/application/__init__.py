"""Application in front of the engines of a service."""
