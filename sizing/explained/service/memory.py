"""Explanations of the memory of a replica."""

from collections.abc import Callable
from dataclasses import replace

from sizing.explained.entry import CATALOG, Basis, Entry, Explainer, Leaf, Registry
from sizing.plan.service.memory import CachePlan, MemoryPlan

SHAPE = "the model's config.json, or " + CATALOG + "models.csv"


def _parameters(leaf: Leaf) -> Entry:
    meaning = "parameters of the model"
    if leaf.sized.inputs.model.parameters is not None:
        source = "the workload file: model.parameters"
        return Entry(meaning, "model.parameters", "{v}", Basis.given, source)
    return Entry(meaning, "the catalog's", "{v}", Basis.vendor, CATALOG + "models.csv")


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


def _tokens(leaf: Leaf) -> Entry:
    drafts = leaf.sized.inputs.engine.speculative
    symbols = "prompt + answer" + ("" if drafts is None else " + drafted tokens")
    source = "request" + ("" if drafts is None else ", engine.speculative.draft_tokens")
    return Entry("tokens of a mean sequence at its end", symbols, "{v}", Basis.given, source)


def _weights(leaf: Leaf) -> Entry:
    drafts = " + {s.memory.draft_parameters}" if leaf.sized.memory.draft_parameters else ""
    return Entry(
        "bytes of weights that the engine holds",
        "(all parameters - 16-bit ones) x bits / 8 + 16-bit ones x 2",
        f"ceil(({{s.memory.parameters}} + {{s.memory.encoder_parameters}}{drafts}"
        " - {s.memory.sixteen_bit_parameters}) * {s.memory.bits_per_parameter} / 8"
        " + {s.memory.sixteen_bit_parameters} * 2)",
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


def _of_a_replica(explained: Callable[[Leaf], Entry]) -> Explainer:
    """Explanation of a number of a replica's cards, whose count the plan of a pool has."""

    def entry(leaf: Leaf) -> Entry:
        found = explained(leaf)
        if leaf.sized.pool is not None:
            return found
        about = "the replica that was tried is among the options not taken"
        return replace(found, numbers="{v}", arithmetic=False, remarks=(about,))

    return entry


MEMORY: Registry = {
    CachePlan: {
        "layers": Entry("attention layers that cache alike", "layers", "{v}", Basis.vendor, SHAPE),
        "bytes_per_token": Entry(
            "bytes that one of these layers keeps of a token, one copy",
            "KV heads x (key + value dimension) x bytes, or (latent + rotary dimension) x bytes",
            "{v}",
            Basis.vendor,
            SHAPE,
        ),
        "window_tokens": Entry(
            "tokens that one of these layers keeps", "its window", "{v}", Basis.vendor, SHAPE
        ),
    },
    MemoryPlan: {
        "parameters": _parameters,
        "encoder_parameters": _encoders,
        "nominal_bits_per_parameter": Entry(
            "bits that the precision's name says, without scales",
            "bits of the format",
            "{v}",
            Basis.vendor,
            "the formats' definitions",
        ),
        "sixteen_bit_parameters": Entry(
            "parameters that a quantised format leaves in 16 bits",
            "vocabulary x hidden size, twice unless tied, and vision towers; all but the routed"
            " experts"
            " where the checkpoint narrows these alone; none in 16 bits or of an unknown shape",
            "{v}",
            Basis.vendor,
            SHAPE,
        ),
        "bits_per_parameter": Entry(
            "bits of every other parameter, scales included",
            "bits of the format + bits of its scales",
            "{v}",
            Basis.vendor,
            "formats: NVFP4 block 16, MXFP4 block 32, AWQ and GPTQ group 128 unless the"
            " checkpoint says"
            " otherwise, NF4 block 64 (arXiv 2305.14314)",
        ),
        "kv_copies": Entry(
            "copies of the same KV bytes in a tensor-parallel group",
            "1; all cards with compressed attention; cards / KV heads once there are more cards",
            "{v}",
            Basis.vendor,
            SHAPE,
        ),
        "draft_parameters": Entry(
            "parameters of the layers that only draft tokens",
            "ceil(draft layers x (other parameters / layers + routed experts / expert layers"
            " + 2 x hidden size^2))",
            "{v}",
            Basis.assumed,
            "a draft layer is as large as the mean layer (sizing/model/drafts.py)",
        ),
        "weights_bytes": _weights,
        "kv_bytes_per_token": _kv_per_token,
        "state_bytes_per_sequence": Entry(
            "bytes of state of one sequence in all linear layers, however long it is",
            "layers x (recurrent state + the convolution's last inputs) x bytes",
            "{v}",
            Basis.vendor,
            SHAPE,
        ),
        "kv_bytes_per_sequence": _kv_per_sequence,
        "max_sequences": _of_a_replica(_max_sequences),
        "max_context_tokens": _of_a_replica(_max_context),
        "usable_bytes_per_gpu": _of_a_replica(_usable),
        "stage_imbalance": _imbalance,
        "tokens_per_sequence": _tokens,
    },
}
