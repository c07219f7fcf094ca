"""What `--json` of each command prints, as models: the schemas in `docs/schema/` are theirs."""
