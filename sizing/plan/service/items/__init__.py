"""Plan of images and clips, and of their jobs."""
