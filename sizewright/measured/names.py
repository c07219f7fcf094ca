"""Which model or GPU does a log mean by its own spelling of the name?"""

import re
from collections.abc import Iterable

from sizing.catalog import Catalog, Gpu, UnknownName
from sizing.values.units import GIB

TUNING = {"hf", "instruct", "chat", "it", "base", "quantized", "dynamic"}
"""Words of a repository's name for a checkpoint with the same architecture."""
FORMAT = re.compile(r"w\d+a\d+|(bf|fp|int|nvfp|mxfp|nf)\d+|awq|gptq")
"""Words of a repository's name for the number format of its weights."""
VERSION = re.compile(r"-v(\d+(?:\.\d+)*)$")
FORM_FACTOR = re.compile(r"-(sxm|server|hgx|nvl72)\d*$")
MEMORY = re.compile(r"-(\d+)gb$")
NEAR = 0.08
"""Most relative difference of a card's memory from the number in its name. Basis: vendor; names use
round numbers, and part of the memory is reserved."""
DEFAULT_MEMORY_GB = 80
"""Memory of a card with several sizes whose name states none. Basis: assumed, the larger A100."""


def same_repositories(name: str, known: Iterable[str]) -> list[str]:
    """Known Hugging Face ids with this name, whatever the organisation and case."""
    wanted = name.lower().rpartition("/")[2]
    return [each for each in known if each.lower().rpartition("/")[2] == wanted]


def same_models(name: str, known: Iterable[str]) -> list[str]:
    """Known Hugging Face ids that have the architecture of the model with this name.

    Organisation, punctuation, and words for tuning and number format do not matter. A name without
    a version means the newest one.
    """
    ids = list(known)
    meant = _plain(name)
    found = [each for each in ids if meant in _plain_names(each)]
    if found or VERSION.search(name.lower()):
        return found
    versions = {each: VERSION.search(each.lower()) for each in ids}
    dated = {
        each: tuple(int(part) for part in version[1].split("."))
        for each, version in versions.items()
        if version and meant in _plain_names(each[: version.start()])
    }
    return [each for each, version in dated.items() if version == max(dated.values())]


def _plain_names(identity: str) -> tuple[str, str]:
    """Plain name of an id, and the same after the organisation's first word: Meta-Llama-3-8B."""
    organisation, _, name = identity.rpartition("/")
    return _plain(name), _plain(organisation.split("-")[0] + name)


def _plain(name: str) -> str:
    words = re.split(r"[^a-z0-9]+", name.lower().rpartition("/")[2])
    return "".join(word for word in words if word not in TUNING and not FORMAT.fullmatch(word))


def gpu_named(name: str, catalog: Catalog) -> Gpu | None:
    """Return the accelerator with this name in a log; None where the catalog has no such card.

    A form factor does not matter if the catalog has one card of that name, and memory in the name
    must be that of the card.
    """
    plain = re.sub(r"[\s_]+", "-", name.strip().lower()).removeprefix("nvidia-")
    stated = MEMORY.search(plain)
    memory_gb = float(stated[1]) if stated else None
    short = MEMORY.sub("", plain)
    base = FORM_FACTOR.sub("", short)
    sized = f"{base}-{stated[1] if stated else DEFAULT_MEMORY_GB}"
    for candidate in (plain, short, base, sized):
        card = _card(candidate, catalog)
        if card is not None and _has_memory(card, memory_gb):
            return card
    return None


def _card(name: str, catalog: Catalog) -> Gpu | None:
    try:
        return catalog.gpu(name)
    except UnknownName:
        return None


def _has_memory(card: Gpu, memory_gb: float | None) -> bool:
    return memory_gb is None or abs(card.memory_bytes / GIB / memory_gb - 1) <= NEAR
