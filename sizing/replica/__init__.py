"""What does one replica, and one GPU of it, serve: traffic, lengths, queueing, rates?"""
