"""Models of what each command prints with `--json`; `docs/schema/` contains their schemas."""
