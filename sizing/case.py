"""One service's question with the facts it names and what a replica must hold."""

from fractions import Fraction

from sizing.catalog import Catalog
from sizing.choose import Case
from sizing.exact import exact
from sizing.lengths import running_tokens
from sizing.lookup import Facts, facts_of
from sizing.memory import Need, held_weights
from sizing.model_rows import held_architecture_of
from sizing.site import Site
from sizing.workload import Request, Workload


def case_of(workload: Workload, site: Site, catalog: Catalog) -> Case:
    """The case of a workload. Raises FieldError for names the catalog lacks."""
    facts = facts_of(workload, catalog)
    return Case(workload, facts, need_of(workload, facts), site, catalog)


def need_of(workload: Workload, facts: Facts) -> Need:
    """Weights, and KV cache for sequences of the length that is usually running."""
    return Need(
        weights=held_weights(workload.model, facts.parameters, facts.precision, facts.model),
        shape=held_architecture_of(facts.model),
        kv_precision=workload.engine.kv_precision,
        tokens=running_tokens(workload.request),
        longest_tokens=longest_tokens(workload.request),
    )


def longest_tokens(request: Request) -> Fraction | None:
    """Tokens of the longest sequence: the context that is asked for, else the mean request."""
    longest = request.context_tokens or request.total_tokens
    return None if longest is None else exact(longest)
