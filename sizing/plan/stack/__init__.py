"""The parts of the plan that services share."""
