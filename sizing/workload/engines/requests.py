"""Which metrics does an engine export about its requests?"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Histogram:
    """Prometheus histogram of seconds."""

    name: str
    """Name without `_bucket`, `_sum` and `_count`."""
    bounds_s: tuple[float, ...]
    """Upper bounds of its buckets, ascending."""

    def bound_at_least(self, seconds: float) -> float | None:
        """Smallest bound, seconds, that is not below `seconds`; None where all are below.

        Requests above it are also above `seconds`, so an alert that counts them is never wrong.
        """
        return min((bound for bound in self.bounds_s if bound >= seconds), default=None)


@dataclass(frozen=True)
class Answers:
    """Prometheus counter of HTTP answers."""

    name: str
    posted: str
    """Labels of answers to requests that send a body, which those for tokens do."""
    failed: str
    """Label of answers with a 5xx status."""


@dataclass(frozen=True, kw_only=True)
class RequestMetrics:
    """Prometheus metrics of an engine's requests of text."""

    finished: str
    """Counter of finished requests."""
    answers: Answers
    """Counter of HTTP answers, refused requests included."""
    prompt_tokens: str
    """Histogram of a request's prompt, tokens."""
    output_tokens: str
    """Histogram of a request's answer, tokens."""
    tokens: str
    """Counter of generated tokens."""
    first_token: Histogram
    """Seconds to the first token of each request."""
    each_token: Histogram | None
    """Seconds per output token of each request; None where the engine has no such histogram."""
    token_gap: str
    """Histogram whose sum over its count is the mean time per output token, seconds."""
    kv_use: str
    """Gauge of the KV cache in use, 0 to 1."""
