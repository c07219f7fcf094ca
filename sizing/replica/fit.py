"""Does a replica of the model fit on this hardware and its engine, and over how many cards?"""

from collections.abc import Iterator
from math import inf

from sizing.catalog import Catalog, Gpu, InstanceType
from sizing.catalog.lookup import Facts
from sizing.model.memory import Fit, Need, fit, tensor_parallel_sizes, usable_bytes
from sizing.plan.part import Reason, Rejected
from sizing.replica.case import gpus_per_node
from sizing.steps.diffusion import computes, shared_cards
from sizing.values.exact import short
from sizing.values.units import GB
from sizing.workload import Workload
from sizing.workload.kinds import EncoderPlacement, Runtime

MOST_NODES = 16
"""Largest number of nodes in a pipeline that is tried. Basis: assumed; each stage adds its
latency."""
ENGINE_MAX_SEQUENCES = 256
"""Maximum sequences in one batch where memory has room for more. Basis: vendor, vLLM's default."""


EMBEDDING_STEP_TOKENS = 8_192
"""Tokens of one step of embeddings where no text is longer. Basis: assumed; vLLM's own default on
cards of 70 GiB and more. Beyond it the arithmetic of a step hides its other costs."""
ITEMS_AT_ONCE = 1
"""Images or clips that a replica makes at once. Basis: arithmetic; a batch takes as long as its
items one by one, because they are limited by arithmetic."""


RUNTIMES = (Runtime.eager, Runtime.compiled)
"""Ways in which an engine of images runs kernels. Basis: vendor (vLLM-Omni 0.30.0)."""


def unserved(workload: Workload, facts: Facts, catalog: Catalog) -> str | None:
    """Reason why no engine serves the workload, as a clause; None where its engine does.

    An engine of images and clips serves the models of its list (data/engine_models.csv). Basis:
    vendor.
    """
    if not workload.kind.traits.makes_media:
        return None
    return next(_of_items(workload, facts, catalog), None)


def _of_items(workload: Workload, facts: Facts, catalog: Catalog) -> Iterator[str]:
    """Yield what the engine lacks of a service of images or clips."""
    engine, listed = workload.engine.name, catalog.listed(workload.engine.name)
    tag = f"{engine} {catalog.pin(engine.traits.image).version}"
    if facts.model is None:
        yield f"{tag} serves the models of its list, and this one has no name of the catalog"
    elif facts.model.model not in listed:
        prefix = workload.kind.traits.model_kind
        same = (m.model for m in catalog.models if m.kind.startswith(prefix) and m.model in listed)
        yield f"{tag} does not list {facts.model.model}; it lists {', '.join(sorted(same))}"
    if facts.gpu is not None and not catalog.runs(engine, facts.precision.value, facts.gpu):
        yield f"{tag} is not known to run {facts.precision.value} on {facts.gpu.name}"
    if workload.engine.runtime not in RUNTIMES:
        yield f"{tag} has no runtime {workload.engine.runtime.value}"
    if workload.model.encoder_placement is EncoderPlacement.separate:
        yield f"{tag} encodes prompts itself, on its own cards or from host memory"


def unsplit(
    workload: Workload, facts: Facts, catalog: Catalog, cards: int, passes: int
) -> str | None:
    """Reason why the engine cannot make one item on so many cards; None where it can.

    Guard: a service without an engine keeps its answer, whatever its cards.
    """
    if facts.model is None or unserved(workload, facts, catalog) is not None:
        return None
    engine, row = workload.engine.name, catalog.listed(workload.engine.name).get(facts.model.model)
    if row is None or row.splits_tokens or shared_cards(cards, passes).sequence == 1:
        return None
    return f"{engine} does not split the tokens of {row.model} over GPUs, only its guidance"


def unfit(
    workload: Workload, facts: Facts, gpu: Gpu, instance: InstanceType, catalog: Catalog
) -> Rejected | None:
    """Return why this card cannot serve the model, except for the memory of the weights."""
    least = workload.capacity.min_gpu_gb if workload.capacity else None
    sold_gb = round(instance.gpu_memory_bytes / GB)
    if least is not None and least > sold_gb:
        return Rejected(
            option=instance.name,
            instance_type=instance.name,
            reason=Reason.gpu_memory_minimum,
            numbers=f"{instance.gpu} has {sold_gb} GB, the workload requires at least {least} GB",
        )
    if workload.kind.traits.makes_media:
        return _no_kernels(workload, facts, gpu)
    engine, capability = workload.engine.name, gpu.compute_capability
    runs = catalog.runs(engine, facts.precision.value, gpu)
    if not runs:
        return Rejected(
            option=f"{engine} x {gpu.name} x {facts.precision.value}",
            reason=Reason.engine if runs is False else Reason.unknown_fact,
            numbers=f"compute capability {capability if capability is not None else 'none'}",
        )
    kv_least = engine.traits.kv_formats[workload.engine.kv_precision].min_compute_capability
    if kv_least is None or (capability is not None and capability >= kv_least):
        return None
    return Rejected(
        option=f"{engine} x {gpu.name} x KV cache in {workload.engine.kv_precision}",
        reason=Reason.engine,
        numbers=f"compute capability {capability}, the format needs {kv_least}",
    )


def _no_kernels(workload: Workload, facts: Facts, gpu: Gpu) -> Rejected | None:
    """Rejection of a card that cannot compute images or clips in the precision."""
    if computes(gpu, facts.precision):
        return None
    capability = gpu.compute_capability
    return Rejected(
        option=f"{workload.kind.value} x {gpu.name} x {facts.precision.value}",
        reason=Reason.engine,
        numbers=f"compute capability {capability if capability is not None else 'none'}",
    )


def replica_fit(
    need: Need, facts: Facts, instance: InstanceType, requested: int | None
) -> tuple[Fit | None, list[Rejected]]:
    """Return the smallest replica that fits, or the requested one, with rejections of smaller
    ones."""
    sizes = tensor_parallel_sizes(facts.model, gpus_per_node(instance))
    rejected = list[Rejected]()
    if requested is not None and requested not in sizes:
        heads = facts.model.heads if facts.model is not None else None
        split = f"{heads} heads, " if heads is not None else ""
        numbers = f"{split}{gpus_per_node(instance)} GPUs a node: {', '.join(map(str, sizes))} work"
        option = f"tensor parallel {requested}"
        return None, [Rejected(option=option, reason=Reason.tensor_parallel, numbers=numbers)]
    for size in sizes if requested is None else [requested]:
        result = fit(need, instance.gpu_memory_bytes, size)
        if result is not None:
            return result, rejected
        rejected.append(_too_small(need, instance, size))
    return None, rejected


def spanning_replica(
    need: Need, facts: Facts, instance: InstanceType, requested: int | None, nodes: int | None
) -> tuple[Fit | None, list[Rejected]]:
    """Return a replica over the requested whole nodes, else over the fewest that fit the model.

    Tensor parallel remains inside a node, whose cards exchange every layer's result. Stages of the
    pipeline exchange one result each, and run on different nodes. No node more holds an image or
    clip, whose cards hold the whole model each.
    """
    if need.item is not None:
        return None, [] if nodes is None else [_item_over_nodes(nodes)]
    sizes = tensor_parallel_sizes(facts.model, gpus_per_node(instance))
    split = requested or sizes[-1]
    if split not in sizes:
        return None, []
    if not instance.efa_interfaces:
        numbers = f"{instance.name} has no EFA interface between its nodes"
        option = f"a replica over {nodes or 'several'} nodes"
        return None, [Rejected(option=option, reason=Reason.interconnect, numbers=numbers)]
    stages = gpus_per_node(instance) // split
    layers = facts.model.layers if facts.model is not None else None
    most = min(MOST_NODES, (layers or MOST_NODES * stages) // stages)
    rejected = list[Rejected]()
    for count in [nodes] if nodes else range(2, most + 1):
        result = fit(need, instance.gpu_memory_bytes, split, count, stages)
        if result is not None and count <= most:
            return result, rejected
        rejected.append(_too_small(need, instance, split, count))
    return None, rejected[-1:]


def _item_over_nodes(nodes: int) -> Rejected:
    """Rejection of one image or clip on the cards of several nodes."""
    return Rejected(
        option=f"one item over {nodes} nodes",
        reason=Reason.not_in_this_version,
        numbers="times are of cards in one node, and each card holds the whole model",
    )


def memory_missed(need: Need, instance: InstanceType, split: int) -> float:
    """Memory of one sequence and the weights over the memory of `split` cards."""
    left = usable_bytes(instance.gpu_memory_bytes, split) * split
    return need.bytes_with_one_sequence(split) / left if left > 0 else inf


def _too_small(need: Need, instance: InstanceType, split: int, nodes: int = 1) -> Rejected:
    cards = split if nodes == 1 else gpus_per_node(instance) // split * split * nodes
    wanted = need.bytes_with_one_sequence(split)
    left = usable_bytes(instance.gpu_memory_bytes, cards) * cards
    over = f" over {nodes} nodes" if nodes > 1 else ""
    held = f"with the longest sequence {short(wanted / GB)} GB"
    if need.item is not None:
        held = f"with one item {short(wanted / cards / GB)} GB on each card"
    return Rejected(
        option=f"{instance.name}, tensor parallel {split}{over}",
        instance_type=instance.name,
        reason=Reason.memory,
        numbers=(
            f"weights {short(need.weights_bytes / GB)} GB, {held}; "
            f"{cards} x {instance.gpu} leave {short(left / GB)} GB"
        ),
    )


def max_num_seqs(workload: Workload, fit: Fit) -> int:
    """Maximum sequences in one batch: those that fit in memory, up to the workload's or engine's
    limit. Images and clips are made one at a time. A step of embeddings has no more of its mean
    text than it has tokens for."""
    if workload.kind.traits.makes_media:
        return ITEMS_AT_ONCE
    cap = workload.engine.max_sequences or ENGINE_MAX_SEQUENCES
    most, mean = max_batched_tokens(workload, fit), workload.request.total_tokens
    if most is not None and mean is not None:
        cap = min(cap, int(most // mean))
    held = fit.max_sequences
    return max(1, cap if held is None else min(held, cap))


def max_batched_tokens(workload: Workload, fit: Fit) -> int | None:
    """Maximum tokens of one step of embeddings: the longest text, and at least 8,192.

    The result is None for other kinds, whose engine decides. Basis: assumed; one step cannot be
    shorter than the text of an encoder, which is computed as a whole.
    """
    if workload.kind.traits.generates:
        return None
    longest = workload.request.context_tokens or fit.max_context_tokens or 0
    return max(longest, EMBEDDING_STEP_TOKENS)
