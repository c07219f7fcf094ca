"""Real tools for tests: the Pulumi engine, and stand-ins for its cloud providers."""
