"""Several pools instead of one, as `sizewright compare --json` prints them."""
