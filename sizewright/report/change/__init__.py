"""Changes for a reviewer: differences, figures before and after, and the comment."""
