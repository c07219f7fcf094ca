"""What do the cheapest pools for prompts and answers cost, and is that less than one pool?"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

from sizing.compare.disaggregation.candidate import candidates, exchange
from sizing.compare.disaggregation.pools import (
    Cells,
    RolePool,
    cells_of,
    decode_replicas,
    least_prefill_replicas,
    prefill_replicas,
    prompt_wait_s,
    role_pool,
)
from sizing.compare.disaggregation.transfer import PromptCache, transfer_wait_s
from sizing.hardware.ranking import Option
from sizing.replica.calibrated import targets_of_case
from sizing.replica.case import Case
from sizing.replica.rate import Targets
from sizing.replica.traffic import Rates
from sizing.workload import Method, Precision, Redundancy, Workload


@dataclass(frozen=True)
class Pair:
    """A pool of prefill replicas and a pool of decode replicas that reads their caches."""

    prefill: RolePool
    decode: RolePool
    cells: Cells
    load: float
    """Requests per second of one zone."""
    targets: Targets
    redundancy: Redundancy

    @property
    def usd_per_month(self) -> Fraction:
        return self.prefill.usd_per_month + self.decode.usd_per_month

    @property
    def rank(self) -> tuple[Fraction, object, object]:
        """Sort key: the cheapest pair first."""
        return self.usd_per_month, self.decode.rank, self.prefill.rank

    @property
    def precision(self) -> Precision:
        """Precision of the weights, which is the same in both pools."""
        return self.decode.candidate.replica.case.facts.precision

    @property
    def cache(self) -> PromptCache:
        """Cache of a prompt that the decode replica reads."""
        return self.decode.candidate.cache

    @property
    def bytes_per_s(self) -> float:
        """Bandwidth of one transfer: that of the slower replica."""
        return min(self.prefill.candidate.bytes_per_s, self.decode.candidate.bytes_per_s)

    @property
    def prompt_s(self) -> float:
        """Seconds of computing the prompt at the required percentile."""
        return self.prefill.candidate.prompt_s(self.targets.share)

    @cached_property
    def prompt_wait_s(self) -> float:
        """Seconds that a prompt waits for a prefill replica."""
        pool, share = self.prefill, self.targets.share
        return prompt_wait_s(pool.candidate, pool.replicas, self.load, share)

    @property
    def transfer_s(self) -> float:
        """Seconds of the transfer of the cache at the required percentile."""
        return self.cache.bytes / self.bytes_per_s

    @cached_property
    def transfer_wait_s(self) -> float:
        """Seconds that a cache waits for others at its decode replica."""
        candidate = self.decode.candidate
        mean_s = self.cache.mean_bytes / candidate.bytes_per_s
        variation = candidate.lengths.queue_variation[0]
        return transfer_wait_s(mean_s, self.decode_load, self.targets.share, variation)

    @cached_property
    def first_step_s(self) -> float:
        """Seconds of the decode replica until the first token."""
        return self.decode.candidate.first_step_s(self.decode_load, self.targets.share)

    @property
    def ttft_s(self) -> float:
        """Seconds to the first token. Basis: arithmetic; the sum of percentiles is not below the
        percentile of the sum here."""
        return self.prompt_s + self.prompt_wait_s + self.after_prefill_s

    @property
    def after_prefill_s(self) -> float:
        """Seconds from the end of the prompt's computation to the first token."""
        return self.transfer_s + self.transfer_wait_s + self.first_step_s

    @cached_property
    def tpot_s(self) -> float:
        """Seconds between two tokens of an answer."""
        times = self.decode.candidate.decode
        return times.tpot_s(times.server.at(self.decode_load), self.targets.share)

    @property
    def decode_load(self) -> float:
        """Requests per second of one decode replica."""
        return self.load / self.decode.replicas

    def prefill_within_ttft(self, *, shared_queue: bool = True) -> RolePool | None:
        """Return the prefill pool with enough replicas for the target; None where none are."""
        pool, ttft = self.prefill, self.targets.ttft_s
        if ttft is None:
            return pool
        budget = ttft - self.prompt_s - self.after_prefill_s
        least, share = pool.least_replicas, self.targets.share
        count = prefill_replicas(
            pool.candidate, least, self.load, share, budget, shared_queue=shared_queue
        )
        if count is None:
            return None
        counts = {**pool.replicas_by_constraint, "ttft": count}
        return role_pool(pool.candidate, counts, self.cells, self.redundancy)

    def network_share(self, pool: RolePool) -> float:
        """Share of the usable bandwidth that the transfers of a pool's replica use."""
        bandwidth = pool.candidate.bytes_per_s
        return self.load / pool.replicas * self.cache.mean_bytes / bandwidth

    @property
    def measured(self) -> bool:
        """True where both replicas' step times were measured."""
        pools = (self.prefill, self.decode)
        return all(pool.candidate.steps.evidence.is_measured for pool in pools)


@dataclass(frozen=True)
class Disaggregation:
    """Cheapest pair of pools, where it pays, and the cheapest single pool for both."""

    single: Option | None
    """Cheapest option for prompts and answers together; None where none meets every target."""
    pair: Pair | None = None
    """Cheapest pair that costs less than the single option, or that alone meets every target."""
    refused: str | None = None
    """Reason why no pair is reported."""

    @property
    def saving_usd_per_month(self) -> Fraction | None:
        """USD a month that the pair saves; None where no single option meets every target."""
        cost = self.single.usd_per_month if self.single is not None else None
        return None if self.pair is None or cost is None else cost - self.pair.usd_per_month


def disaggregation(case: Case, rates: Rates, single: Option | None) -> Disaggregation:
    """Return the cheapest pair of pools for prompts and answers, where it pays.

    Each pool has its replicas, its nodes and the same redundancy. The caches of prompts travel over
    the network between them. Basis: exact over all types with EFA, precisions and sizes.
    """
    refused = why_together(case.workload)
    if refused is None and single is not None and single.usd_per_month is None:
        refused = "the price of the cheapest single option is unknown"
    if refused is not None:
        return Disaggregation(single, refused=refused)
    pair = _Search(case, rates).cheapest()
    if pair is None:
        return Disaggregation(single, refused="no two pools with EFA meet the targets")
    cost = single.usd_per_month if single is not None else None
    if cost is None or pair.usd_per_month < cost:
        return Disaggregation(single, pair)
    more = float(pair.usd_per_month - cost)
    return Disaggregation(
        single, refused=f"the cheapest two pools cost {more:,.0f} USD a month more than one"
    )


def why_together(workload: Workload) -> str | None:
    """Return why a workload's prompts and answers are not computed apart; None where they can."""
    capacity, latency, hardware = workload.capacity, workload.latency, workload.hardware
    if capacity is None or capacity.method is not Method.calibrated:
        return "only capacity.method calibrated knows the time of a prompt alone"
    if latency is None or latency.ttft_ms is None:
        return "without latency.ttft_ms, a pool of its own for prompts saves nothing"
    if workload.request.turns > 1:
        return "the caches of earlier turns are on the replica that computed the answer"
    if workload.request.output_mean is None or workload.request.output_mean <= 1:
        return "an answer of one token needs no decode replica"
    if hardware is not None and hardware.nodes_per_replica not in (None, 1):
        return "a replica spans several nodes"
    return None


class _Search:
    """Pairs of pools, sized in the order of a lower bound of their cost."""

    def __init__(self, case: Case, rates: Rates) -> None:
        self.redundancy = case.workload.redundancy
        self.targets = targets_of_case(case.workload)
        capacity = case.workload.capacity
        self.load = float(rates.mean if capacity is None else rates.at(capacity.load))
        self.candidates = list(candidates(case))
        self.decoders = dict[tuple[int, Cells], RolePool | None]()

    def cheapest(self) -> Pair | None:
        """Return the cheapest pair that meets the targets."""
        least: Pair | None = None
        for bound in sorted(self._bounds(), key=lambda pair: pair.rank):
            if least is not None and bound.usd_per_month > least.usd_per_month:
                break
            pair = self._within_ttft(bound)
            if pair is not None and (least is None or pair.rank < least.rank):
                least = pair
        return least

    def _bounds(self) -> Iterator[Pair]:
        """Pairs whose prefill pool has only the replicas that its utilisation requires."""
        for index, decode in enumerate(self.candidates):
            for prefill in self.candidates:
                both = set(decode.seller.zones) & set(prefill.seller.zones)
                cells = cells_of(len(both), self.redundancy)
                if cells is None or not exchange(prefill, decode):
                    continue
                answers = self._decoder(index, cells)
                if answers is None:
                    continue
                load, sent = self.load / cells.left, decode.cache.mean_bytes
                counts = least_prefill_replicas(prefill, load, self.targets, sent)
                prompts = role_pool(prefill, counts, cells, self.redundancy)
                yield Pair(prompts, answers, cells, load, self.targets, self.redundancy)

    def _decoder(self, index: int, cells: Cells) -> RolePool | None:
        key = index, cells
        if key not in self.decoders:
            candidate = self.candidates[index]
            counts = decode_replicas(candidate, self.load / cells.left, self.targets)
            self.decoders[key] = (
                None if counts is None else role_pool(candidate, counts, cells, self.redundancy)
            )
        return self.decoders[key]

    def _within_ttft(self, bound: Pair) -> Pair | None:
        """Return the pair with enough prefill replicas for the target; None where none are."""
        prompts = bound.prefill_within_ttft()
        return None if prompts is None else replace(bound, prefill=prompts)
