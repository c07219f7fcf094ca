"""How long are a replica's prompts and answers, and which part of a prompt is cached?"""

from dataclasses import dataclass
from fractions import Fraction

from sizing.values.exact import exact
from sizing.workload import Request, Routing, mean_tokens, variation

UNKNOWN_VARIATION = 1.0
"""Squared coefficient of variation of the work where only the mean length is known, for the queue.
Basis: assumed; an exponential, between fixed lengths (0) and the tails of reasoning models (2 and
more)."""


@dataclass(frozen=True)
class Lengths:
    """Mean tokens of one request, and their variation."""

    prompt_tokens: float
    """Tokens of the whole prompt: shared prefix, earlier turns and new tokens."""
    cached_tokens: float
    """Tokens of the prompt in the replica's prefix cache."""
    output_tokens: float
    prompt_variation: float | None
    output_variation: float | None
    """Squared coefficients of variation; None where only the mean is known."""
    prompts: tuple[tuple[float, float], ...]
    """Whole prompts, as tokens and share of requests, shortest first. Only the mean is listed where
    nothing else is known."""

    @property
    def queue_variation(self) -> tuple[float, float]:
        """Variations of prompt and answer for the queue. An unknown one counts as an
        exponential."""
        known = (self.prompt_variation, self.output_variation)
        prompt, answer = (UNKNOWN_VARIATION if each is None else each for each in known)
        return prompt, answer

    @property
    def running_context_tokens(self) -> float:
        """Mean tokens that a running sequence has read and written so far.

        prompt + output x (1 + cv^2) / 2: long answers run longer, so more of them are running

        Basis: arithmetic (length-biased mean); never below the mean answer's middle.
        """
        return self.prompt_tokens + self.output_tokens * (1 + (self.output_variation or 0.0)) / 2


def request_lengths(request: Request, routing: Routing, replicas: int) -> Lengths:
    """Return the lengths of a workload's requests on one of `replicas` replicas.

    cached = shared prefix + share x (earlier turns - shared prefix within them)
    share = 1 where a conversation keeps its replica, else 1 / replicas

    An embedding has no answer: 0 tokens.

    Basis: arithmetic. Every replica has the shared prefix. The last replica of a conversation has
    its turns, while the cache keeps them.
    """
    if request.input_tokens is None:
        raise ValueError("input_tokens are not known")
    history = float(request.history_tokens)
    share = 1.0 if routing is Routing.sticky else 1.0 / max(replicas, 1)
    later = 1 - 1 / request.turns
    prefix = float(request.shared_prefix_tokens)
    cached = prefix + share * max(history - later * prefix, 0.0)
    return Lengths(
        prompt_tokens=float(request.prompt_tokens or 0),
        cached_tokens=cached,
        output_tokens=float(request.output_mean or 0),
        prompt_variation=_variation(request.input_tokens),
        output_variation=_variation(request.output_tokens),
        prompts=_prompts(request, history),
    )


def _prompts(request: Request, history: float) -> tuple[tuple[float, float], ...]:
    """Prompts with the mean of the earlier turns, and with the documents of those that search."""
    stated = request.input_tokens
    if not isinstance(stated, tuple):
        own = float((request.prompt_tokens or 0) - request.retrieved_tokens)
        bars = [(own, 1.0)]
    else:
        total = float(sum(bar.share for bar in stated))
        bars = [(float(bar.tokens) + history, float(bar.share) / total) for bar in stated]
    added = [(float(tokens), float(share)) for tokens, share in request.retrievals]
    whole = [(own + more, share * of) for own, share in bars for more, of in added]
    return tuple(sorted(whole))


def running_tokens(request: Request) -> Fraction | None:
    """Tokens of a sequence at its end, weighted as running ones are: prompt + answer.

    answer x max(1, (1 + cv^2) / 2): where a few answers are very long, most running ones are these

    Basis: arithmetic (length-biased mean); None when the request states no tokens.
    """
    total, answer = request.total_tokens, request.output_tokens
    if total is None or not isinstance(answer, tuple):
        return None if total is None else exact(total)
    longer = max((1 + variation(answer)) / 2, 1.0) - 1
    return exact(total) + exact(mean_tokens(answer)) * Fraction(longer).limit_denominator(10**6)


def _variation(lengths: object) -> float | None:
    return variation(lengths) if isinstance(lengths, tuple) else None
