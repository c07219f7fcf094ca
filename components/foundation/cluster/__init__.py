"""The EKS cluster, made here or used, and the access to it."""
