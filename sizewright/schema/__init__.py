"""JSON schemas of input files and of what `--json` prints, generated from the models."""
