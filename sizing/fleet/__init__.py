"""How many nodes: packing, redundancy, zones and sources of capacity."""
