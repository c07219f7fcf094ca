"""Commands for checks, operation and integration."""
