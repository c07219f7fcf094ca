"""Parts of the plan that belong to one service."""
