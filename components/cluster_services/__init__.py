"""Controllers and plugins that run in the cluster for all services."""
