"""Images and clips: the item, the jobs of a queued service, and the other way of serving."""
