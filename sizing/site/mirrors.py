"""Which registry does an image or a chart come from, where the stack names mirrors?"""

from collections.abc import Mapping


def mirrored(address: str, mirrors: Mapping[str, str]) -> str:
    """Return the address with its longest matching prefix replaced by the mirror of that prefix.

    The address of a chart may have a scheme. It keeps the scheme, unless the mirror has its own.
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
    """True where the prefix ends at a part of the address: docker.io/vllm is no prefix of
    docker.io/vllms."""
    return place.startswith(prefix) and place[len(prefix) : len(prefix) + 1] in ("", "/", ":", "@")


def address_parts(address: str) -> tuple[str, str]:
    """Return the scheme with its slashes, empty where there is none, and the rest."""
    scheme, slashes, place = address.rpartition("://")
    return f"{scheme}{slashes}", place
