"""What does a workload cost on each instance type or on a mix, and what doubles it?"""
