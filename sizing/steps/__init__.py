"""How long a step of a serving engine takes: physics, fitted coefficients, bands."""
