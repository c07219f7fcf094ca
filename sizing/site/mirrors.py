"""Which registry an image or a chart comes from, where the stack names copies of registries."""

from collections.abc import Mapping


def mirrored(address: str, mirrors: Mapping[str, str]) -> str:
    """The address with its longest named beginning replaced by that one's mirror.

    An address may have a scheme, as charts have; it keeps it, unless the mirror brings its own.
    """
    scheme, place = address_parts(address)
    beginnings = [prefix for prefix in mirrors if begins(place, prefix)]
    if not beginnings:
        return address
    longest = max(beginnings, key=len)
    own_scheme, mirror = address_parts(mirrors[longest])
    used = (own_scheme or scheme) if scheme else ""
    return f"{used}{mirror}{place.removeprefix(longest)}"


def begins(place: str, prefix: str) -> bool:
    """Whether the prefix ends where a part of the address ends: docker.io/vllm is not the beginning
    of docker.io/vllms."""
    return place.startswith(prefix) and place[len(prefix) : len(prefix) + 1] in ("", "/", ":", "@")


def address_parts(address: str) -> tuple[str, str]:
    """Scheme with its slashes, empty where there is none, and the rest."""
    scheme, slashes, place = address.rpartition("://")
    return f"{scheme}{slashes}", place
