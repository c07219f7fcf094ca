"""Explanations of the network."""

from sizing.explained.entry import Explainer, log_days

NETWORK: dict[str, Explainer] = {
    "network.flow_log_days": log_days("the network's flow logs"),
}
