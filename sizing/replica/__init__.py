"""What one replica, and one GPU of it, serves: traffic, lengths, queueing, rates."""
