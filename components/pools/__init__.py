"""Node pools: GPU nodes, burst nodes and system nodes."""
