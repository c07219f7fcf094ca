"""Reading of input files: YAML with positions, locks, config.json, and their faults."""
