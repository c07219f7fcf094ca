"""Where services run: one site is one stack, shared by its services."""

from sizing.site.whole import LOG_DAYS, Environment, Site

__all__ = ["LOG_DAYS", "Environment", "Site"]
