"""Commands that write or compare input files and locks."""
