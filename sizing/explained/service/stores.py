"""Explanations of the data that a service keeps and moves."""

from decimal import Decimal

from sizing.explained.entry import Basis, Entry, Explainer, Leaf, Registry, log_days, setting
from sizing.explained.service.application.direct import with_direct
from sizing.explained.service.application.route import front_rate
from sizing.explained.service.capacity import busiest_rate
from sizing.explained.service.files.artefact import (
    answer_bytes,
    answer_remarks,
    file_remarks,
    request_bytes,
)
from sizing.explained.service.files.renditions import with_variants
from sizing.plan.service.stores import (
    BucketPlan,
    DatabasePlan,
    StoragePlan,
    TransferPlan,
)
from sizing.service.storage import DOCUMENTS, FEEDBACK, UPLOADS
from sizing.service.stores.aurora import MIN_ACU, highest_acu
from sizing.values.exact import Number, exact, plain

DAILY = "{w.traffic.daily_users} * {w.traffic.requests_per_user_per_day}"
_DAY = "{units.SECONDS_PER_DAY}"


def _daily(leaf: Leaf) -> str:
    """Requests of a day at the service's load balancer, as numbers."""
    return DAILY if leaf.sized.route is None else f"{front_rate('mean', leaf)} * {_DAY}"


def _writes(load: str) -> Explainer:
    return lambda leaf: Entry(
        f"rows written a second, {load}",
        "every request writes one interaction",
        front_rate(load, leaf),
    )


def _ingress(load: str) -> Explainer:
    return lambda leaf: Entry(
        f"megabits a second in, {load}",
        f"{load} rate x request_bytes x 8 / 10^6",
        f"{front_rate(load, leaf)} * {with_direct(leaf, request_bytes(leaf), 'sent')}"
        " * 8 / {units.MB}",
    )


def _egress(load: str) -> Explainer:
    def entry(leaf: Leaf) -> Entry:
        return Entry(
            f"megabits a second out, {load}",
            f"{load} rate x response_bytes x 8 / 10^6",
            f"{front_rate(load, leaf)} * {with_direct(leaf, answer_bytes(leaf), 'answer')}"
            " * 8 / {units.MB}",
            remarks=answer_remarks(leaf),
        )

    return entry


def _interactions(leaf: Leaf) -> Entry:
    """Interactions of a day, with what the pixels say of stated bytes."""
    data = leaf.sized.inputs.data
    derived = data is not None and data.interaction_bytes is None
    computed = "{s.application.interaction_bytes}" if leaf.sized.application is not None else ""
    size = computed or "{s.artefact.file_bytes}" if derived else "{w.data.interaction_bytes}"
    return Entry(
        "bytes of interactions a day",
        "users x requests a user a day x bytes",
        f"{_daily(leaf)} * {with_variants(leaf, size)}",
        remarks=file_remarks(leaf),
    )


def _indexed(leaf: Leaf) -> Entry:
    data, application = leaf.sized.inputs.data, leaf.sized.application
    derived = application is not None and data is not None and data.interaction_bytes is None
    ratio = "{s.application.index_ratio}" if derived else "{w.data.index_ratio}"
    return Entry(
        "bytes of interactions and their indexes a day",
        "interactions x (1 + index ratio)",
        f"ceil({{s.storage.interaction_bytes_per_day}} * (1 + {ratio}))",
    )


def _stored(leaf: Leaf) -> Entry:
    if _of_page(leaf):
        return Entry(
            "bytes in the page's database when retention is full",
            "mean rate x seconds of a day x retention days x bytes of one question",
            "ceil({s.traffic.requests_per_s_mean} * {units.SECONDS_PER_DAY}"
            " * {s.page.retention_days} * {s.page.turn_bytes})",
        )
    storage, database = leaf.sized.storage, leaf.sized.database
    profiles = storage.profile_bytes or 0
    apart = database is not None and database.stored_bytes == profiles
    if leaf.sized.context is not None:
        return Entry(
            "bytes in the database when retention is full",
            "retained interactions + chunks of documents",
            "{s.storage.retained_bytes} + {s.application.context.stored_bytes}",
        )
    return Entry(
        "bytes in the database when retention is full",
        "profiles + retained interactions while they fit together, else profiles alone",
        f"{profiles}" if apart else f"{profiles} + {{s.storage.retained_bytes}}",
    )


def _min_acu(leaf: Leaf) -> Entry:
    meaning = "lowest capacity of the database, Aurora capacity units (2 GiB each)"
    source, usual = "sizing/service/storage.py", MIN_ACU[leaf.plan.site.environment]
    if leaf.sized.context is None:
        return setting(meaning, "0.5 in dev, 2 in prod; never paused", Basis.assumed, source)
    return Entry(
        meaning,
        "max(0.5 in dev or 2 in prod, what holds the index of vectors), at most 256",
        f"min(max({plain(usual)}, {{s.application.context.memory_acu}}), {{aurora.MAX_ACU}})",
        Basis.assumed,
        source,
    )


def _of_page(leaf: Leaf) -> bool:
    """True for a number of the database of a chat page."""
    return "page" in leaf.keys


def _max_acu(leaf: Leaf) -> Entry:
    page = "page." * _of_page(leaf)
    return Entry(
        "highest capacity of the database, Aurora capacity units (2 GiB each)",
        "2 x writes/s / writes/s of a unit, in halves, between the lowest (at least 1) and 256",
        f"min(max(ceil(4 * {_database_writes(leaf)} / {{aurora.WRITES_PER_S_PER_ACU}}) / 2, 1,"
        f" {{s.{page}database.min_acu}}), {{aurora.MAX_ACU}})",
        Basis.assumed,
        "100 writes/s a unit: sizing/service/stores/aurora.py",
        band=_acu_band(leaf),
    )


def _database_writes(leaf: Leaf) -> str:
    """Writes a second: those of the application, or one for each request."""
    if _of_page(leaf):
        return "{s.page.writes_per_s}"
    if leaf.sized.application is not None:
        return "{s.application.writes_per_s}"
    return busiest_rate(leaf)


def _acu_band(leaf: Leaf) -> tuple[Number, Number] | None:
    """Capacity where a unit commits 500 or 50 writes a second."""
    service = leaf.sized
    traffic, database, page = service.traffic, service.database, service.page
    if _of_page(leaf) and page is not None:
        database = page.database
    if database is None:
        return None
    requests = traffic.requests_per_s_peak or traffic.requests_per_s_mean
    application = service.application
    writes = requests if application is None else application.writes_per_s
    if _of_page(leaf) and page is not None:
        writes = page.writes_per_s
    rate = exact(Decimal(str(writes)))
    lowest = exact(Decimal(str(database.min_acu)))
    return plain(highest_acu(rate, 500, lowest)), plain(highest_acu(rate, 50, lowest))


def _bucket_bytes(leaf: Leaf) -> Entry:
    if leaf.service is None:
        return _log_bytes(leaf)
    role = leaf.sized.buckets[int(leaf.keys[3])].role
    if role == "weights":
        return Entry(
            "bytes of one version of the weights", "nominal weights", "{s.storage.weights_bytes}"
        )
    if role == UPLOADS:
        return Entry(
            "bytes of uploaded files when retention is full",
            "mean rate x seconds of a day x bytes of files for a request x retention days",
            f"ceil({front_rate('mean', leaf)} * {{units.SECONDS_PER_DAY}}"
            " * {s.application.file_bytes_per_request} * {w.data.retention_days})",
        )
    if role == FEEDBACK:
        return Entry(
            "bytes of feedback when retention is full",
            "bytes of all records",
            "{s.application.feedback.stored_bytes}",
        )
    if role == DOCUMENTS:
        return Entry(
            "bytes of documents, as text",
            "documents x bytes of one",
            "ceil({w.context.documents} * {w.context.document_bytes})",
            remarks=("files of another form, such as PDF, may be larger",),
        )
    return Entry(f"bytes of {role}", "retained interactions", "{s.storage.retained_bytes}")


def _zones(leaf: Leaf) -> Entry:
    regions = 1 if leaf.sized.buckets[int(leaf.keys[3])].region_copy is None else 2
    return Entry(
        "zones over which each file is kept, at least",
        "zones of a region x regions",
        f"{{region_copy.ZONES}} * {regions}",
        Basis.vendor,
        "S3 user guide: data protection",
    )


def _log_bytes(leaf: Leaf) -> Entry:
    behind = [s.front_per_s_mean for s in leaf.plan.services if s.gateway]
    rates = " + ".join(str(rate) for rate in behind)
    return Entry(
        "bytes of the load balancers' logs when retention is full",
        "sum of the mean rates x seconds of the days kept x bytes of a request",
        f"ceil(({rates}) * {{units.SECONDS_PER_DAY}} * {{p.access_logs.expire_days}}"
        " * {network.ACCESS_LOG_BYTES})",
        Basis.assumed,
        "300 compressed bytes a request: sizing/stack/network.py",
    )


def _expire_days(leaf: Leaf) -> Entry:
    if leaf.service is None:
        return setting(
            "days after which the load balancers' logs are deleted",
            "14 in dev, 365 in prod",
            Basis.assumed,
            "sizing/site/whole.py",
        )
    return Entry(
        "days after which its objects are deleted",
        "retention days",
        "{w.data.retention_days}",
        Basis.given,
        "the workload file: data.retention_days",
    )


def _noncurrent_days(leaf: Leaf) -> Entry:
    if leaf.service is None:
        return setting(
            "days for which a replaced or deleted log can be brought back",
            "1, the minimum, because the logs expire",
            Basis.assumed,
            "sizing/stack/network.py",
        )
    return setting(
        "days for which a replaced or deleted object can be brought back",
        "30 for weights, to roll back; 1, the minimum, for objects that retention deletes",
        Basis.assumed,
        "sizing/service/storage.py",
    )


STORES: Registry = {
    StoragePlan: {
        "weights_bytes": Entry(
            "bytes of the weights as designs count them",
            "(parameters + encoders) x nominal bits / 8",
            "ceil(({s.memory.parameters} + {s.memory.encoder_parameters})"
            " * {s.memory.nominal_bits_per_parameter} / 8)",
        ),
        "profile_bytes": Entry(
            "bytes of user profiles",
            "users x bytes a user",
            "{w.traffic.daily_users} * {w.data.profile_bytes_per_user}",
        ),
        "interaction_bytes_per_day": _interactions,
        "indexed_bytes_per_day": _indexed,
        "indexed_bytes_per_month": Entry(
            "bytes a month of 30 days",
            "a day x 30",
            "{s.storage.indexed_bytes_per_day} * {units.DAYS_PER_MONTH}",
        ),
        "indexed_bytes_per_year": Entry(
            "bytes that a year of 365 days adds",
            "a day x 365",
            "{s.storage.indexed_bytes_per_day} * {units.DAYS_PER_YEAR}",
        ),
        "retained_bytes": Entry(
            "bytes kept when retention is full",
            "a day x retention days",
            "{s.storage.indexed_bytes_per_day} * {w.data.retention_days}",
        ),
        "writes_per_s_mean": _writes("mean"),
        "writes_per_s_peak": _writes("peak"),
    },
    TransferPlan: {
        "ingress_mbit_per_s": _ingress("mean"),
        "egress_mbit_per_s": _egress("mean"),
        "ingress_mbit_per_s_peak": _ingress("peak"),
        "egress_mbit_per_s_peak": _egress("peak"),
    },
    DatabasePlan: {
        "stored_bytes": _stored,
        "min_acu": _min_acu,
        "max_acu": _max_acu,
        "instances": setting(
            "database instances, each in a zone of its own",
            "2 in prod or when a zone may fail, else 1",
            Basis.assumed,
            "sizing/service/storage.py",
        ),
        "backup_days": setting(
            "days of point-in-time recovery",
            "1 in dev, 30 in prod; the vendor allows 1 to 35",
            Basis.assumed,
            "sizing/service/storage.py",
        ),
        "log_days": log_days("the database's logs"),
    },
    BucketPlan: {
        "stored_bytes": _bucket_bytes,
        "expire_days": _expire_days,
        "noncurrent_days": _noncurrent_days,
        "standard_bytes": Entry(
            "bytes in the standard class when retention is full",
            "a day x days before the first tier",
            "{s.storage.indexed_bytes_per_day} * {w.data.tiers[0].after_days}",
        ),
        "zones": _zones,
    },
}
