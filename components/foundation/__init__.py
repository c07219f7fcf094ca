"""What every stack stands on: network, cluster, keys, identity and DNS."""
