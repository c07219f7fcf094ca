"""The EKS cluster, made here or used, and who may enter it."""
