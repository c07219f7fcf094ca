"""Images and clips in a workload: their queue, and the fields that they have."""
