"""Where do services run? One site is one stack, which its services share."""

from sizing.site.whole import LOG_DAYS, Environment, Site

__all__ = ["LOG_DAYS", "Environment", "Site"]
