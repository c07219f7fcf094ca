"""How a model is built: its config.json, parameters, layers and memory."""
