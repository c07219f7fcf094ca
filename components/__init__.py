"""Infrastructure, one noun per file: a slice of the plan in, resources out."""
