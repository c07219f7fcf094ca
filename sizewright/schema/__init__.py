"""JSON schemas of what users write and of what `--json` prints, made from the models."""
