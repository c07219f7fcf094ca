"""Registry of explanations, by leaf path: one file for each part of the plan."""
