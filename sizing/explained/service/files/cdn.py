"""Explanations of the delivery of a service's results by a content delivery network."""

from sizing.explained.entry import Basis, Entry, Explainer, Leaf, Registry, log_days, setting
from sizing.explained.service.capacity import busiest_rate
from sizing.plan.service.files.cdn import CdnPlan, LinkApiPlan
from sizing.service.stores.cdn import LAST_TIER, TIERS
from sizing.values.units import GB

CODE = "sizing/service/stores/cdn.py"
AT_ONCE = "assumed: views follow their result at once, so that both have the same peak"
SIZE = "{s.cdn.item_bytes} * 8 / {units.MB}"


def _item_bytes(leaf: Leaf) -> Entry:
    data, remarks = leaf.sized.inputs.data, tuple[str, ...]()
    if leaf.sized.renditions is not None:
        remarks = ("an upper bound: viewers of a rendition fetch fewer bytes",)
    if data is not None and data.interaction_bytes is not None:
        basis, source = Basis.given, "the workload file: data.interaction_bytes"
        symbols = "data.interaction_bytes"
        return Entry("bytes of one result", symbols, "{v}", basis, source, remarks=remarks)
    numbers = "{s.artefact.file_bytes}"
    return Entry("bytes of one result", "bytes of the file", numbers, remarks=remarks)


def _views(load: str) -> Entry:
    return Entry(
        f"views of results a second, {load}",
        f"{load} rate x views of one result",
        f"{{s.traffic.requests_per_s_{load}}} * {{w.cdn.views_per_item}}",
        remarks=(AT_ONCE,) if load == "peak" else (),
    )


def _egress(load: str) -> Entry:
    return Entry(
        f"megabits a second to viewers, {load}",
        f"{load} views a second x bytes of a result x 8 / 10^6",
        f"{{s.cdn.views_per_s_{load}}} * {SIZE}",
    )


def _origin(leaf: Leaf) -> Entry:
    return Entry(
        "requests a second to the bucket, at the highest known rate",
        "rate x views of one result x (1 - hit ratio)",
        f"{busiest_rate(leaf)} * {{w.cdn.views_per_item}} * (1 - {{w.cdn.hit_ratio}})",
        remarks=(AT_ONCE,),
    )


def _usd() -> Entry:
    """Explanation of the price: each tier takes what lies between its ends."""
    start, parts = 0, list[str]()
    for end, usd in TIERS:
        size, ends = "{s.cdn.egress_gb_per_month}", end // GB
        parts.append(f"max(min({size}, {ends}) - {start}, 0) * {float(usd):g}")
        start = ends
    parts.append(f"max({{s.cdn.egress_gb_per_month}} - {start}, 0) * {float(LAST_TIER):g}")
    return Entry(
        "US dollars a month for the bytes to viewers",
        "sum over tiers of GB in the tier x price of the tier",
        " + ".join(parts),
        Basis.vendor,
        f"list prices in infracost's test data of 2024-07-01: {CODE}",
        remarks=("requests, contracts and the free first TB are not in it",),
    )


def _at_once(leaf: Leaf) -> Entry:
    return Entry(
        "requests for signed addresses that run at once at the busiest moment",
        "views a second x seconds of one request, Little's law",
        f"{busiest_rate(leaf)} * {{w.cdn.views_per_item}} * {{jobs.REQUEST_S}}",
        Basis.assumed,
        "seconds of a request: sizing/service/items/jobs.py",
        remarks=("an upper bound: an address may serve several views of an hour",),
    )


def _as_the_job_api(meaning: str, field: str) -> Explainer:
    return Entry(meaning, "as for the function that accepts jobs", f"{{s.jobs.api.{field}}}")


CDN: Registry = {
    CdnPlan: {
        "item_bytes": _item_bytes,
        "views_per_s_mean": _views("mean"),
        "views_per_s_peak": _views("peak"),
        "egress_mbit_per_s": _egress("mean"),
        "egress_mbit_per_s_peak": _egress("peak"),
        "origin_requests_per_s": _origin,
        "origin_mbit_per_s": Entry(
            "megabits a second from the bucket, at the highest known rate",
            "requests a second to the bucket x bytes of a result x 8 / 10^6",
            f"{{s.cdn.origin_requests_per_s}} * {SIZE}",
        ),
        "egress_gb_per_month": Entry(
            "gigabytes to viewers in a month of 30 days",
            "mean views a second x seconds of a month x bytes of a result / 10^9",
            "{s.cdn.views_per_s_mean} * {units.SECONDS_PER_DAY} * {units.DAYS_PER_MONTH}"
            " * {s.cdn.item_bytes} / {units.GB}",
        ),
        "egress_usd_per_month": _usd(),
    },
    LinkApiPlan: {
        "memory_mib": _as_the_job_api("memory of the function that signs", "memory_mib"),
        "timeout_s": _as_the_job_api("longest run of that function, seconds", "timeout_s"),
        "at_once": _at_once,
        "url_s": setting(
            "maximum seconds for which a signed address is valid",
            "an hour, and never longer than its result",
            Basis.assumed,
            "sizing/service/items/jobs.py",
        ),
        "log_days": log_days("the logs of the function that signs"),
    },
}
