"""How many nodes does a fleet have: packing, redundancy, zones and capacity sources?"""
