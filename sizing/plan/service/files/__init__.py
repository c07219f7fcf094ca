"""Files that a service makes and keeps: images and clips."""
