"""What runs in the cluster for all services: controllers and plugins."""
