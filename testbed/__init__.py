"""Real tools for tests: the Pulumi engine, and stand-ins for the clouds that it drives."""
