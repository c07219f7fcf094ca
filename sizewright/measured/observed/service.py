"""A planned service next to its measurements, and the workload that follows from them."""

from dataclasses import dataclass, replace
from pathlib import Path

from sizewright.measured.calibration import correction_text
from sizewright.measured.observed.correction import observed_corrections
from sizewright.measured.observed.expected import Expectation, replica_of
from sizewright.measured.observed.figure import Figure
from sizewright.measured.observed.figures import Compared
from sizewright.measured.observed.measured import Floor, Measured
from sizewright.measured.observed.proposal import Proposal, proposal
from sizewright.measured.observed.workload_text import with_numbers
from sizewright.reading.plain_yaml import PlainYaml
from sizewright.reading.read import Document, file_content
from sizewright.reading.stack.plan import plan_of
from sizewright.reading.stack.site_file import SiteFile, read_site
from sizewright.reading.stack.workload_file import (
    WorkloadFile,
    catalog_of,
    read_workload,
    with_routes,
)
from sizewright.review.compare import ServiceChange, service_changes
from sizing.catalog import Catalog, load_catalog
from sizing.catalog.correction import Corrections
from sizing.plan.service.whole import ServicePlan
from sizing.plan.whole import Plan
from sizing.workload import ENGINES, EngineName, Kind, Workload
from sizing.workload.engines.requests import RequestMetrics
from sizing.workload.engines.traits import Gauges
from templates.monitoring.watched import watched

CALIBRATION = ".calibration.json"
KINDS = (Kind.text, Kind.chat)


@dataclass(frozen=True)
class Stack:
    """A workload file with its routes, and its plan on a site."""

    file: WorkloadFile
    others: list[WorkloadFile]
    site: SiteFile
    catalog: Catalog
    plan: Plan

    @property
    def service(self) -> ServicePlan:
        """Plan of the file's own service."""
        return next(s for s in self.plan.services if s.name == self.file.workload.name)


@dataclass(frozen=True)
class Found:
    """Everything that a comparison found."""

    stack: Stack
    measured: Measured
    figures: tuple[Figure, ...]
    corrections: Corrections | str
    """Corrections that follow, or the reason why there are none."""
    proposal: Proposal


@dataclass(frozen=True)
class Proposed:
    """A changed workload: its files, and the plan with them."""

    texts: dict[Path, str]
    plan: Plan
    changes: tuple[ServiceChange, ...]


def planned_service(path: Path, site: Path) -> Stack:
    """Return the plan of a workload file. Raises InputError."""
    catalog, where = load_catalog(), read_site(site)
    first, *others = with_routes(read_workload(path, catalog), catalog)
    return Stack(first, others, where, catalog, plan_of([first, *others], where, catalog))


def series_names(stack: Stack) -> tuple[Gauges, RequestMetrics]:
    """Return the names of an engine's series. Raises InputError for a service without them."""
    kind, name = stack.file.workload.kind, stack.service.inputs.engine.name
    document = stack.file.document
    if kind not in KINDS:
        message = f"services of kind {kind} are not compared with their plan"
        raise document.error(("kind",), message, f"one of {', '.join(KINDS)}")
    traits = None if name is EngineName.auto else name.traits
    if traits is None or traits.gauges is None or traits.requests is None:
        known = ", ".join(each for each, row in ENGINES.items() if row.requests is not None)
        message = f"the metrics of engine {name} are not known"
        raise document.error(("engine", "name"), message, f"one of {known}")
    return traits.gauges, traits.requests


def floor_of(stack: Stack) -> Floor | None:
    """Return the replicas that always run; None where the stack builds none."""
    found, pool = watched(stack.service), stack.service.pool
    return None if found is None or pool is None else Floor(found.floor, pool.replicas_total)


def compared(stack: Stack, measured: Measured) -> Found:
    """Compare a plan with measurements."""
    known = catalog_of(stack.file, stack.catalog)
    sized = replica_of(stack.service, stack.site.site, known)
    expected = None if sized is None else Expectation(sized, measured)
    figures = Compared(stack.service, measured, expected).figures()
    made = proposal(stack.file.workload, {figure.name: figure for figure in figures})
    corrections = observed_corrections(expected, stack.file.corrections)
    if made.is_calibrated and isinstance(corrections, str):
        made.is_calibrated = False
        made.notes.append(f"no calibration: {corrections}")
    return Found(stack, measured, figures, corrections, made)


def proposed(found: Found, path: Path, out: Path | None) -> Proposed | None:
    """Return the changed workload and its plan; None where nothing changes. Raises InputError.

    Its hardware is chosen again, as `update` does. `out` is the file of corrections that the user
    requests; the plan uses them where they are those of the changed workload.
    """
    stack, made, calibration = found.stack, found.proposal, path.with_suffix(CALIBRATION)
    if made.is_empty:
        return None
    text = file_content(stack.file.path, "a workload file").decode("utf-8-sig")
    changed = with_numbers(stack.file.document, text, made.numbers)
    yaml = PlainYaml(changed.encode())
    data = {key: each for key, each in yaml.data.items() if key in stack.file.document.data}
    document = Document(str(path), data, yaml.key_positions, yaml.value_positions)
    corrections, texts = stack.file.corrections, {path: changed}
    if (made.is_calibrated or out == calibration) and not isinstance(found.corrections, str):
        corrections = found.corrections.model_copy(update={"source": calibration.name})
    is_other = corrections != stack.file.corrections or path != stack.file.path
    if corrections is not None and is_other:
        texts[calibration] = correction_text(corrections)
    new = replace(
        stack.file,
        path=path,
        document=document,
        workload=document.validate(Workload),
        lock=None,
        corrections=corrections,
    )
    plan = plan_of([new, *stack.others], stack.site, stack.catalog)
    return Proposed(texts, plan, service_changes(stack.plan, plan))
