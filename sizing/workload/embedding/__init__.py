"""What may a workload state whose answers are vectors?"""
