"""These modules read input files: YAML with positions, locks and config.json, and their faults."""
