"""Parts around the replicas of one service: engine flags, disks, stores, access, verdict."""
