"""Do the weights differ from the published ones, and which source provides them?"""

from sizing.catalog import Catalog, Checkpoint
from sizing.model.memory import NOMINAL_BITS
from sizing.plan.service.pool import CheckpointPlan
from sizing.replica.case import Case
from sizing.workload import Precision


def checkpoint_plan(case: Case) -> CheckpointPlan | None:
    """Source of weights that are narrower than the model's published ones. The result is None where
    they are not narrower, or where the published precision is unknown.

    Basis: data/models.csv, data/checkpoints.csv and data/engines.csv.
    """
    model, precision = case.facts.model, case.facts.precision
    if model is None or case.workload.kind.traits.makes_media:
        return None
    published = Precision(model.native_dtype)
    if NOMINAL_BITS[precision] >= NOMINAL_BITS[published]:
        return None
    source = case.workload.model.source
    named = source.hub if source is not None else None
    known = None if source is not None else _known(case.catalog, model.model, precision)
    support = case.catalog.support(case.workload.engine.name, precision.value)
    flag = support.online_flag if support is not None else None
    repository = named.id if named else known.repository if known else None
    return CheckpointPlan(
        published=published.value,
        precision=precision.value,
        repository=repository,
        revision=named.revision if named else known.revision if known else None,
        flag=flag,
        text=f"{precision.value}, narrower than the published {published.value}; "
        + _provided(precision, repository, flag, sourced=source is not None),
    )


def _known(catalog: Catalog, model: str, precision: Precision) -> Checkpoint | None:
    """Repository of the model in this precision in the catalog, preferably one with a commit."""
    rows = [r for r in catalog.checkpoints if (r.model, r.precision) == (model, precision.value)]
    return min(rows, key=lambda row: row.revision is None, default=None)


def _provided(
    precision: Precision, repository: str | None, flag: str | None, *, sourced: bool
) -> str:
    if sourced:
        return f"{repository or 'the source in the workload'} provides it"
    if repository is not None:
        return f"{repository} provides it: name it in model.source, or copy it to the bucket"
    text = f"the catalog knows no repository of it: copy a checkpoint in {precision.value}"
    if flag is None:
        return f"{text} to the bucket"
    return (
        f"{text} to the bucket; {flag} of the engine would narrow the published weights while they "
        "load, but the stack does not pass it"
    )
