"""How does a running service compare with its plan?"""
