"""These modules read a stack: its file, its workload files and their locks, and its plan."""
