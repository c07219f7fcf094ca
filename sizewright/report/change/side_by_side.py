"""Plans side by side for people: one column for each file, with `*` at the better value."""

from collections.abc import Iterator, Sequence

from sizewright.layout.leaf import leaf_text
from sizewright.layout.numbers import UNKNOWN
from sizewright.layout.table import Table
from sizewright.report.answer.failures import Failure, failures
from sizewright.report.change.difference import HEADLINES
from sizewright.review.side_by_side import Sized, best, leaf, number
from sizing.plan.service.whole import ServicePlan

NONE = "-"
"""Text for a value of a service without a pool."""
TITLE = "* is better; GPUs, nodes, latency and cost are compared where load and requests are equal"
REQUESTED = {
    "name": "service",
    "traffic.requests_per_s_mean": "",
    "traffic.requests_per_s_peak": "",
    "capacity.method": "method",
    "capacity.load": "sized for the",
}
HARDWARE = {
    "pool.instance_type": "",
    "pool.gpu": "",
    "choice.precision": "precision",
    "pool.tensor_parallel": "tensor parallel",
    "pool.nodes_per_replica": "",
}
COUNTS = {
    "pool.binding": "",
    "pool.gpus_needed": "",
    "pool.gpus_total": "",
    "pool.nodes_needed": "",
    "pool.nodes_spare": "",
    "pool.nodes_total": "",
}
SURVIVES = {
    "pool.survives.nodes": "survives any nodes",
    "pool.survives.zones": "survives any zones",
}
UTILISATION = {"pool.utilisation_at_mean": "", "pool.utilisation_at_peak": ""}
OF_TOKENS = {
    "calibrated.safe.ttft_ms": "TTFT, sizing estimate",
    "calibrated.safe.tpot_ms": "TPOT, sizing estimate",
}
OF_ITEMS = {
    "item.sized_s": "an item, sizing estimate",
    "latency.response_s": "response, sizing estimate",
}
OF_VECTORS = {"latency.response_s": OF_ITEMS["latency.response_s"]}
"""Times of text, of images and clips, and of embeddings. A comparison of several has all of
them."""
COST = {"choice.pool_usd_per_month": "USD a month, nodes alone"}
"""Label of each row by leaf; an empty label means the one of `diff`."""


def side_by_side_tables(files: Sequence[Sized]) -> Iterator[Table]:
    """The comparison, then the reasons for missing pools, and the dates of the prices."""
    services = [each.service for each in files]
    names = names_of(files)
    rows = [*_rows(services, {**REQUESTED, **HARDWARE, **COUNTS}), _zones(services)]
    rows += [*_rows(services, SURVIVES), *_losses(services)]
    rows += _rows(services, {**UTILISATION, **_times(services), **COST})
    yield Table(TITLE, rows, ("", *names))
    lacking = [
        (name, r.option, r.reason.value, r.numbers)
        for name, service in zip(names, services, strict=True)
        if service.pool is None
        for r in service.rejected
    ]
    yield Table("why there is no pool", lacking, ("file", "option", "reason", "numbers"))
    dates = {_origin(s) for s in services if s.choice and s.choice.price_source}
    yield Table("prices, on demand, nodes alone", [(text,) for text in sorted(dates)])


def _times(services: Sequence[ServicePlan]) -> dict[str, str]:
    """Times that a service of the comparison may have."""
    found = dict[str, str]()
    for traits in {service.inputs.kind.traits for service in services}:
        whole = OF_ITEMS if traits.makes_media else OF_VECTORS
        found |= OF_TOKENS if traits.generates and not traits.makes_media else whole
    order = {**OF_TOKENS, **OF_ITEMS}
    return {path: order[path] for path in order if path in found}


def names_of(files: Sequence[Sized]) -> list[str]:
    """File names, or whole paths where two names would be equal."""
    short = [each.file.name for each in files]
    return [
        name if short.count(name) == 1 else str(each.file)
        for name, each in zip(short, files, strict=True)
    ]


def _rows(services: Sequence[ServicePlan], labels: dict[str, str]) -> Iterator[list[str]]:
    for path, label in labels.items():
        marked = best(services, path)
        cells = [_cell(service, path) for service in services]
        cells = [f"{text} *" if i in marked else text for i, text in enumerate(cells)]
        yield [label or HEADLINES[path], *cells]


def _cell(service: ServicePlan, path: str) -> str:
    value = leaf(service, path)
    if value is None:
        return _absent(service, path)
    known = number(value)
    if known is None:
        return str(value)
    if path in COST:
        return f"{known:,.0f}"
    return "none" if path in SURVIVES and not known else leaf_text(path, known)


def _absent(service: ServicePlan, path: str) -> str:
    """Reason why a leaf has no value: no pool, no predicted latency, or an unbounded latency."""
    if service.pool is None and not path.startswith("traffic."):
        return NONE
    if path in OF_TOKENS and not service.inputs.kind.traits.generates:
        return "not predicted"
    if path.startswith("calibrated."):
        return "not predicted" if service.calibrated is None else "unbounded"
    if path in OF_ITEMS and "response_s" not in service.inputs.kind.traits.targets:
        return "not predicted"
    return UNKNOWN


def _zones(services: Sequence[ServicePlan]) -> list[str]:
    cells = []
    for service in services:
        zones = service.pool.nodes_by_zone.items() if service.pool else ()
        cells.append(", ".join(f"{zone} {count:,}" for zone, count in zones) or NONE)
    return ["nodes by zone", *cells]


def _losses(services: Sequence[ServicePlan]) -> Iterator[list[str]]:
    """Rows for the loss of the largest zone, a rollout and a repair; other rows show lost nodes."""
    found = [list(failures(s, s.pool)) if s.pool else [] for s in services]
    names = dict.fromkeys(f.name for of_one in found for f in of_one[1:])
    for name in names:
        yield [name, *(_loss(name, of_one) for of_one in found)]


def _loss(name: str, found: Sequence[Failure]) -> str:
    texts = (f"{f.figures}: {f.verdict}" for f in found if f.name == name)
    return next(texts, NONE)


def _origin(service: ServicePlan) -> str:
    choice = service.choice
    return "" if choice is None else f"{choice.price_source}, {choice.price_checked or 'undated'}"
