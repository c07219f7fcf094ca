"""What changes between two states, as values: leaves, resources, dangers, locks."""
