"""How many bytes of KV cache follow a prompt to another replica, and how long do they travel?"""

from bisect import bisect_left
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate

from sizing.catalog import InstanceType
from sizing.catalog.architecture import Architecture
from sizing.model.memory import kv_copies
from sizing.replica.case import gpus_per_node
from sizing.replica.lengths import Lengths
from sizing.replica.queues.queueing import BatchServer
from sizing.replica.rate import TINY
from sizing.values.units import GB

USABLE_NETWORK = 0.8
"""Share of a node's network bandwidth that transfers reach. Basis: assumed; nobody has published
the rate of KV transfers over EFA for each type."""
BITS_PER_BYTE = 8


@dataclass(frozen=True)
class PromptCache:
    """Bytes of the KV cache of a whole prompt, all copies included.

    Basis: arithmetic; a cached prefix is included, though the receiver may have it already.
    """

    mean_bytes: float
    tokens: float
    """Tokens of the prompt that the required share of requests does not exceed."""
    bytes: float
    """Bytes of that prompt's cache."""
    copies: float
    """Copies of the same bytes that the cards of the receiver read."""


def prompt_cache(
    shape: Architecture, kv_precision: str, lengths: Lengths, share: float, tensor_parallel: int
) -> PromptCache:
    """Return the cache that a decode replica reads, for the mean prompt and for the prompt at that
    share of requests.

    KV bytes of a sequence x copies: each card of the receiver reads its heads once, and a
    compressed cache is whole on every card

    Basis: vendor for the copies (vLLM's NixlConnector compatibility matrix, read 2026-11).
    """
    copies = float(kv_copies(shape, tensor_parallel))
    sizes = [
        copies * float(shape.kv_bytes_of_sequence(Fraction(tokens), kv_precision))
        for tokens, _ in lengths.prompts
    ]
    shares = [part for _, part in lengths.prompts]
    mean = sum(part * size for part, size in zip(shares, sizes, strict=True))
    index = bisect_left(list(accumulate(shares))[:-1], share - TINY)
    return PromptCache(mean, lengths.prompts[index][0], sizes[index], copies)


def transfer_wait_s(mean_s: float, arrivals_per_s: float, share: float, variation: float) -> float:
    """Seconds that this share of caches waits at most behind others at the receiver.

    Basis: arithmetic (M/G/1 over the receiver's share of the network).
    """
    if mean_s <= 0:
        return 0.0
    return BatchServer(1.0, (mean_s,), 0.0, variation).at(arrivals_per_s).slot_wait_s(share)


def replica_bytes_per_s(instance: InstanceType, tensor_parallel: int) -> float | None:
    """Bytes per second of one replica's share of its node's network; None without EFA.

    Gbit/s of the node x usable share / replicas of a node

    Basis: vendor (data/instance_types.csv); the replicas of a node transfer at the same time.
    """
    if not instance.efa_interfaces or instance.network_gbit_per_s is None:
        return None
    replicas = gpus_per_node(instance) // tensor_parallel
    return float(instance.network_gbit_per_s) * GB / BITS_PER_BYTE * USABLE_NETWORK / replicas
