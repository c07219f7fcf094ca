"""How long does a step take with n sequences in flight, and how certain is the time?"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from sizing.catalog.architecture import Architecture, Kernel
from sizing.catalog.coefficients import Band, Bands, CoefficientSet, Evidence
from sizing.catalog.correction import Correction
from sizing.catalog.records import Gpu
from sizing.steps.card import Card, card
from sizing.steps.host_cache import NO_HOST_CACHE, HostCache
from sizing.steps.replica import Formats, Parallel
from sizing.steps.speculation import NO_DRAFTS, Speculation
from sizing.steps.work import Work, work

SPECULATIVE = "speculative decoding"
"""Name of the verification of drafts among what was never measured."""
US = 1e-3
"""Number of milliseconds in a microsecond."""
ROUNDS = 40
NEAR = 1e-7


class Terms(NamedTuple):
    """Milliseconds of one mean step, by cause, over its tokens of one sequence; they add up to the
    time per output token."""

    weights_ms: float
    experts_ms: float
    kv_ms: float
    arithmetic_ms: float
    """Milliseconds that the arithmetic adds to the reading that it overlaps with."""
    activations_ms: float
    communication_ms: float
    layers_ms: float
    sequences_ms: float
    step_ms: float
    prefill_ms: float
    """Milliseconds of prompts of new requests, computed between the answers' steps."""
    draft_ms: float = 0.0
    """Milliseconds of drafting tokens that the step verifies."""


@dataclass(frozen=True)
class Load:
    """Requests of one kind in flight on a replica."""

    answer: float
    """Tokens of an answer after its first."""
    context: float
    """Mean tokens of a decoding sequence's context."""
    prompt_ms: float
    first_ms: float
    """Part of the time to the first token that does not depend on the running steps,
    milliseconds."""
    in_flight: float
    running: float
    """Number of requests in flight that have a place."""


@dataclass(frozen=True)
class StepTime:
    """Mean times of a replica that keeps n requests in flight.

    Basis: fitted (data/coefficients.json). The band is wider where less was measured.
    """

    ttft_ms: float
    """Milliseconds until the first token, all waits included."""
    tpot_ms: float
    """Milliseconds between two tokens of one answer, after the first."""
    tpot_band: Band
    ttft_band: Band
    terms: Terms
    decoding: float
    """Sequences that decode in the mean step. The others wait or process their prompt."""
    requests_per_s: float
    evidence: Evidence

    @property
    def low_tpot_ms(self) -> float:
        """P10 of the time per output token."""
        return self.tpot_ms * self.tpot_band.low

    @property
    def high_tpot_ms(self) -> float:
        """P90 of the time per output token."""
        return self.tpot_ms * self.tpot_band.high

    @property
    def low_ttft_ms(self) -> float:
        """P10 of the time to the first token."""
        return self.ttft_ms * self.ttft_band.low

    @property
    def high_ttft_ms(self) -> float:
        """P90 of the time to the first token."""
        return self.ttft_ms * self.ttft_band.high


@dataclass(frozen=True)
class StepModel:
    """Step times of one model on one replica of one engine. Build it once and use it often."""

    work: Work
    card: Card
    engine: str
    formats: Formats
    coefficients: CoefficientSet
    kernels: frozenset[Kernel] = frozenset()
    correction: Correction | None = None
    """Correction from the user's own runs."""
    speculation: Speculation = NO_DRAFTS
    host_cache: HostCache = NO_HOST_CACHE

    @property
    def tpot_correction(self) -> float:
        """Measured over predicted time per output token; 1 without the user's own runs."""
        return 1.0 if self.correction is None else self.correction.tpot_ratio

    @property
    def ttft_correction(self) -> float:
        """Measured over predicted time to the first token; 1 without the user's own runs."""
        return 1.0 if self.correction is None else self.correction.ttft_ratio

    @property
    def is_embedding(self) -> bool:
        """True where each step computes whole prompts and ends in their vectors."""
        return Kernel.embedding in self.kernels

    @property
    def unmeasured(self) -> tuple[str, ...]:
        """Formats and kernels of this model that were never measured with the engine, and the
        verification of drafts."""
        formats = self.formats.of_parameters
        found = self.coefficients.unmeasured(self.engine, formats, self.kernels)
        return (*found, SPECULATIVE) if self.speculation.is_used else found

    @property
    def evidence(self) -> Evidence:
        """What is known of this engine with this model on this card."""
        if self.correction is not None:
            return Evidence.own_runs
        if self.unmeasured:
            return Evidence.unmeasured
        seen = self.coefficients.measured.get(self.engine, ())
        return Evidence.measured if self.card.family in seen else Evidence.generation

    @property
    def bands(self) -> Bands:
        """Bands of the user's own runs, else of the engine, wider where it was not measured and
        where tokens are drafted. An embedding has the band of the time to a first token."""
        if self.speculation.is_used:
            return self.speculation.bands(self.coefficients.bands_of(self.engine, self.evidence))
        if self.is_embedding:
            return _of_first_tokens(self.coefficients.bands_of(self.engine, self.evidence))
        if self.correction is not None:
            return self.correction.bands
        return self.coefficients.bands_of(self.engine, self.evidence)

    @cached_property
    def layers_ms(self) -> float:
        """Milliseconds of launches and small kernels of all layers, in every step."""
        c, w = self.coefficients.engines[self.engine], self.work
        return US * (
            w.layers * c.layer_us
            + w.latent_layers * c.latent_layer_us
            + w.expert_layers * c.expert_layer_us
            + (w.layers * c.eight_bit_layer_us if w.eight_bit else 0.0)
            + (w.layers * c.four_bit_layer_us if w.four_bit else 0.0)
            + (w.layers * c.data_parallel_layer_us if w.ranks > 1 else 0.0)
        )

    @cached_property
    def weights_ms(self) -> float:
        """Milliseconds to read all but the routed experts once, never below the datasheet's."""
        c, w = self.coefficients.engines[self.engine], self.work
        four_bit = c.four_bit_read if w.four_bit_dense else 1.0
        return w.weights_ms * max(c.weights_read * four_bit, 1.0)

    @cached_property
    def experts_ms(self) -> float:
        """Milliseconds to read every routed expert once, never below the datasheet's."""
        c, w = self.coefficients.engines[self.engine], self.work
        four_bit = c.four_bit_read if w.four_bit_experts else 1.0
        return w.experts_ms * max(c.expert_weights_read * four_bit, 1.0)

    @cached_property
    def moved_ms_per_token(self) -> tuple[float, float]:
        """Milliseconds of activations, and of messages, of one token."""
        c, w = self.coefficients.engines[self.engine], self.work
        hidden = c.activation * w.activation_ms_per_token
        hidden += c.expert_activation * w.expert_activation_ms_per_token
        sent = c.all_reduce * w.all_reduce_ms_per_token
        return hidden, sent + c.all_to_all * w.all_to_all_ms_per_token

    @property
    def first_steps(self) -> float:
        """Times per output token that pass before the first token: it waits for whole steps."""
        c = self.coefficients.engines[self.engine]
        return c.first_token_steps * self.speculation.tokens_per_step

    def prompt_ms(self, tokens: float) -> float:
        """Milliseconds to compute one prompt, without the constant cost of a step.

        tokens x (linear FLOP + activations + messages) + causal attention
        """
        c, w = self.coefficients.engines[self.engine], self.work
        slower = c.eight_bit_prefill if w.eight_bit else 1.0
        slower *= c.four_bit_prefill if w.four_bit else 1.0
        each = slower * c.prefill_flop * w.flop_ms_per_token
        each += slower * c.expert_prefill_flop * w.expert_flop_ms_per_token
        return tokens * (each + sum(self.moved_ms_per_token)) + c.attention_flop * w.attention_ms(
            tokens
        )

    def prompt_roofline_ms(self, tokens: float) -> float:
        """Milliseconds of the arithmetic of one prompt, at the rates of the datasheet."""
        w = self.work
        each = w.flop_ms_per_token + w.expert_flop_ms_per_token
        return tokens * each + w.attention_ms(tokens)

    def embedding_ms(
        self, prompts: float, prompt_ms: float, roofline_ms: float
    ) -> tuple[float, float]:
        """Milliseconds of a step of whole prompts, which ends in their vectors: as fitted, and of
        its roofline.

        (weights^p + (prompts x prompt)^p)^(1/p) + layers + launches + sequences + step

        `prompt_ms` are of the mean prompt, and `roofline_ms` those of its arithmetic alone.

        Basis: assumed; the fitted terms of a text model's prompt, and a step that reads the weights
        while it computes. Nothing was measured for embeddings (`Kernel.embedding`).
        """
        c, w = self.coefficients.engines[self.engine], self.work
        power = self.coefficients.roofline_power
        read, computed = self.weights_ms + self.experts_ms, prompts * prompt_ms
        both: float = math.pow(read**power + computed**power, 1.0 / power)
        launches = US * (c.prefill_layer_us * w.layers + c.sequence_us * prompts)
        fitted = both + self.layers_ms + launches + c.step_ms
        return fitted, max(w.weights_ms + w.experts_ms, prompts * roofline_ms)

    @cached_property
    def _known_steps(self) -> dict[tuple[float, float], tuple[float, float]]:
        return {}

    def without_prompts_ms(self, decoding: float, context_tokens: float) -> tuple[float, float]:
        """Milliseconds of a step of so many sequences without a prompt: as fitted, and of its
        roofline. Computed once, because several quantiles of one replica use the same steps."""
        key = decoding, context_tokens
        if key not in self._known_steps:
            alone = Load(math.inf, context_tokens, 0.0, 0.0, decoding, decoding)
            fitted = sum(self.terms(decoding, alone))
            self._known_steps[key] = fitted, self.roofline_ms(context_tokens, decoding)
        return self._known_steps[key]

    def terms(self, decoding: float, load: Load) -> Terms:
        """Return the mean step with `decoding` sequences at the load's mean context.

        One prompt comes with every answer that ends: decoding x tokens a step / answer a step.
        A step computes every drafted token and reads weights and caches once.
        Basis: arithmetic with fitted coefficients.
        """
        c, w, s = self.coefficients.engines[self.engine], self.work, self.speculation
        rank = decoding / w.ranks
        computed = rank * s.positions
        untouched = w.untouched_share(decoding * s.positions) if w.expert_layers else 1.0
        weights = self.weights_ms
        experts = self.experts_ms * (1.0 - untouched)
        kv = c.kv_read * rank * w.kv_ms(load.context)
        read = weights + experts + kv
        flop = w.flop_ms_per_token + w.expert_flop_ms_per_token + w.head_flop_ms
        power = self.coefficients.roofline_power
        arithmetic = c.decode_flop * computed * flop
        both: float = math.pow(read**power + arithmetic**power, 1.0 / power)
        hidden, sent = self.moved_ms_per_token
        prompts = rank * s.tokens_per_step / load.answer
        reread = self.experts_ms * untouched if w.expert_layers else 0.0
        extra = c.prefill_layer_us * US * w.layers + reread
        step = (
            weights,
            experts,
            kv,
            both - read,
            computed * hidden,
            computed * sent,
            self.layers_ms,
            c.sequence_us * US * decoding,
            c.step_ms,
        )
        prefill = prompts * load.prompt_ms + min(1.0, prompts) * extra
        draft = s.draft_cost_ratio * sum(step) if s.is_used else 0.0
        return Terms(*(each / s.tokens_per_step for each in (*step, prefill, draft)))

    def closed_loop(
        self,
        input_tokens: float,
        output_tokens: float,
        in_flight: float,
        most_running: float | None = None,
    ) -> StepTime:
        """Return the mean times while this many requests are always in flight.

        decoding x (1 + TTFT / (answer x TPOT)) = requests that run, answer = output tokens - 1

        Requests above `most_running` (memory, engine limit) wait for a place.
        Basis: arithmetic (Little's law) with fitted coefficients.
        """
        load = self.load(input_tokens, output_tokens, in_flight, most_running)
        decoding = self._decoding(load)
        terms = self.terms(decoding, load)
        tpot = sum(terms)
        ttft_ms = self._ttft_ms(load, tpot) * self.ttft_correction
        tpot_ms = tpot * self.tpot_correction
        if self.correction is not None:
            tpot_ms = max(tpot_ms, self.roofline_ms(load.context, decoding))
        bands = self.bands
        return StepTime(
            ttft_ms=ttft_ms,
            tpot_ms=tpot_ms,
            tpot_band=bands.tpot,
            ttft_band=bands.ttft,
            terms=terms,
            decoding=decoding,
            requests_per_s=1000.0 * in_flight / (ttft_ms + load.answer * tpot_ms),
            evidence=self.evidence,
        )

    def roofline_ms(self, context_tokens: float, decoding: float) -> float:
        """Lower bound of the time per token: the reads of a step or its arithmetic, whichever is
        longer, over its tokens of one sequence.

        Basis: vendor (datasheet rates), without any overhead and without prompts.
        """
        w, s, rank = self.work, self.speculation, decoding / self.work.ranks
        read = w.weights_ms + w.experts_ms * (1.0 - w.untouched_share(decoding * s.positions))
        read += rank * w.kv_ms(context_tokens)
        flop = w.flop_ms_per_token + w.expert_flop_ms_per_token + w.head_flop_ms
        return max(read, rank * s.positions * flop) / s.tokens_per_step

    def load(
        self, input_tokens: float, output_tokens: float, in_flight: float, most: float | None
    ) -> Load:
        """Return the requests in flight as input of the step."""
        c, w = self.coefficients.engines[self.engine], self.work
        running = in_flight if most is None else min(in_flight, max(most, 1.0))
        prompt_ms = self.prompt_ms(input_tokens)
        alone = c.first_token_ms + c.first_token_prefills * (
            prompt_ms + c.prefill_layer_us * US * w.layers
        )
        return Load(
            answer=max(output_tokens - 1.0, 1.0),
            context=input_tokens + output_tokens / 2,
            prompt_ms=prompt_ms,
            first_ms=alone + c.first_token_queue * running / w.ranks * prompt_ms,
            in_flight=in_flight,
            running=running,
        )

    def _ttft_ms(self, load: Load, tpot: float) -> float:
        first = self._first_ms(load, tpot)
        waiting = (load.in_flight - load.running) / load.running
        return first + waiting * (first + load.answer * tpot)

    def _first_ms(self, load: Load, tpot: float) -> float:
        return load.first_ms + self.first_steps * tpot

    def _decoding(self, load: Load) -> float:
        """Sequences that decode in the mean step, by false position (Illinois)."""
        low, high = 0.0, load.running
        below, above = -load.running, self._excess(load, high)
        side = 0
        for _ in range(ROUNDS):
            middle = high - above * (high - low) / (above - below)
            excess = self._excess(load, middle)
            if abs(excess) < NEAR * load.running:
                return middle
            if excess < 0:
                low, below = middle, excess
                above = above / 2 if side < 0 else above
                side = -1
            else:
                high, above = middle, excess
                below = below / 2 if side > 0 else below
                side = 1
        return (low + high) / 2

    def _excess(self, load: Load, decoding: float) -> float:
        """Requests that this many decoding sequences imply, less those that run."""
        step = sum(self.terms(decoding, load))
        implied = decoding * (1.0 + self._first_ms(load, step) / (load.answer * step))
        return implied - load.running


def _of_first_tokens(bands: Bands) -> Bands:
    """Return the band of the time to the first token as that of every time.

    Basis: assumed; the answer of an embedding comes when its prompt is computed, as a first token
    does, and this band is the widest of the fit.
    """
    return Bands(tpot=bands.ttft, ttft=bands.ttft, full_load=bands.ttft)


def step_model(
    shape: Architecture,
    gpu: Gpu,
    coefficients: CoefficientSet,
    *,
    engine: str,
    parallel: Parallel,
    formats: Formats,
    gpu_share: float = 1.0,
    speculation: Speculation = NO_DRAFTS,
    host_cache: HostCache = NO_HOST_CACHE,
) -> StepModel | None:
    """Return the step times of a model on a replica; None when the GPU's datasheet lacks a rate.

    Raises KeyError for an engine without coefficients.
    """
    at_best = card(gpu, gpu_share)
    if at_best is None:
        return None
    coefficients.engines[engine]
    correction = None
    # Guard: a run does not say whether its engine drafted, and has the times of tokens.
    if not speculation.is_used and not shape.embeds:
        correction = coefficients.correction(engine, gpu.name, shape, formats.of_parameters)
    required = work(shape, at_best, parallel, formats)
    return StepModel(
        required,
        at_best,
        engine,
        formats,
        coefficients,
        shape.kernels,
        correction,
        speculation,
        host_cache,
    )
