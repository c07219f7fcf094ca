"""What the services of one stack share: network, addresses, cluster, names and pinned versions."""
