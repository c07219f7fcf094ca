"""The Pulumi program: the infrastructure for the workloads of the stack. Add your own below."""

from sizewright import build_stack

build_stack()
