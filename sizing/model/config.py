"""What architecture and precision does a Hugging Face `config.json` state?

Basis: vendor, the model classes of transformers 5 (keys, defaults and modules).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from sizing.catalog.architecture import Architecture, Experts
from sizing.model.config_experts import experts_per_token
from sizing.model.config_keys import Config, dimensions, indexer_of, language_part, number
from sizing.model.layer_kinds import LayerKinds, layer_kinds
from sizing.model.parameter_count import Counted, count_parameters, vision_parameters
from sizing.values.field_error import FieldError
from sizing.workload import Precision

DRAFTED_BY_LAYERS = ("deepseek_v3", "deepseek_v32", "glm4_moe")
"""Model types whose further layers draft tokens, alike in every version of the engine here."""
DTYPES = {"bfloat16": Precision.bf16, "float16": Precision.fp16, "float32": Precision.fp32}


@dataclass(frozen=True)
class ModelConfig:
    """Model of a config.json."""

    architecture: Architecture
    precision: Precision
    family: str


def read_config(config: Config) -> ModelConfig:
    """Return the model of a config.json.

    Raises FieldError with the key that every decoder requires.
    """
    text = language_part(config)
    dims = dimensions(text)
    kinds = layer_kinds(text, dims)
    counted = count_parameters(text, dims, kinds)
    quantised = _quantisation(config) or _quantisation(text)
    precision = _precision(quantised, config, text)
    vision = config.get("vision_config")
    architecture = Architecture(
        layers=dims.layers,
        hidden_size=dims.hidden_size,
        heads=dims.heads,
        kv_heads=dims.kv_heads,
        head_dim=dims.head_dim,
        value_head_dim=dims.value_head_dim,
        parameters=counted.total,
        embedding_parameters=counted.embeddings,
        caches=kinds.caches,
        mla=dims.latent_dim is not None,
        experts=_experts(text, kinds, counted),
        vision_parameters=vision_parameters(vision) if isinstance(vision, Mapping) else 0,
        state_bytes_per_sequence=kinds.state_bytes,
        context=number(text, "max_position_embeddings", "n_positions", "max_seq_len", "seq_length"),
        vocab=dims.vocab,
        experts_alone_in=precision if _experts_alone(quantised, counted) else None,
        scale_bits=_scale_bits(quantised),
        draft_layers=_draft_layers(text),
        indexer=indexer_of(text),
    )
    return ModelConfig(architecture, precision, str(text.get("model_type", "")))


def _draft_layers(text: Config) -> int:
    """Layers that the engine can draft with; 0 for models whose draft layers it builds otherwise.

    Basis: vendor (vllm/config/speculative.py of 0.27.1 and 0.30.0).
    """
    if text.get("model_type") not in DRAFTED_BY_LAYERS:
        return 0
    return number(text, "num_nextn_predict_layers") or 0


def _quantisation(part: Config) -> Config:
    """Format of the stored weights; empty where the file does not state it. Raises FieldError for a
    value that is no mapping."""
    stated = part.get("quantization_config") or {}
    if not isinstance(stated, Mapping):
        raise FieldError(("quantization_config",), "is no mapping", "a mapping with quant_method")
    return stated


def _experts(text: Config, kinds: LayerKinds, counted: Counted) -> Experts | None:
    if not kinds.moe_layers:
        return None
    return Experts(kinds.moe_layers, kinds.experts, experts_per_token(text) or 1, counted.experts)


def _precision(quantised: Config, config: Config, text: Config) -> Precision:
    """Precision of the stored weights, or of the experts where the rest is wider."""
    stated = _quantised_precision(quantised)
    if stated is not None:
        return stated
    names = [str(part.get(key)) for part in (config, text) for key in ("dtype", "torch_dtype")]
    return next((DTYPES[name] for name in names if name in DTYPES), Precision.bf16)


def _quantised_precision(quantised: Config) -> Precision | None:
    method = str(quantised.get("quant_method", "")).lower()
    algorithm = str(quantised.get("quant_algo", "")).upper()
    if method == "mxfp4" or "FP4" in algorithm:
        return Precision.fp4
    if method in ("fp8", "fbgemm_fp8") or "FP8" in algorithm:
        return Precision.fp8
    if quantised.get("load_in_4bit"):
        return Precision.nf4
    bits, kind = _bits(quantised)
    if bits is None:
        return None
    if kind == "float":
        return Precision.fp4 if bits == 4 else Precision.fp8
    return Precision.int4 if bits == 4 else Precision.int8


def _bits(quantised: Config) -> tuple[int | None, str]:
    """Bits and number type of a group of compressed-tensors, or of AWQ, GPTQ, bitsandbytes."""
    for group in _groups(quantised):
        weights = group.get("weights")
        if isinstance(weights, Mapping):
            return number(weights, "num_bits"), str(weights.get("type", "int"))
    if quantised.get("load_in_8bit"):
        return 8, "int"
    return number(quantised, "bits", "w_bit"), "int"


def _groups(quantised: Config) -> Sequence[Config]:
    groups = quantised.get("config_groups")
    values = groups.values() if isinstance(groups, Mapping) else ()
    return [group for group in values if isinstance(group, Mapping)]


def _experts_alone(quantised: Config, counted: Counted) -> bool:
    """True where the checkpoint states that its attention is not quantised."""
    if not counted.experts or not quantised:
        return False
    keys = ("modules_to_not_convert", "ignore", "exclude_modules", "ignored_layers")
    lists = [quantised[key] for key in keys if isinstance(quantised.get(key), list)]
    ignored = [str(name) for names in lists for name in names]
    attention = any("self_attn" in n and "indexer" not in n and "norm" not in n for n in ignored)
    return attention or quantised.get("quant_method") == "mxfp4"


def _scale_bits(quantised: Config) -> Fraction | None:
    """Bits of scales as the checkpoint groups them; MXFP4 has 8 bits a block of 32 (OCP, 2023)."""
    if quantised.get("quant_method") == "mxfp4":
        return Fraction(8, 32)
    for group in _groups(quantised):
        weights = group.get("weights")
        size = number(weights, "group_size") if isinstance(weights, Mapping) else None
        if size and size > 0 and isinstance(weights, Mapping) and weights.get("num_bits") == 4:
            narrow = weights.get("type") == "float"
            return Fraction(8 if narrow else 16 + (0 if weights.get("symmetric") else 4), size)
    size = number(quantised, "group_size", "q_group_size")
    if size and size > 0 and number(quantised, "bits", "w_bit") == 4:
        return Fraction(16 + 4, size)
    return None
