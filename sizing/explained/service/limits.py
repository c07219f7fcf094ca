"""Explanations of the limits of one replica."""

from sizing.explained.entry import Basis, Entry, Explainer, Leaf

HERE = "sizing/service/request_limits.py"


def _waiting(leaf: Leaf) -> Entry:
    """Guard: a full replica of the calibrated method is faster than the rate it is planned for."""
    latency = leaf.sized.inputs.latency
    timed = latency is not None and latency.ttft_ms is not None
    wait = "{w.latency.ttft_ms} / 1000" if timed else "{request_limits.IDLE_MARGIN_S}"
    rate = "{s.capacity.requests_per_gpu_per_s} * {s.pool.gpus_per_replica}"
    if leaf.capacity.saturation_requests_per_s is not None:
        rate = "{s.capacity.saturation_requests_per_s}"
    seconds = (
        "seconds of the target of the time to the first token"
        if timed
        else "seconds that the load balancer waits beyond the longest answer"
    )
    return Entry(
        "requests that may wait before a full batch",
        f"floor({seconds} x requests a second of a full replica)",
        f"floor({wait} * {rate})",
        leaf.method,
        leaf.method_source,
        remarks=("one that waits longer has missed its target before it starts",),
    )


def _sequences(leaf: Leaf) -> Entry:
    return Entry(
        "most sequences of one request: its prompts x its answers",
        "one: a limit of tokens takes each request for one prompt and one answer",
        "{request_limits.ONE}",
        Basis.given,
        "the workload file: access.tokens_per_key_per_min",
    )


LIMITS: dict[str, Explainer] = {
    "services.*.serving.waiting": _waiting,
    "services.*.serving.in_flight": Entry(
        "sequences that run or wait in one replica at most: it answers 503 beyond",
        "most sequences in one batch + requests that may wait",
        "{s.serving.max_num_seqs} + {s.serving.waiting}",
        remarks=("a replica at its limit holds most requests, so that the balancer avoids it",),
    ),
    "services.*.serving.sequences_per_request": _sequences,
    "services.*.serving.keep_alive_s": Entry(
        "seconds that the engine keeps an idle connection",
        "idle timeout of the load balancer + 10",
        "{s.gateway.idle_timeout_s} + {request_limits.KEEP_ALIVE_MARGIN_S}",
        Basis.assumed,
        HERE,
        remarks=("an engine that closes first makes the load balancer answer with 502",),
    ),
}
