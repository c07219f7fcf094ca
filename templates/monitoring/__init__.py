"""Alerts and dashboards of a plan, for the Prometheus and the Grafana that watch its stack."""
