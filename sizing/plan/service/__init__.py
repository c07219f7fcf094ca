"""The parts of the plan that belong to one service."""
