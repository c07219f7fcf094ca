"""Gates check the conditions for building a plan."""
