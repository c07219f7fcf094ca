"""Explanations of the network."""

from sizing.explained.entry import Registry, log_days
from sizing.plan.stack.network import NetworkPlan

NETWORK: Registry = {
    NetworkPlan: {
        "flow_log_days": log_days("the network's flow logs"),
    },
}
