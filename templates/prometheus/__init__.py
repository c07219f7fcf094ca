"""Configuration of the Prometheus of a cluster, and of its Alertmanager, as values."""
