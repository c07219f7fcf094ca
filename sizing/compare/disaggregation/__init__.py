"""Would separate replicas for prompts and for answers be cheaper than replicas for both?"""
