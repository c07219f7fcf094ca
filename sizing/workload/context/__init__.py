"""Which documents does a service answer from?"""
