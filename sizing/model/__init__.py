"""How is a model built: its config.json, parameters, layers and memory?"""
