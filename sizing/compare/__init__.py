"""What a workload costs on every instance type, on a mix of types, and what doubles it."""
