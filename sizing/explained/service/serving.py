"""Explanations of the replicas of a service in the cluster."""

from collections.abc import Iterable
from typing import assert_never

from sizing.explained.entry import CATALOG, Basis, Entry, Explainer, Leaf, Registry
from sizing.explained.service.capacity import item_seconds
from sizing.plan.service.serving import (
    DraftPlan,
    EmbeddingServingPlan,
    GroupServingPlan,
    HostCacheServingPlan,
    ItemServingPlan,
    LimitsBy,
    QuotaPlan,
    ServingPlan,
)
from sizing.service.gateway import longest_answer_s
from sizing.workload.engines.traits import MemoryShare, Setting

_SPARE = "({s.pool.replicas_total} - {s.pool.replicas_needed})"


def sum_of(counts: Iterable[object]) -> str:
    """Sum of the counts, as text."""
    return " + ".join(str(count) for count in counts)


def taken(leaf: Leaf) -> str:
    """Replicas that a rollout takes, as in `zone_rollout.taken_at_once`."""
    counts = leaf.serving.rollout_by_zone.values()
    if len(counts) > 1 and leaf.serving.zones_take_turns:
        return f"max({', '.join(str(count) for count in counts)})"
    return f"({sum_of(counts)})" if len(counts) > 1 else sum_of(counts)


def counted_twice(leaf: Leaf) -> str:
    """Terminating replicas with existing successors, as in `zone_rollout.gone_and_counted`."""
    taken = leaf.serving.rollout_by_zone
    return ", ".join(
        sum_of([count, *(each for other, each in taken.items() if other != zone)])
        for zone, count in leaf.serving.replicas_by_zone.items()
    )


def _replicas(leaf: Leaf) -> Entry:
    return Entry(
        "replicas of the floor in this zone: every slot that the service's nodes have there",
        "nodes / nodes a replica x replicas a node",
        f"{leaf.pool.nodes_by_zone[leaf.keys[-1]]} / {{s.pool.nodes_per_replica}}"
        " * {s.pool.replicas_per_node}",
    )


def _taken_of_zone(leaf: Leaf) -> Entry:
    """Return the entry of replicas that a rollout takes, as in `zone_rollout.rollout_by_zone`."""
    zones, zone = list(leaf.serving.replicas_by_zone), leaf.keys[-1]
    count = len(zones)
    limit = "{s.serving.replicas_by_zone[" + zone + "]}"
    if leaf.pool.survives.any_zone:
        limit += " - 1"
    spare = leaf.pool.replicas_total - leaf.pool.replicas_needed
    share, symbols = "1", "1 replica, where fewer are spare than zones"
    if spare >= count:
        share, symbols = (
            f"floor({_SPARE} / {count})",
            "spare replicas / zones, the rest to the first",
        )
        share += " + 1" if zones.index(zone) < spare % count else ""
    few = ("with no spare replica, a rollout takes a needed one",) if not spare else ()
    lost = "a rollout ignores a lost zone and may take needed replicas: docs/outages.md"
    return Entry(
        "replicas of this zone that a rollout takes at once",
        f"{symbols}; at least 1, and at most the zone's replicas, less 1 if a zone may be lost",
        f"max(1, min({share}, {limit}))",
        remarks=(*few, lost),
    )


def _waiting(leaf: Leaf) -> Entry:
    """Guard: a full replica of the calibrated method is faster than the rate it is planned for."""
    latency = leaf.sized.inputs.latency
    if leaf.sized.inputs.kind.traits.makes_media:
        return _waiting_items(leaf)
    if not leaf.sized.inputs.kind.traits.generates:
        return _waiting_texts(leaf)
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
        remarks=("a request that waits longer has missed its target before it starts",),
    )


def _waiting_texts(leaf: Leaf) -> Entry:
    latency = leaf.sized.inputs.latency
    timed = latency is not None and latency.response_s is not None
    wait = "{w.latency.response_s}" if timed else "{request_limits.IDLE_MARGIN_S}"
    seconds = "response target" if timed else "seconds that the load balancer waits beyond it"
    rate = "{s.capacity.requests_per_gpu_per_s} * {s.pool.gpus_per_replica}"
    if leaf.capacity.saturation_requests_per_s is not None:
        rate = "{s.capacity.saturation_requests_per_s}"
    return Entry(
        "texts that may wait besides those of a full step",
        f"max(floor({seconds} x texts a second of a full replica) - texts of a step, 0)",
        f"max(floor({wait} * {rate}) - {{s.serving.max_num_seqs}}, 0)",
        leaf.method,
        leaf.method_source,
        remarks=("a text behind more of them has missed its target before it starts",),
    )


def _waiting_items(leaf: Leaf) -> Entry:
    latency, meaning = leaf.sized.inputs.latency, "requests that may wait for a replica at work"
    if leaf.serving.limits_by is LimitsBy.worker:
        return Entry(meaning, "none: its worker sends one job at a time, and others wait", "0")
    source = "sizing/service/request_limits.py"
    if latency is None or latency.response_s is None:
        symbols = "fixed: the load balancer waits for four images"
        numbers = "{request_limits.WAITING_ITEMS}"
        if leaf.sized.inputs.prompt is not None:
            symbols += ", and as many as arrive while a prompt is in its stages"
            numbers += f" + ceil({{s.serving.prompt.stages_s}} / ({item_seconds(leaf)}))"
        return Entry(meaning, symbols, numbers, Basis.assumed, source)
    seconds = item_seconds(leaf)
    return Entry(
        meaning,
        "floor((response target - seconds of an image) / seconds of an image) + 1",
        f"floor(max({{w.latency.response_s}} - {seconds}, 0) / ({seconds})) + 1",
        leaf.method,
        leaf.method_source,
        remarks=("the image at work is partly done, so the last one may still be in time",),
    )


def _sequences(leaf: Leaf) -> Entry:
    if leaf.sized.inputs.kind.traits.makes_media:
        meaning, symbols = "most images of one request", "one: requests are sized as one image each"
        source = "sizing/service/request_limits.py"
        return Entry(meaning, symbols, "{request_limits.ONE}", Basis.assumed, source)
    if not leaf.sized.inputs.kind.traits.generates:
        return Entry(
            "most texts of one request",
            "texts of a full step, so that one request occupies one step",
            "{s.serving.max_num_seqs}",
            Basis.assumed,
            "sizing/service/request_limits.py",
        )
    return Entry(
        "most sequences of one request: its prompts x its answers",
        "one: a limit of tokens takes each request for one prompt and one answer",
        "{request_limits.ONE}",
        Basis.given,
        "the workload file: access.tokens_per_key_per_min",
    )


def _allocatable(meaning: str, unit: str, source: str) -> Explainer:
    def entry(leaf: Leaf) -> Entry:
        works = leaf.sized.jobs is not None
        return Entry(
            meaning,
            f"({unit} of the node that pods may use - the daemons' share) / replicas a node"
            + " - the worker's" * works,
            "{v} for each of {s.pool.replicas_per_node} replicas on a {s.pool.instance_type} with "
            "{s.pool.vcpu_per_node} vCPU and {s.pool.memory_gib_per_node} GiB",
            Basis.vendor,
            source,
            arithmetic=False,
        )

    return entry


def _max_num_seqs(leaf: Leaf) -> Entry:
    service = leaf.service
    if leaf.sized.inputs.kind.traits.makes_media:
        return Entry(
            f"images at once ({leaf.serving.engine.traits.option(Setting.sequences)})",
            "one: a batch takes as long as its images one by one",
            "{fit.ITEMS_AT_ONCE}",
            Basis.assumed,
            "sizing/replica/fit.py",
        )
    held = service.memory.max_sequences if service else None
    cap = "{fit.ENGINE_MAX_SEQUENCES}"
    if service and service.inputs.engine.max_sequences is not None:
        cap = "{w.engine.max_sequences}"
    symbols = "what memory holds, capped by engine.max_sequences or the engine's default of 256"
    if leaf.serving.embedding is not None:
        most = "{s.serving.embedding.max_batched_tokens}"
        cap = f"min({cap}, floor({most} / {{w.request.total_tokens}}))"
        symbols += ", and by tokens of a step / tokens of the mean text"
    least = cap if held is None else f"min({{s.memory.max_sequences}}, {cap})"
    bounded = held is not None or leaf.serving.embedding is not None
    return Entry(
        f"most sequences in one batch ({leaf.serving.engine.traits.option(Setting.sequences)})",
        symbols,
        f"max(1, {least})" if bounded else least,
    )


def _batched_tokens(leaf: Leaf) -> Entry:
    flag = leaf.serving.engine.traits.option(Setting.batched_tokens)
    return Entry(
        f"most tokens of one step ({flag})",
        "the longest text, at least 8,192; an encoder computes a text as a whole",
        "max({s.serving.max_model_len}, {fit.EMBEDDING_STEP_TOKENS})",
        Basis.assumed,
        "sizing/replica/fit.py",
    )


_BODY_BYTES = Entry(
    "most bytes of one request; a larger one gets 413",
    "texts of one request x tokens of the longest text x 16 bytes",
    "{s.serving.sequences_per_request} * {s.serving.max_model_len} * {serving.TOKEN_BYTES}",
    Basis.assumed,
    "the bytes of a token: sizing/service/serving.py",
)


def _dimensions(leaf: Leaf) -> Entry:
    return Entry(
        "elements of a vector, and the most that a request may state",
        f"dimensions of {leaf.serving.model}",
        "{v}",
        Basis.vendor,
        CATALOG + ", models.csv",
    )


def _max_model_len(leaf: Leaf) -> Entry:
    flag = leaf.serving.engine.traits.option(Setting.context)
    meaning = f"longest prompt and answer the engine accepts ({flag})"
    requested = leaf.service and leaf.service.inputs.request.context_tokens
    if requested:
        source = "the workload file: request.context_tokens"
        return Entry(meaning, "request.context_tokens", str(requested), Basis.given, source)
    return Entry(meaning, "the longest that fits", "{s.memory.max_context_tokens}")


def _memory_setting(leaf: Leaf) -> Entry:
    traits = leaf.serving.engine.traits
    flag = traits.option(Setting.memory)
    match traits.memory:
        case MemoryShare.card:
            return Entry(
                f"share of a card the engine may use ({flag})",
                "the engine's default, the same that memory was sized with",
                "{memory.GPU_MEMORY_UTILISATION}",
                Basis.vendor,
                "vLLM's default",
            )
        case MemoryShare.kv_of_rest:
            return Entry(
                f"share of what weights and runtime leave, for the KV cache ({flag})",
                "the engine's default; it is at least what memory was sized with",
                "{memory.GPU_MEMORY_UTILISATION}",
                Basis.vendor,
                "the default of KvCacheConfig, TensorRT-LLM documents",
            )
        case MemoryShare.weights_and_kv:
            return Entry(
                f"share of the memory free at start for weights and KV cache ({flag})",
                "usable bytes of a card / (bytes of the card - 1 GiB), up to three decimals",
                "ceil({serving.MEMORY_STEP} * {s.memory.usable_bytes_per_gpu}"
                " / ({s.pool.gpu_memory_bytes} - {serving.START_BYTES})) / {serving.MEMORY_STEP}",
                Basis.assumed,
                "the 1 GiB that the engine holds before it loads: sizing/service/serving.py",
            )
        case None:
            raise ValueError(f"{leaf.path}: {leaf.serving.engine} has no setting for memory")
        case _ as never:
            assert_never(never)


def _flag(meaning: str, setting: Setting, symbols: str, numbers: str) -> Explainer:
    """Explanation of a setting of images, with the engine's flag."""

    def entry(leaf: Leaf) -> Entry:
        flag = leaf.serving.engine.traits.option(setting)
        return Entry(f"{meaning} ({flag})", symbols, numbers)

    return entry


def _wait(leaf: Leaf) -> Entry:
    meaning = "seconds a replica waits for the files in the bucket, then its container starts over"
    source = "sizing/service/weights_import.py"
    if leaf.sized.weights_import is None:
        symbols = "fixed, because you copy the files"
        return Entry(meaning, symbols, "{weights_import.OWN_WAIT_S}", Basis.assumed, source)
    symbols = "fixed and short: an update rolls replicas out after its import has ended"
    return Entry(meaning, symbols, "{weights_import.IMPORTED_WAIT_S}", Basis.assumed, source)


def _shared_memory(leaf: Leaf) -> Entry:
    symbols = "1,024 a GPU"
    numbers = (
        "{serving.SHARED_MEMORY_MIB_PER_GPU} * {s.pool.gpus_per_replica}"
        " / {s.pool.nodes_per_replica}"
    )
    if leaf.serving.host_cache is not None:
        symbols += " + the KV cache in host memory, which vLLM keeps in /dev/shm"
        numbers += " + {s.serving.host_cache.gib} * 1024"
    return Entry(
        "MiB of shared memory, part of the replica's memory",
        symbols,
        numbers,
        Basis.assumed,
        "sizing/service/serving.py",
    )


def _start_s(leaf: Leaf) -> Entry:
    meaning = "seconds a replica may take to start once its weights are copied"
    symbols = "ceil(3 x load time) + 600"
    numbers = "ceil({serving.LOAD_MARGIN} * {s.volumes.load_s}) + {serving.ENGINE_START_S}"
    if leaf.serving.host_cache is not None:
        symbols += " + ceil(3 x 0.11 s x GiB of the cache in host memory)"
        numbers += (
            " + ceil({serving.LOAD_MARGIN} * {serving.PIN_S_PER_GIB} * {s.serving.host_cache.gib})"
        )
    if isinstance(leaf.sized.serving, GroupServingPlan):
        symbols += " + start of another node + longest copy there"
        numbers += " + {serving.NODE_START_S} + {s.serving.copy_s}"
    return Entry(meaning, symbols, numbers, Basis.assumed, "sizing/service/serving.py")


def _keep_alive(leaf: Leaf) -> Entry:
    meaning, source = "seconds that the engine keeps an idle", "sizing/service/request_limits.py"
    margin = "{request_limits.KEEP_ALIVE_MARGIN_S}"
    if leaf.sized.inputs.access.service is not None:
        return Entry(
            f"{meaning} connection",
            "idle time of the application's connections + 10",
            f"{{request_limits.CALLER_IDLE_S}} + {margin}",
            Basis.vendor,
            f"httpx, its default: {source}",
        )
    return Entry(
        f"{meaning} connection",
        "idle timeout of the load balancer + 10",
        f"{{s.gateway.idle_timeout_s}} + {margin}",
        Basis.assumed,
        source,
        remarks=("an engine that closes first makes the load balancer answer with 502",),
    )


def _stop_s(leaf: Leaf) -> Entry:
    meaning, source = "seconds a replica may take to stop", "sizing/service/serving.py"
    margin = "{serving.STOP_MARGIN_S}"
    if leaf.sized.jobs is not None:
        symbols = "fixed: its worker gives the job back at once"
        return Entry(meaning, symbols, margin, Basis.assumed, source)
    if leaf.sized.inputs.access.service is not None:
        longest = float(longest_answer_s(leaf.sized.inputs))
        numbers = f"min(ceil({longest}), {{gateway.DRAIN_LIMIT_S}}) + {margin}"
        return Entry(meaning, "longest answer + 30", numbers, Basis.assumed, source)
    if leaf.sized.callers:
        symbols = "fixed: its callers wait at most their time budget"
        return Entry(meaning, symbols, margin, Basis.assumed, source)
    numbers = f"{{s.gateway.deregistration_delay_s}} + {margin}"
    return Entry(meaning, "deregistration delay + 30", numbers)


def _quota_replicas(leaf: Leaf) -> str:
    numbers = f"{{s.serving.replicas}} + max({{s.serving.max_unavailable}}, {counted_twice(leaf)})"
    if leaf.sized.burst is not None:
        numbers += " + {s.burst.replicas} + {s.burst.max_unavailable}"
    return numbers


def _quota_pods(leaf: Leaf) -> Entry:
    filled = leaf.sized.weights_import is not None
    numbers = _quota_replicas(leaf)
    if isinstance(leaf.sized.serving, GroupServingPlan):
        numbers = f"({numbers}) * {{s.serving.nodes_per_replica}}"
    symbols = (
        "(replicas + a lost zone's and those of rollouts elsewhere: a pod counts until it is gone)"
        " x pods of one + 1 import"
    )
    rendering = ""
    if leaf.sized.rendition_workers:
        workers, zones = "{s.renditions.workers_total}", len(leaf.serving.replicas_by_zone)
        rendering = f" + {workers} + ceil({workers} / {zones})"
        symbols += " + workers of renditions and those of a zone"
    zones = len(leaf.serving.replicas_by_zone)
    application = leaf.sized.application
    if application is not None and application.pods is not None:
        rendering += _quota_answering("application", zones)
        symbols += " + pods of the application, those that leave, and 2 Jobs"
        if application.context is not None:
            documents = "{s.application.context.pods}"
            rendering += f" + {documents} + ceil({documents} / {zones})"
            symbols += " + pods that keep documents and those of a zone"
    page = leaf.sized.page
    if page is not None and page.pods is not None:
        rendering += _quota_answering("page", zones)
        symbols += " + the same of the page"
    return Entry(
        "pods that the service's namespace may hold",
        symbols,
        numbers + (" + 1" if filled else "") + rendering,
    )


def _quota_answering(part: str, zones: int) -> str:
    """Numbers of pods of an application or a page, of those that leave, and of their Jobs."""
    pods = f"{{s.{part}.pods_total}}"
    leaving = f"max({{s.{part}.pods.taken_at_once}}, ceil({pods} / {zones}))"
    return f" + {pods} + {leaving} + {{serving.APPLICATION_JOBS}}"


def _quota_gpus(leaf: Leaf) -> Entry:
    return Entry(
        "GPUs that all pods of the service's namespace may request",
        "(replicas + a lost zone's and those of rollouts elsewhere) x GPUs of a replica",
        f"({_quota_replicas(leaf)}) * {{s.serving.gpus_per_replica}}",
    )


SERVING: Registry = {
    DraftPlan: {
        "tokens": Entry(
            "drafted tokens that a step verifies for each sequence (--speculative-config)",
            "as stated",
            "{w.engine.speculative.draft_tokens}",
            Basis.given,
            "the workload file: engine.speculative",
        ),
    },
    HostCacheServingPlan: {
        "gib": Entry(
            "GiB of the KV cache in host memory (--kv-offloading-size)",
            "the room next to the engine",
            "{s.host_cache.gib}",
        ),
    },
    ServingPlan: {
        "replicas": Entry(
            "replicas of the floor: every slot of its nodes, spare ones included",
            "replicas in all",
            "{s.pool.replicas_total}",
        ),
        "replicas_by_zone.*": _replicas,
        "max_unavailable": Entry(
            "replicas that drains may take at once, over all zones",
            "spare replicas, at least those of one node, or a node could never be drained",
            "max({s.pool.replicas_total} - {s.pool.replicas_needed}, {s.pool.replicas_per_node})",
            remarks=(
                "with fewer spare replicas than a node holds, a drain takes needed ones",
                "for about a minute a dead zone's replicas still count as ready, and a drain"
                " may take needed ones: docs/outages.md",
            ),
        ),
        "rollout_by_zone.*": _taken_of_zone,
        "gpus_per_replica": Entry(
            "GPUs of one replica", "GPUs a replica", "{s.pool.gpus_per_replica}"
        ),
        "cpu_millicores": _allocatable(
            "millicores each replica requests",
            "millicores",
            "kubelet reservations of the EKS images",
        ),
        "memory_mib": _allocatable(
            "MiB each replica requests and may use",
            "90 % of the MiB",
            "kubelet reservations of the EKS images; 90 % is assumed for firmware and kernel",
        ),
        "shared_memory_mib": _shared_memory,
        "max_num_seqs": _max_num_seqs,
        "max_model_len": _max_model_len,
        "waiting": _waiting,
        "in_flight": Entry(
            "sequences that run or wait in one replica at most: it answers 503 beyond",
            "most sequences in one batch + requests that may wait",
            "{s.serving.max_num_seqs} + {s.serving.waiting}",
            remarks=("a replica at its limit holds most requests, so that the balancer avoids it",),
        ),
        "sequences_per_request": _sequences,
        "keep_alive_s": _keep_alive,
        "gpu_memory_utilisation": _memory_setting,
        "wait_s": _wait,
        "copy_s": Entry(
            "seconds that copying the weights may take before a rollout counts as failed",
            "ceil(3 x download time)",
            "ceil({serving.LOAD_MARGIN} * {s.volumes.download_s})",
            Basis.assumed,
            "sizing/service/serving.py",
        ),
        "start_s": _start_s,
        "stop_s": _stop_s,
    },
    GroupServingPlan: {
        "nodes_per_replica": Entry(
            "pods of one replica, each on its own node",
            "nodes a replica",
            "{s.pool.nodes_per_replica}",
        ),
        "gpus_per_pod": Entry(
            "GPUs of one pod of a replica",
            "GPUs a replica / nodes a replica",
            "{s.pool.gpus_per_replica} / {s.pool.nodes_per_replica}",
        ),
        "efa_interfaces": Entry(
            "EFA interfaces of one pod: all of its node",
            "the instance type's",
            "{v}",
            Basis.vendor,
            CATALOG + "instance_types.csv",
        ),
        "tensor_parallel": Entry(
            "GPUs that share each layer (--tensor-parallel-size)",
            "tensor parallel",
            "{s.pool.tensor_parallel}",
        ),
        "pipeline_parallel": Entry(
            "stages of the layers (--pipeline-parallel-size)",
            "pipeline stages",
            "{s.pool.pipeline_parallel}",
        ),
    },
    EmbeddingServingPlan: {
        "max_batched_tokens": _batched_tokens,
        "max_body_bytes": _BODY_BYTES,
        "dimensions": _dimensions,
    },
    ItemServingPlan: {
        "width": _flag(
            "pixels of a row without a stated size", Setting.item, "as sized", "{s.item.width}"
        ),
        "height": _flag(
            "pixels of a column without a stated size", Setting.item, "as sized", "{s.item.height}"
        ),
        "steps": _flag(
            "denoising steps where a request states none",
            Setting.item,
            "as sized",
            "{s.item.steps}",
        ),
        "frames": _flag(
            "frames of a clip where a request states none",
            Setting.item,
            "as sized",
            "{s.item.frames}",
        ),
        "max_pixels": _flag(
            "most pixels of one image",
            Setting.pixels,
            "width x height of the sized image",
            "{s.item.width} * {s.item.height}",
        ),
        "guidance_cards": _flag(
            "GPUs that compute the passes of a step at once",
            Setting.guidance_cards,
            "GPUs of an image / GPUs that share its tokens",
            "{s.item.cards} / {s.item.sequence_cards}",
        ),
        "token_cards": _flag(
            "GPUs that share the tokens of a pass",
            Setting.token_cards,
            "as sized",
            "{s.item.sequence_cards}",
        ),
    },
    QuotaPlan: {
        "gpus": _quota_gpus,
        "pods": _quota_pods,
    },
}
