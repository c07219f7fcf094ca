"""One service: gateway, replicas, weights and stores."""
