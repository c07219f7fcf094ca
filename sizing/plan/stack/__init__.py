"""Parts of the plan that services share."""
