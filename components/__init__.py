"""Infrastructure, one noun per file: each creates the resources of a slice of the plan."""
