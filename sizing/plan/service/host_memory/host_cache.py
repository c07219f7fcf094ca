"""KV cache of a replica in the host memory of its node."""

from sizing.plan.part import Part
from sizing.values.exact import Number


class HostHitsPlan(Part):
    """Effect of one end of the share of hits, at the estimate that sizes the service."""

    name: str
    """End of the share: low, expected or high."""
    hit_ratio: Number
    """Share of the prompt tokens that the GPU's cache lacks and the host memory has."""
    tokens: Number
    """Tokens of the mean prompt that come from host memory."""
    computing_ms: Number
    """Milliseconds to compute these tokens."""
    copying_ms: Number
    """Milliseconds to copy their KV cache to the GPUs."""
    saved_ms: Number
    """Milliseconds that a prompt saves; 0 where copying takes longer than computing."""
    gpus_needed: int | None
    """GPUs needed with this share, without spares; null where no rate meets the targets."""

    @property
    def saves_nothing(self) -> bool:
        """True where tokens hit and copying them takes longer than computing them."""
        return bool(self.tokens) and not self.saved_ms


class HostCachePlan(Part):
    memory_mib: int
    """MiB of host memory of one replica."""
    engine_mib: int
    """MiB of it that the engine itself takes."""
    gib: int
    """GiB of the cache, for all GPUs of the replica together."""
    tokens: int
    """Tokens whose KV cache fits."""
    context_bytes: int
    """Bytes of KV cache of the longest sequence."""
    link_gb_per_s: Number
    """GB/s of the link between host memory and one GPU, in one direction; nominal."""
    link_source: str
    """Source of that figure."""
    link_was_read: bool
    """False where the figure was recalled or derived, not read in a document."""
    gpus_needed_without: int | None
    """GPUs needed without the cache, without spares; null where no rate meets the targets, or
    where the calibrated method does not cover the service."""
    hits: tuple[HostHitsPlan, ...]
    """Ends of the share of hits, conservative one first; empty where the calibrated method does not
    cover the service."""
