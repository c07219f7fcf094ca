"""Arguments and environment of the engine."""

import json
from collections.abc import Mapping
from typing import Any, assert_never

from sizing.plan.service.prompt import PromptPlan
from sizing.plan.service.serving import (
    EmbeddingServingPlan,
    GroupServingPlan,
    ItemServingPlan,
    LimitsBy,
    ServingPlan,
)
from sizing.workload.engines import EngineTraits
from sizing.workload.engines.traits import Limit, Setting, Switch

ENGINE_PORT = 8000
"""Port on which every engine listens in its pod. Basis: vendor (vLLM's default)."""
STAGE_PATH = "/v1/chat/completions"
"""Path of requests to the model of a stage. Basis: vendor (OpenAI's API)."""
LOOPBACK = "127.0.0.1"
"""Address of an engine that only its worker in the same pod reaches."""
PROGRAMS = "/scripts"
"""Folder of this product's programs in each container that runs one."""
TLS = "/tls"
"""Folder of a pod's own key and certificate."""
ENGINE_USER = 2000
"""User id of the engine where it is not root, with group 0. Basis: vendor (vLLM's image has it)."""
START, START_PROGRAM = "/start", "start_engine"
"""Folder and name of the program that starts the server of an engine without a flag for our
check."""
OPTIONS_FILE, MODELS = "/tmp/engine-options.json", "/tmp/models"
"""File with an engine's options, and folder of links to weights; the start program makes both."""
HOST_CACHE_BACKEND = "native"
"""vLLM's own cache in host memory. It is stated because the default has changed between releases.
Basis: vendor (vllm/config/cache.py)."""
POOLING = "pooling"
"""Runner of a model whose answers are vectors, also where its config states a language model.
Basis: vendor (vllm/config/model.py, 0.30.0)."""
CACHE_PATH = "/var/lib/sizewright/cache"
"""Folder of the engines' compile cache on a node's root volume: it outlives a pod."""


def engine_command(serving: ServingPlan) -> list[str]:
    """Return the command of the container: the engine's own, or the program that stands in for
    it."""
    traits = serving.engine.traits
    if traits.entry is None:
        return [*traits.command]
    return ["python3", f"{START}/{START_PROGRAM}.py", traits.entry, *traits.command]


def engine_arguments(serving: ServingPlan) -> list[str]:
    """Return the engine's arguments, without those that the plan leaves to the engine.

    Raises ValueError for a precision the engine has no name for.
    """
    settings, traits = _settings(serving), serving.engine.traits
    arguments = [*traits.model, model_path(serving), *traits.fixed]
    for setting, flag in traits.flags.items():
        if settings[setting] is not None:
            arguments += [flag, str(settings[setting])]
    arguments += [flag for switch, flag in traits.switches.items() if _is_on(serving, switch)]
    if traits.options_flag is not None:
        arguments += [traits.options_flag, OPTIONS_FILE]
    return [argument(text) for text in arguments]


def _is_on(serving: ServingPlan, switch: Switch) -> bool:
    """True where the plan turns the switch on."""
    if serving.item is None:
        return False
    match switch:
        case Switch.eager:
            return serving.item.eager
        case Switch.offload:
            return serving.item.offloaded
        case _ as never:
            assert_never(never)


def _default_item(item: ItemServingPlan) -> str:
    """Image or clip of a request that states no size and no steps, in the engine's words."""
    parameters = {} if item.frames is None else {"num_frames": item.frames}
    parameters |= {
        "height": item.height,
        "num_inference_steps": item.steps,
        "width": item.width,
    }
    return json.dumps({"0": parameters}, sort_keys=True)


def model_path(serving: ServingPlan) -> str:
    """Path to the weights; a link with the model's name where its end is the name in requests."""
    if Setting.served_name in serving.engine.traits.flags:
        return f"/weights/{serving.weights_folder}"
    return f"{MODELS}/{serving.model}"


def engine_options(serving: ServingPlan) -> dict[str, object]:
    """Return the options in the engine's file; empty where flags cover all settings."""
    traits, settings = serving.engine.traits, _settings(serving)
    found: dict[str, object] = dict(traits.fixed_options)
    for setting, place in traits.options.items():
        *sections, name = place.split(".")
        section: Any = found
        for each in sections:
            section = section.setdefault(each, {})
        if settings[setting] is not None:
            section[name] = settings[setting]
    return found


def _settings(serving: ServingPlan) -> dict[Setting, float | str | None]:
    """Value of each setting; None where the engine decides."""
    traits = serving.engine.traits
    kv_names = {precision: each.name for precision, each in traits.kv_formats.items()}
    group = serving if isinstance(serving, GroupServingPlan) else None
    item, embedding = serving.item, serving.embedding
    return {
        Setting.served_name: serving.model,
        Setting.host: LOOPBACK if serving.limits_by is LimitsBy.worker else None,
        Setting.port: ENGINE_PORT,
        Setting.tensor_parallel: group.tensor_parallel if group else serving.gpus_per_replica,
        Setting.pipeline_parallel: group.pipeline_parallel if group else None,
        Setting.sequences: serving.max_num_seqs,
        Setting.context: serving.max_model_len,
        Setting.runner: None if embedding is None else POOLING,
        Setting.batched_tokens: None if embedding is None else embedding.max_batched_tokens,
        Setting.memory: serving.gpu_memory_utilisation,
        Setting.arithmetic: _named(traits, traits.arithmetic, serving.compute_precision),
        Setting.kv_cache: None
        if serving.kv_precision is None
        else _named(traits, kv_names, serving.kv_precision),
        Setting.speculation: _speculation(serving),
        Setting.host_cache: None if serving.host_cache is None else serving.host_cache.gib,
        Setting.host_cache_backend: None if serving.host_cache is None else HOST_CACHE_BACKEND,
        Setting.guidance_cards: None if item is None else item.guidance_cards,
        Setting.token_cards: None if item is None else item.token_cards,
        Setting.pixels: None if item is None else item.max_pixels,
        Setting.item: None if item is None else _default_item(item),
    }


def setting_texts(serving: ServingPlan) -> dict[Setting, str]:
    """Return each setting that the engine gets: its flag or its place in the file, and its
    value."""
    traits, settings = serving.engine.traits, _settings(serving)
    given = {setting: settings[setting] for setting in (*traits.flags, *traits.options)}
    return {s: f"{traits.option(s)} {value}" for s, value in given.items() if value is not None}


def _speculation(serving: ServingPlan) -> str | None:
    """Drafts as the JSON object that vLLM takes; None where nothing is drafted.

    Basis: vendor (vllm/config/speculative.py of 0.27.1 and 0.30.0). The window of n-grams remains
    the engine's own.
    """
    drafts = serving.drafts
    if drafts is None:
        return None
    return json.dumps({"method": drafts.method, "num_speculative_tokens": drafts.tokens})


def option_places(serving: ServingPlan) -> set[str]:
    """Return the places of all options in the engine's file, with dots."""
    traits = serving.engine.traits
    return {*traits.options.values(), *traits.fixed_options}


def group_arguments(serving: GroupServingPlan) -> tuple[list[str], list[str]]:
    """Return the arguments of a group's leader, and those of its other pods.

    Raises ValueError for an engine without such groups.
    """
    groups = serving.engine.traits.groups
    if groups is None:
        raise ValueError(f"{serving.engine} has no replicas over several nodes")
    common = [*engine_arguments(serving), *groups.arguments]
    return [*common, *server_arguments(serving)], [*common, *groups.member_arguments]


def flags(serving: ServingPlan) -> set[str]:
    """Return the names of all flags that the engine gets."""
    words = [*engine_arguments(serving), *server_arguments(serving)]
    if isinstance(serving, GroupServingPlan):
        leader, member = group_arguments(serving)
        words = [*leader, *member]
    return {word for word in words if word.startswith("--")}


def server_arguments(serving: ServingPlan) -> list[str]:
    """Additional arguments of an engine that answers requests."""
    limits, tls = serving.engine.traits.limits, list[str]()
    if serving.encrypted:
        tls = [limits[Limit.key_file], f"{TLS}/tls.key"]
        tls += [limits[Limit.certificate_file], f"{TLS}/tls.crt"]
    return [*_limit_arguments(serving), *tls]


def _limit_arguments(serving: ServingPlan) -> list[str]:
    limits = serving.engine.traits.limits
    match serving.limits_by:
        case LimitsBy.engine:
            return [limits[Limit.queue], str(serving.in_flight)]
        case LimitsBy.admission if Limit.middleware in limits:
            # Guard: the last one is the first that a request meets, and counts it meanwhile.
            inner = [] if serving.prompt is None else ["prompt_check.Prompts"]
            check = "admission.Admission"
            if serving.embedding is not None:
                check = "embedding_check.Embeddings"
            checks = [*inner, check]
            return [word for check in checks for word in (limits[Limit.middleware], check)]
        case LimitsBy.admission | LimitsBy.worker | LimitsBy.nothing:
            return []
        case _ as never:
            assert_never(never)


def engine_environment(serving: ServingPlan) -> dict[str, str]:
    """Environment of an engine that answers requests: only variables that its version knows."""
    values, traits = _start_environment(serving), serving.engine.traits
    if serving.keep_alive_s is not None:
        values[traits.keep_alive] = str(serving.keep_alive_s)
    most = serving.sequences_per_request
    match serving.limits_by:
        case LimitsBy.engine if most is not None:
            values |= dict.fromkeys(traits.sequences_per_request, str(most))
        case LimitsBy.admission:
            values["PYTHONPATH" if traits.entry is None else "ADMISSION_FOLDER"] = PROGRAMS
            values["ADMISSION_IN_FLIGHT"] = str(serving.in_flight)
            values["ADMISSION_SEQUENCES"] = "" if most is None else str(most)
            if serving.prompt is not None:
                values["PROMPT_STAGES"] = prompt_stages(serving.prompt)
            if serving.embedding is not None:
                values |= _embedding_environment(serving, serving.embedding)
        case LimitsBy.engine | LimitsBy.worker | LimitsBy.nothing:
            pass
        case _ as never:
            assert_never(never)
    return values


def _embedding_environment(serving: ServingPlan, embedding: EmbeddingServingPlan) -> dict[str, str]:
    """Limits of a request of texts, as their check reads them. An unknown one is empty."""
    limits = {
        "EMBEDDING_TOKENS": serving.max_model_len,
        "EMBEDDING_BYTES": embedding.max_body_bytes,
        "EMBEDDING_DIMENSIONS": embedding.dimensions,
    }
    return {name: "" if limit is None else str(limit) for name, limit in limits.items()}


def prompt_stages(plan: PromptPlan) -> str:
    """Settings of the stages of prompts, as their program reads them."""
    settings: dict[str, object] = {"max_characters": plan.max_characters}
    if plan.history is not None:
        settings["history"] = plan.history
    for name, stage in plan.stages.items():
        settings[name] = {
            "url": f"http://{stage.service}.{stage.service}.svc:{ENGINE_PORT}{STAGE_PATH}",
            "model": stage.model,
            "instruction": stage.instruction,
            "output_tokens": stage.output_tokens,
            "budget_s": stage.budget_ms / 1000,
            "on_failure": stage.on_failure,
        }
    return json.dumps(settings, sort_keys=True)


def _start_environment(serving: ServingPlan) -> dict[str, str]:
    """Variables by which the start program makes the engine's file, and the link to the weights."""
    values, traits = dict[str, str](), serving.engine.traits
    if traits.options_flag is not None:
        values["ENGINE_OPTIONS"] = json.dumps(engine_options(serving), sort_keys=True)
        values["ENGINE_OPTIONS_FILE"] = OPTIONS_FILE
    if Setting.served_name not in traits.flags:
        values["ENGINE_WEIGHTS"] = f"/weights/{serving.weights_folder}"
        values["ENGINE_WEIGHTS_LINK"] = model_path(serving)
    return values


def argument(text: str) -> str:
    """Escaped argument of a container.

    Guard: the kubelet expands $(NAME) and turns $$ into $.
    """
    return text.replace("$", "$$")


def _named(traits: EngineTraits, names: Mapping[str, str], precision: str) -> str:
    if precision not in names:
        known = ", ".join(names)
        raise ValueError(f"{traits.image} has no name for precision {precision}; it knows {known}")
    return names[precision]
