"""The network: VPC, subnets, endpoints, flow logs, ingress rules."""
