"""Which instance type serves a workload: offers, options, the choice and the nearest others?"""
