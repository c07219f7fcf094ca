"""Existing resources of all stand-in providers, and a log of their changes."""

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from testbed.standin.schema import opened

LONGEST_HOLD_S = 300
"""Longest delay of a reply in seconds. Guard: a test that fails meanwhile must still end."""


@dataclass(frozen=True)
class Event:
    """One change of the world."""

    op: str
    """Name of the operation: create, update or delete."""
    type: str
    name: str
    id: str


@dataclass
class Thing:
    """One resource that exists."""

    urn: str
    type: str
    name: str
    id: str
    inputs: dict[str, Any]
    outputs: dict[str, Any]


@dataclass
class World:
    """One account in one region, and the clusters in it; safe for many threads.

    `outside` contains ids, ARNs and names of resources without any stack: certificates, zones, and
    used networks.
    """

    account: str = "111122223333"
    region: str = "us-east-1"
    outside: frozenset[str] = frozenset()
    things: list[Thing] = field(default_factory=list)
    log: list[Event] = field(default_factory=list)
    planned: list[Thing] = field(default_factory=list)
    """Resources that the current preview would create: their given names are known, their ids only
    where they consist of names."""
    refused: dict[str, str] = field(default_factory=dict)
    """Reason by name why a resource cannot be created now, such as a zone without capacity."""
    held: dict[str, threading.Event] = field(default_factory=dict)
    """Event by type that delays the reply to a creation: the resource exists, but the engine does
    not know it yet."""
    lock: threading.RLock = field(default_factory=threading.RLock)
    _serial: int = 0

    def next_serial(self) -> int:
        with self.lock:
            self._serial += 1
            return self._serial

    def wait_to_reply(self, type_: str) -> None:
        """Return at once, or when the reply to the creation of that type is released."""
        if type_ in self.held:
            self.held[type_].wait(timeout=LONGEST_HOLD_S)

    def add(self, thing: Thing) -> None:
        with self.lock:
            self.things.append(thing)
            self._note("create", thing)

    def replace(self, thing: Thing, inputs: dict[str, Any], outputs: dict[str, Any]) -> None:
        with self.lock:
            thing.inputs, thing.outputs = inputs, outputs
            self._note("update", thing)

    def remove(self, thing: Thing) -> None:
        with self.lock:
            self.things.remove(thing)
            self._note("delete", thing)

    def _note(self, op: str, thing: Thing) -> None:
        self.log.append(Event(op, thing.type, thing.name, thing.id))

    def find(self, type_: str, id_: str) -> Thing | None:
        """Resource of that type and id."""
        with self.lock:
            return next((t for t in self.things if t.type == type_ and t.id == id_), None)

    def expects(self, type_: str, id_: str) -> bool:
        """True where the resource exists or the current preview would create it."""
        with self.lock:
            known = [*self.things, *self.planned]
            return any(thing.type == type_ and thing.id == id_ for thing in known)

    def of_type(self, type_: str) -> list[Thing]:
        with self.lock:
            return [thing for thing in self.things if thing.type == type_]

    def exists(self, value: str) -> bool:
        """True where an id, ARN or name belongs to an existing resource."""
        if value in self.outside:
            return True
        with self.lock:
            known = any(value == thing.id or value in own_texts(thing) for thing in self.things)
            return known or any(value in texts(thing.inputs) for thing in self.planned)

    def users_of(self, thing: Thing) -> list[Thing]:
        """Resources whose inputs name this one.

        Guard: Route 53 deletes a record whoever names its host, such as a rule of a load balancer.
        """
        if thing.type == "aws:route53/record:Record":
            return []
        with self.lock:
            others = [other for other in self.things if other is not thing]
            shared = set[str]()
            for other in others:
                shared |= own_texts(other) | {other.id}
            names = {thing.id, *own_texts(thing)} - shared
            return [other for other in others if _mentions(other.inputs, names)]


def own_texts(thing: Thing) -> set[str]:
    """Texts of the outputs that the provider made, without those repeated from the inputs."""
    given = set(texts(thing.inputs))
    computed = {text for text in texts(thing.outputs) if text not in given}
    own = {thing.outputs.get(key) for key in ("name", "bucket", "clusterIdentifier", "arn")}
    return computed | {text for text in own if isinstance(text, str)}


def texts(value: object) -> Iterator[str]:
    """Every text inside a value."""
    value = opened(value)
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)


def _mentions(inputs: object, names: Iterable[str]) -> bool:
    wanted = {name for name in names if len(name) > 3}
    return any(text in wanted for text in texts(inputs))
