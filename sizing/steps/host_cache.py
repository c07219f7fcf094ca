"""Which part of a prompt is copied from host memory instead of computed, and how fast?"""

from dataclasses import dataclass

from sizing.catalog.bands import MEDIAN

COPY_SHARE = 0.65
"""Share of a link's nominal rate that copies of KV cache reach in one direction.

Basis: measured on one H100 with PCIe 5 and blocks of 2 MB: 83.4 GB/s in both directions together,
of 128 (vLLM blog, 2026-01-08). Other links are assumed to reach the same share. A replica stores
new KV cache while it loads, so the rate of both directions counts.
"""


@dataclass(frozen=True)
class HostCache:
    """KV cache in host memory, with the share of a prompt's uncached tokens that it has."""

    low: float = 0.0
    """Conservative end of the share."""
    expected: float = 0.0
    """Share as the workload states it."""
    high: float = 0.0
    """Optimistic end of the share."""
    copy_ms_per_token: float = 0.0
    """Milliseconds to copy one token's KV cache to the cards of the replica."""

    def hit_ratio(self, quantile: float) -> float:
        """Share at a quantile of the bands: the conservative end above the median, the optimistic
        one below it.

        Basis: the rule of decision 47, by which one quantile sizes the service.
        """
        if quantile == MEDIAN:
            return self.expected
        return self.low if quantile > MEDIAN else self.high


NO_HOST_CACHE = HostCache()
"""A replica that caches on its GPUs only."""


def copy_ms_per_token(
    kv_bytes_per_token: int, copies: float, cards: int, link_gb_per_s: float
) -> float:
    """Milliseconds to copy one token's KV cache from host memory.

    bytes x copies / (cards x GB/s x 0.65 x 10^6): each card copies its own part

    Basis: arithmetic with the vendor's rate and a measured share of it.
    """
    return kv_bytes_per_token * copies / (cards * link_gb_per_s * COPY_SHARE * 1e6)
