"""Which fields of a workload do images and clips have, and which ones agree?"""

from decimal import ROUND_DOWN, Decimal
from typing import TYPE_CHECKING

from sizing.values.exact import plain
from sizing.values.field_error import FieldError
from sizing.workload.data import files_are_of_the_kind
from sizing.workload.engine import Routing
from sizing.workload.items.queue import Queue, its_item_is_a_job
from sizing.workload.items.renditions import renditions_are_of_clips
from sizing.workload.kinds import EncoderPlacement, Kind, Load, Runtime
from sizing.workload.traffic import has_a_peak

if TYPE_CHECKING:
    from sizing.workload.whole import Workload

HOURS_OF_A_DAY = 24


def check_items(workload: "Workload") -> None:
    """Check fields of images and clips, and of services without them. Raises FieldError."""
    _item_is_made(workload)
    has_application = workload.application is not None
    files_are_of_the_kind(workload.kind, workload.request, workload.data, measured=has_application)
    _tokens_are_of_text(workload)
    _targets_are_of_the_kind(workload)
    _one_item_at_a_time(workload)
    _queue_has_jobs(workload)
    _prompt_is_of_an_item(workload)
    renditions_are_of_clips(workload)


def _item_is_made(workload: "Workload") -> None:
    """Check that fields of images and clips are those of the kind."""
    used = list[tuple[str, str]]()
    if workload.request.item_field is not None:
        used.append(("request", workload.request.item_field))
    if workload.engine.runtime is not Runtime.compiled:
        used.append(("engine", "runtime"))
    if workload.model.encoder_placement is not EncoderPlacement.resident:
        used.append(("model", "encoder_placement"))
    if used and not workload.kind.traits.makes_media:
        message = f"{workload.kind.value} makes no image or clip"
        raise FieldError(used[0], message, "kind: image or kind: video")
    if workload.kind is Kind.image and workload.request.frames not in (None, 1):
        raise FieldError(("request", "frames"), "an image has one frame", "kind: video")


def _tokens_are_of_text(workload: "Workload") -> None:
    """Check that images and clips state no tokens, which nothing counts for them."""
    if not workload.kind.traits.makes_media:
        return
    request, access = workload.request, workload.access
    for name in ("tokens", "input_tokens", "output_tokens", "context_tokens"):
        if getattr(request, name) is not None:
            message = f"{workload.kind.value} has no tokens"
            raise FieldError(("request", name), message, "none")
    if access.tokens_per_key_per_min is not None:
        expected = "requests_per_key_per_min"
        raise FieldError(
            ("access", "tokens_per_key_per_min"), f"{workload.kind.value} has no tokens", expected
        )


def _targets_are_of_the_kind(workload: "Workload") -> None:
    """Check that the latency states targets of the kind, and images none of a batch."""
    targets = workload.kind.traits.targets
    for name in workload.latency.stated if workload.latency is not None else ():
        if name not in targets:
            message = f"{workload.kind.value} has no such target"
            raise FieldError(("latency", name), message, " and ".join(targets))


def _one_item_at_a_time(workload: "Workload") -> None:
    """Check that the engine of an image states nothing about batches of tokens."""
    if not workload.kind.traits.makes_media:
        return
    made = f"each replica makes one {workload.kind.value} at a time"
    if workload.engine.max_sequences is not None:
        raise FieldError(("engine", "max_sequences"), made, "none")
    if workload.engine.kv_precision != "fp16":
        raise FieldError(("engine", "kv_precision"), "there is no KV cache", "none")
    if workload.engine.routing is not Routing.least_requests:
        message = f"{made}, and a request must not wait while another replica is idle"
        raise FieldError(("engine", "routing"), message, Routing.least_requests.value)


def _queue_has_jobs(workload: "Workload") -> None:
    """Check that what waits in a queue are items, which a bucket keeps for their owner."""
    if workload.queue is not None and not workload.kind.traits.makes_media:
        message = f"{workload.kind.value} is answered while the user waits"
        raise FieldError(("queue",), message, "kind: image or kind: video")
    if workload.cdn is not None:
        _results_are_fetched(workload)
    if workload.jobs is None:
        return
    its_item_is_a_job(workload.request)
    if workload.capacity is not None and workload.capacity.load is Load.peak:
        expected = "mean; latency.response_s and queue.drain_s bound the wait after the peak"
        raise FieldError(("capacity", "load"), "a queue absorbs the peak", expected)
    if workload.queue is not None and workload.data is None:
        expected = "data.retention_days, after which results expire"
        raise FieldError(("data",), "a queued service keeps its results", expected)
    if workload.queue is not None and workload.queue.spot and not workload.burst_gpus:
        message = "only nodes above the floor may be spot instances"
        raise FieldError(("queue", "spot"), message, "capacity.burst_gpus above 0")
    _peak_fits_into_a_day(workload)
    if workload.in_transit is not None:
        message = "the worker sends jobs to the engine inside the pod"
        raise FieldError(("in_transit",), message, "none")


def _results_are_fetched(workload: "Workload") -> None:
    """Raises FieldError where no client fetches a result from the service's bucket."""
    if workload.jobs is None:
        message = "answers carry the results of a service without a queue"
        raise FieldError(("cdn",), message, "a queue, or no cdn")
    if workload.data is None:
        expected = "data.retention_days, after which results expire"
        raise FieldError(("data",), "the network delivers results that a bucket keeps", expected)


def _prompt_is_of_an_item(workload: "Workload") -> None:
    """Check that prompts with stages are of images or clips, and leave time for them."""
    if workload.prompt is None:
        return
    if not workload.kind.traits.makes_media:
        message = f"stages work on the prompts of images and clips, not of {workload.kind.value}"
        raise FieldError(("prompt",), message, "kind: image or kind: video")
    if workload.prompt.history is not None and workload.jobs is None:
        message = "only a queue keeps the prompts of a user"
        raise FieldError(("prompt", "history"), message, "a section queue, or none")
    if workload.prompt.review is not None and workload.kind is Kind.video:
        message = "the model of a review reads images, and nothing decodes a clip for it"
        raise FieldError(("prompt", "review"), message, "kind: image, or none")
    target = None if workload.latency is None else workload.latency.response_s
    if target is not None and target * 1000 <= workload.prompt.budget_ms:
        message = f"the stages of prompt may take {workload.prompt.budget_ms:,} ms"
        raise FieldError(("latency", "response_s"), message, "more seconds than that")


def _peak_fits_into_a_day(workload: "Workload") -> None:
    """Raises FieldError where the hours of the peak have no meaning for the traffic."""
    queue, traffic = workload.queue, workload.traffic
    if queue is None or queue.peak_hours == Queue().peak_hours:
        return
    field = ("queue", "peak_hours")
    if traffic.hourly is not None:
        raise FieldError(field, "traffic.hourly states the whole day", "none")
    if not has_a_peak(workload.traffic):
        expected = "none, or traffic.peak_ratio"
        raise FieldError(field, "the traffic has no peak", expected)
    ratio = traffic.peak_ratio
    if ratio is not None and queue.peak_hours * ratio > HOURS_OF_A_DAY:
        most = plain((HOURS_OF_A_DAY / ratio).quantize(Decimal("0.01"), ROUND_DOWN))
        message = f"{plain(queue.peak_hours)} h at {plain(ratio)} times the mean exceed a day"
        raise FieldError(field, message, f"at most {most}")
