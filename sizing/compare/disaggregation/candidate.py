"""Which replicas could compute prompts alone or answers alone, and how long does each take?"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from sizing.catalog import InstanceType
from sizing.catalog.architecture import Architecture
from sizing.compare.class_pools import Replica, Seller, replicas_of
from sizing.compare.disaggregation.transfer import PromptCache, prompt_cache, replica_bytes_per_s
from sizing.model.memory import Fit, fit
from sizing.replica.calibrated import bought_quantile, lengths_apart, targets_of_case
from sizing.replica.case import Case, gpus_per_node
from sizing.replica.fit import max_num_seqs
from sizing.replica.lengths import Lengths
from sizing.replica.rate import MS, ReplicaTimes, replica_times
from sizing.steps.model import StepModel

PREFILL_SEQUENCES = 2
"""Sequences that a prefill replica holds at least: one is computed while another one is read."""


@dataclass(frozen=True)
class Candidate:
    """Replica on a type with EFA, and the times of its work by the sizing estimate."""

    replica: Replica
    seller: Seller
    steps: StepModel
    shape: Architecture
    lengths: Lengths
    fit: Fit
    times: ReplicaTimes
    """Times of a replica that computes prompts and answers."""
    alone: ReplicaTimes
    """Times of the same replica with one place."""
    bytes_per_s: float
    """Network bandwidth of the replica."""
    cache: PromptCache
    """Cache of a prompt that this replica reads."""

    @property
    def instance(self) -> InstanceType:
        return self.seller.instance

    @property
    def tensor_parallel(self) -> int:
        return self.replica.tensor_parallel

    @property
    def replicas_per_node(self) -> int:
        return gpus_per_node(self.instance) // self.tensor_parallel

    @property
    def holds_prompts(self) -> bool:
        """True where a prefill replica has memory for its sequences."""
        most = self.fit.max_sequences
        return most is None or most >= PREFILL_SEQUENCES

    @property
    def prefill_s(self) -> float:
        """Seconds of a step with only the mean prompt in it.

        Basis: fitted; reading the weights is added to the arithmetic, although they overlap.
        Prompts are not batched, which overestimates the time of short ones.
        """
        return self.alone.prompt_s + self._step_s

    @property
    def _step_s(self) -> float:
        """Seconds of a whole step of one sequence, without a prompt."""
        return self.alone.decode_s[0] * self.steps.speculation.tokens_per_step

    def prompt_s(self, share: float) -> float:
        """Seconds of a prefill replica, without waits, for the prompt that this share of requests
        does not exceed."""
        return self.alone.first_s(share) * self.alone.first_factor + self._step_s

    @cached_property
    def decode(self) -> ReplicaTimes:
        """Times of a replica whose steps have no prompt."""
        return replace(self.times, prompt_s=0.0, variation=self.lengths.queue_variation[1])

    def first_step_s(self, arrivals_per_s: float, share: float) -> float:
        """Seconds of a decode replica from the arrival of the cache until the first token.

        first token's factor x (request handling + first steps x step)

        Basis: fitted; the request is handled a second time.
        """
        handling_s = self.steps.coefficients.engines[self.steps.engine].first_token_ms * MS
        steps_s = self.decode.first_steps_s(self.decode.server.at(arrivals_per_s), share)
        return self.decode.first_factor * (handling_s + steps_s)


def candidates(case: Case) -> Iterator[Candidate]:
    """Yield each replica on each type with EFA that a known price and known step times allow."""
    workload = case.workload
    lengths, targets = lengths_apart(workload), targets_of_case(workload)
    quantile = bought_quantile(workload)
    for replica in replicas_of(case):
        need, steps, split = replica.case.need, replica.steps, replica.tensor_parallel
        memory = replica.sellers[0].instance.gpu_memory_bytes
        found = fit(need, memory, split)
        if found is None or steps is None or need.shape is None:
            continue
        times = replica_times(steps, lengths, max_num_seqs(workload, found), quantile, targets)
        alone = replica_times(steps, lengths, 1, quantile, targets)
        cache = prompt_cache(need.shape, need.kv_precision, lengths, targets.share, split)
        for seller in replica.sellers:
            bandwidth = replica_bytes_per_s(seller.instance, split)
            if bandwidth is not None:
                yield Candidate(
                    replica=replica,
                    seller=seller,
                    steps=steps,
                    shape=need.shape,
                    lengths=lengths,
                    fit=found,
                    times=times,
                    alone=alone,
                    bytes_per_s=bandwidth,
                    cache=cache,
                )


def exchange(prefill: Candidate, decode: Candidate) -> bool:
    """True where the second replica can read the cache of the first.

    Basis: vendor (vLLM's NixlConnector compatibility matrix, read 2026-11). Model, formats and
    attention backend must agree, and the default backend depends on the GPU generation. Models with
    constant states require the same tensor-parallel size.
    """
    same = prefill.replica.case.facts.precision is decode.replica.case.facts.precision
    same = same and prefill.steps.card.family == decode.steps.card.family
    if prefill.shape.state_bytes_per_sequence:
        same = same and prefill.tensor_parallel == decode.tensor_parallel
    return same and prefill.holds_prompts
