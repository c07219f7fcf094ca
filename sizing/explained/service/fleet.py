"""Explanations of a service's memory, GPUs and nodes."""

from typing import assert_never

from sizing.explained.entry import CATALOG, Basis, Entry, Explainer, Leaf
from sizing.explained.service.calibrated import busy
from sizing.explained.service.groups import GROUP_POOL
from sizing.fleet.redundancy import Rule

SHAPE = "the model's config.json, or " + CATALOG + "models.csv"
SIZED_ON_MEAN = "sized on the daily mean: nothing is left for a peak"


def _parameters(leaf: Leaf) -> Entry:
    meaning = "parameters of the model"
    if leaf.sized.inputs.model.parameters is not None:
        source = "the workload file: model.parameters"
        return Entry(meaning, "model.parameters", "{v}", Basis.given, source)
    return Entry(meaning, "the catalog's", "{v}", Basis.vendor, CATALOG + "models.csv")


def _by_constraint(leaf: Leaf) -> Entry:
    load, name = leaf.capacity.load, leaf.keys[-1]
    each = leaf.capacity.requests_per_replica_per_s.get(name)
    symbols = f"ceil({load} rate x GPU-seconds of one request)"
    numbers = f"ceil({{s.traffic.requests_per_s_{load}}} * {{s.capacity.request_s}})"
    if each is not None:
        symbols = f"ceil({load} rate x GPUs a replica / rate that {name} allows it)"
        numbers = (
            f"ceil({{s.traffic.requests_per_s_{load}}} * {{s.pool.tensor_parallel}} / {each!r})"
        )
    return Entry(
        f"GPUs that {name} alone would need",
        symbols,
        numbers,
        leaf.method,
        leaf.method_source,
        remarks=(SIZED_ON_MEAN,) if load == "mean" else (),
    )


def _gpus_needed(leaf: Leaf) -> Entry:
    parts = ", ".join(str(count) for count in leaf.pool.gpus_by_constraint.values())
    load = leaf.capacity.load
    return Entry(
        "GPUs needed, before packing",
        "the largest of what each constraint alone needs",
        f"max({parts})",
        leaf.method,
        leaf.method_source,
        remarks=(SIZED_ON_MEAN,) if load == "mean" else (),
    )


def _nodes_total(leaf: Leaf) -> Entry:
    rules = ", ".join(str(count) for count in leaf.pool.nodes_by_rule.values())
    return Entry(
        "nodes in all, spare ones included",
        "the largest of what each redundancy rule alone needs",
        f"max({rules})" if len(leaf.pool.nodes_by_rule) > 1 else rules,
    )


def _nodes_by_rule(leaf: Leaf) -> Entry:
    rule, zones = Rule(leaf.keys[-1]), len(leaf.pool.nodes_by_zone)
    meaning = f"nodes in all that the rule {rule} alone needs"
    needed, each, of_each = "{s.pool.nodes_needed}", "", ""
    if leaf.pool.nodes_per_replica > 1:
        meaning += ", in whole groups: any lost node takes its group with it"
        needed = "({s.pool.nodes_needed} / {s.pool.nodes_per_replica})"
        each, of_each = " * {s.pool.nodes_per_replica}", ", in groups x nodes of a group"
    match rule:
        case Rule.none:
            return Entry(meaning, "needed", f"{needed}{each}")
        case Rule.spare_ratio:
            text = f"ceil({needed} * (1 + {{w.redundancy.spare_ratio}})){each}"
            return Entry(meaning, f"ceil(needed x (1 + spare ratio)){of_each}", text)
        case Rule.nodes:
            text = f"({needed} + {{w.redundancy.nodes}}){each}"
            return Entry(meaning, f"needed + k{of_each}", text)
        case Rule.zones if leaf.sized.inputs.redundancy.zones == 1:
            text = f"({needed} + ceil({needed} / ({zones} - 1))){each}"
            return Entry(meaning, f"needed + ceil(needed / (zones - 1)){of_each}", text)
        case Rule.zones:
            text = f"{{w.redundancy.zones}} of {zones} zones may go and {needed} nodes stay: {{v}}"
            return Entry(
                meaning, "the smallest even spread that keeps the needed", text, arithmetic=False
            )
        case Rule.availability:
            text = f"{needed} of {{v}} alive for at least {{w.redundancy.availability}} of the time"
            return Entry(
                meaning,
                "smallest n with sum over i >= needed of C(n, i) a^i (1 - a)^(n - i) >= target",
                text,
                Basis.measured,
                "MTBF and MTTR: see inputs.redundancy; nodes fail independently",
                arithmetic=False,
            )
        case never:
            assert_never(never)


def _in_zone(leaf: Leaf) -> Entry:
    pool = leaf.pool
    zones, span = len(pool.nodes_by_zone), pool.nodes_per_replica
    groups = pool.nodes_total // span
    rounded = "floor" if int(leaf.value) // span == groups // zones else "ceil"
    text = f"{rounded}({{s.pool.nodes_total}} / {zones})"
    if span > 1:
        text = f"{rounded}({{s.pool.nodes_total}} / {span} / {zones}) * {span}"
    return Entry(
        "nodes in this zone", "an even spread over the site's zones that sell the type", text
    )


def _left(leaf: Leaf) -> Entry:
    largest = max(leaf.pool.nodes_by_zone.values())
    return Entry(
        "nodes left after the worst single zone",
        "total - the largest zone",
        f"{{s.pool.nodes_total}} - {largest}",
    )


def _offered(meaning: str) -> Entry:
    return Entry(
        meaning, "the instance type's", "{v}", Basis.vendor, CATALOG + "instance_types.csv"
    )


def _usable(leaf: Leaf) -> Entry:
    pool = leaf.sized.pool
    extra = " - {memory.COMMUNICATION_BYTES}" if pool and pool.gpus_per_replica > 1 else ""
    return Entry(
        "bytes of one card for weights and KV cache",
        "memory x 0.90 - runtime (- communication buffers in a replica of several cards)",
        "max(floor({s.pool.gpu_memory_bytes} * {memory.GPU_MEMORY_UTILISATION})"
        f" - ({{memory.RUNTIME_BYTES}}{extra.replace('-', '+')}), 0)",
        Basis.measured,
        "runtime 2.3 GiB: KAITO's estimator v0.12 (2026-08); 0.90: vLLM's default",
    )


def _utilisation(load: str) -> Explainer:
    def entry(leaf: Leaf) -> Entry:
        return Entry(
            f"utilisation of all GPUs at the {load}; above 1 the queue is unbounded",
            f"{load} rate x GPU-seconds of one request / (replicas x GPUs a replica)",
            busy(load, leaf, "{s.pool.replicas_total}"),
        )

    return entry


def _kv_per_token(leaf: Leaf) -> Entry:
    caches = leaf.sized.memory.caches
    terms = " + ".join(f"{c.layers} * {c.bytes_per_token}" for c in caches) or "0"
    return Entry(
        "bytes that a new token adds to the KV cache, all layers",
        "sum of layers x bytes that one of them keeps of a token",
        terms,
    )


def _kv_per_sequence(leaf: Leaf) -> Entry:
    memory = leaf.sized.memory
    terms = [
        f"{c.layers} * {c.bytes_per_token} * "
        + (tokens if c.window_tokens is None else f"min({tokens}, {c.window_tokens})")
        for c in memory.caches
        for tokens in ["{s.memory.tokens_per_sequence}"]
    ]
    return Entry(
        "bytes of KV cache of the mean sequence at its end, one copy",
        "sum of layers x bytes x min(tokens, window), + the state of linear layers",
        " + ".join([*terms, "{s.memory.state_bytes_per_sequence}"]),
    )


def _encoders(leaf: Leaf) -> Entry:
    meaning = "parameters of the encoders"
    if "encoders" in leaf.sized.inputs.model.model_fields_set:
        source = "the workload file: model.encoders"
        return Entry(meaning, "their sum", "{v}", Basis.given, source)
    return Entry(meaning, "the catalog's", "{v}", Basis.vendor, CATALOG + "models.csv")


def _imbalance(leaf: Leaf) -> Entry:
    stages = leaf.sized.pool.pipeline_parallel if leaf.sized.pool else 1
    return Entry(
        "layers of the fullest stage of the pipeline over the mean stage; 1 without one",
        "stages x ceil(layers / stages) / layers",
        "1" if stages == 1 else f"{{v}} with {stages} stages",
        Basis.vendor,
        CATALOG + "models.csv",
        arithmetic=stages == 1,
    )


def _room(leaf: Leaf) -> str:
    """Bytes of a replica's cards. The fullest of several stages leaves room in the others."""
    cards = "{s.pool.gpus_per_replica} * {s.memory.usable_bytes_per_gpu}"
    return cards if leaf.memory.stage_imbalance == 1 else f"{cards} / {{s.memory.stage_imbalance}}"


def _max_sequences(leaf: Leaf) -> Entry:
    return Entry(
        "sequences of mean length that fit next to the weights of one replica",
        "floor((cards x usable / imbalance of stages - weights)"
        " / (KV bytes of a sequence x copies))",
        f"floor(({_room(leaf)} - {{s.memory.weights_bytes}})"
        " / ({s.memory.kv_bytes_per_sequence} * {s.memory.kv_copies}))",
    )


def _max_context(leaf: Leaf) -> Entry:
    return Entry(
        "tokens of the longest sequence that fits alone on one replica",
        "tokens whose KV bytes x copies fill cards x usable / imbalance of stages - weights,"
        " at most the model's own",
        f"{{v}} tokens in ({_room(leaf)} - {{s.memory.weights_bytes}})"
        " / {s.memory.kv_copies} bytes",
        arithmetic=False,
    )


FLEET: dict[str, Explainer] = {
    "services.*.memory.parameters": _parameters,
    "services.*.memory.nominal_bits_per_parameter": Entry(
        "bits that the precision's name says, without scales",
        "bits of the format",
        "{v}",
        Basis.vendor,
        "the formats' definitions",
    ),
    "services.*.memory.encoder_parameters": _encoders,
    "services.*.memory.sixteen_bit_parameters": Entry(
        "parameters that a quantised format leaves in 16 bits",
        "vocabulary x hidden size, twice unless tied, and vision towers; all but the routed experts"
        " where the checkpoint narrows these alone; none in 16 bits or of an unknown shape",
        "{v}",
        Basis.vendor,
        SHAPE,
    ),
    "services.*.memory.bits_per_parameter": Entry(
        "bits of every other parameter, scales included",
        "bits of the format + bits of its scales",
        "{v}",
        Basis.vendor,
        "formats: NVFP4 block 16, MXFP4 block 32, AWQ and GPTQ group 128 unless the checkpoint says"
        " otherwise, NF4 block 64 (arXiv 2305.14314)",
    ),
    "services.*.memory.kv_copies": Entry(
        "copies of the same KV bytes in a tensor-parallel group",
        "1; all cards with compressed attention; cards / KV heads once there are more cards",
        "{v}",
        Basis.vendor,
        SHAPE,
    ),
    "services.*.memory.weights_bytes": Entry(
        "bytes of weights that the engine holds",
        "(all parameters - 16-bit ones) x bits / 8 + 16-bit ones x 2",
        "ceil(({s.memory.parameters} + {s.memory.encoder_parameters}"
        " - {s.memory.sixteen_bit_parameters}) * {s.memory.bits_per_parameter} / 8"
        " + {s.memory.sixteen_bit_parameters} * 2)",
    ),
    "services.*.memory.kv_bytes_per_token": _kv_per_token,
    "services.*.memory.caches.*.layers": Entry(
        "attention layers that cache alike", "layers", "{v}", Basis.vendor, SHAPE
    ),
    "services.*.memory.caches.*.bytes_per_token": Entry(
        "bytes that one of these layers keeps of a token, one copy",
        "KV heads x (key + value dimension) x bytes, or (latent + rotary dimension) x bytes",
        "{v}",
        Basis.vendor,
        SHAPE,
    ),
    "services.*.memory.caches.*.window_tokens": Entry(
        "tokens that one of these layers keeps", "its window", "{v}", Basis.vendor, SHAPE
    ),
    "services.*.memory.state_bytes_per_sequence": Entry(
        "bytes of state of one sequence in all linear layers, however long it is",
        "layers x (recurrent state + the convolution's last inputs) x bytes",
        "{v}",
        Basis.vendor,
        SHAPE,
    ),
    "services.*.memory.kv_bytes_per_sequence": _kv_per_sequence,
    "services.*.memory.max_sequences": _max_sequences,
    "services.*.memory.max_context_tokens": _max_context,
    "services.*.memory.stage_imbalance": _imbalance,
    "services.*.memory.usable_bytes_per_gpu": _usable,
    "services.*.memory.tokens_per_sequence": Entry(
        "tokens of a mean sequence at its end", "prompt + answer", "{v}", Basis.given, "request"
    ),
    "services.*.pool.gpus_needed": _gpus_needed,
    "services.*.pool.gpus_by_constraint.memory": Entry(
        "GPUs that memory alone would need: one replica",
        "GPUs of a replica",
        "{s.pool.gpus_per_replica}",
    ),
    "services.*.pool.gpus_by_constraint.*": _by_constraint,
    "services.*.pool.gpus_total": Entry(
        "GPUs in all, spare ones included",
        "nodes x GPUs a node",
        "{s.pool.nodes_total} * {s.pool.gpus_per_node}",
    ),
    "services.*.pool.nodes_needed": Entry(
        "nodes that must be alive",
        "ceil(replicas needed / replicas a node) x nodes a replica",
        "ceil({s.pool.replicas_needed} / {s.pool.replicas_per_node}) * {s.pool.nodes_per_replica}",
    ),
    "services.*.pool.nodes_spare": Entry(
        "spare nodes", "total - needed", "{s.pool.nodes_total} - {s.pool.nodes_needed}"
    ),
    "services.*.pool.nodes_total": _nodes_total,
    "services.*.pool.nodes_by_rule.*": _nodes_by_rule,
    "services.*.pool.nodes_by_zone.*": _in_zone,
    "services.*.pool.nodes_left_after_zone": _left,
    "services.*.pool.nodes_at_peak": Entry(
        "nodes in all, redundancy included, had the peak been sized for",
        "the same packing and rules on the GPUs that the peak needs",
        "{s.capacity.gpus_at_peak} GPUs at the peak, packed and with the same spare: {v} nodes",
        arithmetic=False,
    ),
    "services.*.pool.survives.nodes": Entry(
        "the largest number of nodes that may go, whichever they are",
        "(total - needed) / nodes a replica: nodes are alike, each may break another group",
        "({s.pool.nodes_total} - {s.pool.nodes_needed}) / {s.pool.nodes_per_replica}",
    ),
    "services.*.pool.survives.zones": Entry(
        "the largest number of zones that may go, whichever they are",
        "every set of zones tried: the nodes left must be at least the needed ones",
        "{s.pool.nodes_left_after_zone} of {s.pool.nodes_needed} are left after the worst zone",
        arithmetic=False,
    ),
    "services.*.pool.gpus_per_node": _offered("GPUs of one node; a partition of a card is one"),
    "services.*.pool.gpu_memory_bytes": _offered("bytes of one card's memory, as EC2 reports it"),
    "services.*.pool.vcpu_per_node": _offered("vCPUs of one node"),
    "services.*.pool.memory_gib_per_node": _offered("GiB of one node's memory"),
    "services.*.pool.max_pods_per_node": _offered("pods that one node's addresses allow"),
    "services.*.pool.tensor_parallel": Entry(
        "GPUs that share each layer of a replica, all in one node",
        "the workload's or the lock's, else of the cards (1, 2, 4, 8) that hold the model and"
        " divide its heads the fewest, or the cheapest by the calibrated method; over several"
        " nodes the most",
        "{s.pool.gpus_per_replica} x {s.memory.usable_bytes_per_gpu} bytes hold"
        " {s.memory.weights_bytes} bytes of weights and the longest sequence",
        arithmetic=False,
    ),
    **GROUP_POOL,
    "services.*.pool.replicas_per_node": Entry(
        "replicas one node holds, or one part of a replica over several nodes",
        "floor(GPUs a node / GPUs a replica), at least 1",
        "max(1, floor({s.pool.gpus_per_node} / {s.pool.gpus_per_replica}))",
    ),
    "services.*.pool.replicas_needed": Entry(
        "replicas that must serve",
        "ceil(GPUs needed / GPUs a replica)",
        "ceil({s.pool.gpus_needed} / {s.pool.gpus_per_replica})",
    ),
    "services.*.pool.replicas_total": Entry(
        "replicas in all: every slot of every node, so that a loss needs no rescheduling",
        "nodes x replicas a node / nodes a replica",
        "{s.pool.nodes_total} * {s.pool.replicas_per_node} / {s.pool.nodes_per_replica}",
    ),
    "services.*.pool.utilisation_at_mean": _utilisation("mean"),
    "services.*.pool.utilisation_at_peak": _utilisation("peak"),
}
