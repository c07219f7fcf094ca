"""A running service compared with its plan, as `sizewright observe --json` prints it."""
