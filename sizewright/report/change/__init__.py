"""Changes for a reviewer: differences, figures before and after, the comment."""
