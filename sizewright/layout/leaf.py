"""A leaf of the plan for people: the number with the unit in which its name ends."""

from collections.abc import Callable

from sizewright.layout.numbers import UNKNOWN, data_size, duration, number, plural, share, usd
from sizing.values.exact import Number

Said = Callable[[Number], str]


def _in(unit: str) -> Said:
    return lambda value: f"{number(value)} {unit}"


_BY_ENDING: tuple[tuple[str, Said], ...] = (
    ("usd_per_month", usd),
    ("mbit_per_s", _in("Mbit/s")),
    ("mib_per_s", _in("MiB/s")),
    ("_gbit_per_s", _in("Gbit/s")),
    ("_gb_per_s", _in("GB/s")),
    ("_tflops", _in("TFLOP/s")),
    ("_tops", _in("TOP/s")),
    ("flop_per_s", lambda value: f"{number(value / 10**12)} TFLOP/s"),
    ("_per_s", _in("/s")),
    ("_bytes", lambda value: data_size(round(value))),
    ("_gib", _in("GiB")),
    ("_gib_per_node", _in("GiB")),
    ("_gb", _in("GB")),
    ("_w", _in("W")),
    ("_mib", _in("MiB")),
    ("_ms", _in("ms")),
    ("_s", duration),
    ("_hours", _in("h")),
    ("_days", lambda value: plural(value, "day")),
    ("_share", share),
)


def leaf_text(name: str, value: Number | None) -> str:
    """Return the value with its unit: weights_bytes 3500000000 -> 3.5 GB, utilisation 0.77 -> 77
    %."""
    if value is None:
        return UNKNOWN
    last = name.rsplit(".", 1)[-1].replace("_at_mean", "").replace("_at_peak", "")
    last = last.removesuffix("_mean").removesuffix("_peak")
    if last.endswith("utilisation"):
        return share(value)
    if "bytes" in last.split("_") and not last.endswith("_per_s"):
        return data_size(round(value))
    for ending, said in _BY_ENDING:
        if last.endswith(ending):
            return said(value)
    return number(value)
