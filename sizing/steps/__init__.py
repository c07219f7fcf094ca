"""How long does a step of a serving engine take: physics, fitted coefficients, bands?"""
