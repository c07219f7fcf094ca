"""Which store keeps which data of a service, and how large are they?"""
