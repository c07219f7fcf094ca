"""Why does no engine of this version serve a workload, or not on so many cards?"""

from collections.abc import Iterator

from sizing.catalog import Catalog
from sizing.catalog.lookup import Facts
from sizing.steps.diffusion import shared_cards
from sizing.workload import Workload
from sizing.workload.kinds import EncoderPlacement, Runtime

RUNTIMES = (Runtime.eager, Runtime.compiled)
"""Ways in which an engine of images runs kernels. Basis: vendor (vLLM-Omni 0.30.0)."""


def unserved(workload: Workload, facts: Facts, catalog: Catalog) -> str | None:
    """Reason why no engine serves the workload, as a clause; None where its engine does.

    An engine of images serves the models of its list (data/engine_models.csv). Basis: vendor.
    """
    traits = workload.kind.traits
    if not traits.has_engine:
        return f"this version has no engine for {workload.kind.value}"
    return next(_of_images(workload, facts, catalog), None) if traits.makes_media else None


def _of_images(workload: Workload, facts: Facts, catalog: Catalog) -> Iterator[str]:
    """Yield what the engine lacks of an image service."""
    engine, listed = workload.engine.name, catalog.listed(workload.engine.name)
    tag = f"{engine} {catalog.pin(engine.traits.image).version}"
    if facts.model is None:
        yield f"{tag} serves the models of its list, and this one has no name of the catalog"
    elif facts.model.model not in listed:
        yield f"{tag} does not list {facts.model.model}; it lists {', '.join(sorted(listed))}"
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
