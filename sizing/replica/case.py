"""Case of one service: its question, its facts, and the memory that a replica requires."""

from dataclasses import dataclass, replace
from fractions import Fraction

from sizing.catalog import Catalog, InstanceType
from sizing.catalog.lookup import Facts, facts_of
from sizing.model.drafts import draft_parameters, with_draft_caches
from sizing.model.memory import Fit, HeldWeights, Need, held_weights
from sizing.model.rows import held_architecture_of
from sizing.replica.caches.host_cache import check_host_cache
from sizing.replica.item import ItemEstimate, MadeModel, item_estimate, item_memory, made_model
from sizing.replica.lengths import running_tokens
from sizing.site import Site
from sizing.values.exact import exact
from sizing.workload import Request, Workload


@dataclass(frozen=True)
class Choice:
    """Hardware that works: the replica that fits, and the site's zones that sell it."""

    fit: Fit
    zones: tuple[str, ...]


@dataclass(frozen=True)
class Case:
    """One service's workload, memory requirements, site and facts."""

    workload: Workload
    facts: Facts
    need: Need
    site: Site
    catalog: Catalog
    made: MadeModel | None = None
    """Denoiser and defaults of an image or video model; None for others, and where unknown."""

    def item_estimate(self, cards: int) -> ItemEstimate | None:
        """Return the time of one image or clip on this many cards. Return None without hardware,
        for text, and where the catalog lacks the model or a rate of the card."""
        if self.made is None:
            return None
        return item_estimate(self.workload, self.made, self.facts, self.catalog, cards=cards)


def gpus_per_node(instance: InstanceType) -> int:
    """Number of GPUs of a node: whole cards, or one partition of a card."""
    return max(1, int(instance.gpu_count))


def case_of(workload: Workload, site: Site, catalog: Catalog) -> Case:
    """Return the case of a workload. Raises FieldError for names that the catalog lacks."""
    facts = facts_of(workload, catalog)
    need = need_of(workload, facts)
    check_host_cache(workload, need.shape)
    made = made_model(workload, facts, catalog)
    if made is not None:
        need = replace(need, item=item_memory(workload, made))
    return Case(workload, facts, need, site, catalog, made)


def need_of(workload: Workload, facts: Facts) -> Need:
    """Memory of the weights, and of KV cache for sequences of the usual running length."""
    shape = held_architecture_of(facts.model)
    return Need(
        weights=weights_of(workload, facts),
        shape=None if shape is None else with_draft_caches(shape, workload.engine),
        kv_precision=workload.engine.kv_precision,
        tokens=sequence_tokens(workload),
        longest_tokens=longest_tokens(workload.request),
    )


def weights_of(workload: Workload, facts: Facts) -> HeldWeights:
    """Weights that the engine holds, with those of layers that draft."""
    held = held_weights(workload.model, facts.parameters, facts.precision, facts.model)
    shape = held_architecture_of(facts.model)
    if shape is None:
        return held
    return replace(held, draft_parameters=draft_parameters(shape, workload.engine))


def sequence_tokens(workload: Workload) -> Fraction | None:
    """Tokens of a sequence at its end, weighted as running ones are, and its drafted tokens.

    Basis: vendor (vllm/v1/core/sched/scheduler.py, 0.30.0): drafted tokens get pages of the KV
    cache like accepted ones, within the limit of the context.
    """
    tokens, drafts = running_tokens(workload.request), workload.engine.speculative
    return tokens if tokens is None or drafts is None else tokens + drafts.draft_tokens


def longest_tokens(request: Request) -> Fraction | None:
    """Tokens of the longest sequence: the context of the request, else the mean request."""
    longest = request.context_tokens or request.total_tokens
    return None if longest is None else exact(longest)
