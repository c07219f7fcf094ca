"""Foundation of every stack: network, cluster, keys, identity and DNS."""
