"""Base of every part of a plan, and the reasons against an option."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    """Frozen part of a plan."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")


class Reason(StrEnum):
    memory = "memory"
    """Weights and one request do not fit on the cards."""
    host_memory = "host_memory"
    """The host memory of a replica holds no cache of one request."""
    gpu_memory_minimum = "gpu_memory_minimum"
    """The card has less memory than the workload requires."""
    engine = "engine"
    """The engine does not run this precision on this GPU."""
    offering = "offering"
    """The region or zone does not sell the instance type."""
    zones = "zones"
    """There are too few zones for the required redundancy."""
    tensor_parallel = "tensor_parallel"
    """The model's heads or the node's GPUs are not divisible by this number."""
    interconnect = "interconnect"
    """Nodes of this type have no fast path between them."""
    gateway_limit = "gateway_limit"
    """The load balancer does not wait for the longest answer."""
    keep_alive = "keep_alive"
    """The engine may close an idle connection before the load balancer does."""
    latency = "latency"
    """No rate meets the latency targets, not even the smallest."""
    more_expensive = "more_expensive"
    """Another option costs less."""
    unknown_price = "unknown_price"
    """The price is unknown. An unknown price never counts as zero."""
    volume_limit = "volume_limit"
    """A volume or the instance cannot read that fast."""
    local_storage = "local_storage"
    """The node's own disks hold the weights, or cannot hold them."""
    no_job_api = "no_job_api"
    """Nothing accepts the jobs of the service."""
    store_limit = "store_limit"
    """The data exceed the store."""
    not_binding = "not_binding"
    """Another rule requires more."""
    unknown_fact = "unknown_fact"
    """The catalog lacks the fact, and no value is guessed."""
    stale_lock = "stale_lock"
    """The lock was made for another model or instance type."""
    nearest = "nearest"
    """The nearest feasible change, which is not made automatically."""
    one_cluster = "one_cluster"
    """One cluster cannot hold the nodes."""
    not_in_this_version = "not_in_this_version"
    """The product does not size or build this yet."""


class Rejected(Part):
    """Option that was not taken, with the numbers that explain it."""

    option: str
    """Name of the option."""
    reason: Reason
    """Reason in one word."""
    numbers: str
    """Reason in numbers."""
    instance_type: str | None = None
    """Type that was not taken; null where the option is not a type."""
    zone: str | None = None
    """Zone that was not taken; null where the option is not a zone."""
