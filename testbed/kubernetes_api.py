"""A small client of a Kubernetes API server for tests, with plain documents as input and output."""

import json
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from http.client import HTTPConnection, HTTPSConnection
from typing import Any
from urllib.parse import urlencode

JSON = "application/json"
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
OWNER = "sizewright-tests"
"""Field manager of the objects that tests apply."""


class ApiError(Exception):
    """Refusal of a request by the API server."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


@dataclass
class KubernetesApi:
    """One connection to the server on this machine's `port`."""

    port: int
    token: str
    authority: str
    """Path of the CA certificate that signed the server's own."""

    @cached_property
    def _connection(self) -> HTTPConnection:
        context = ssl.create_default_context(cafile=self.authority)
        return HTTPSConnection("127.0.0.1", self.port, context=context, timeout=30)

    def request(
        self, method: str, path: str, body: Any = None, *, content: str = JSON, **query: str
    ) -> Any:
        """Return the answer as JSON, or as text where it is not JSON. Raises ApiError, OSError."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": content}
        address = f"{path}?{urlencode(query)}" if query else path
        data = None if body is None else json.dumps(body)
        try:
            self._connection.request(method, address, data, headers)
            answer = self._connection.getresponse()
            text = answer.read().decode()
        except Exception:
            self._connection.close()
            raise
        if answer.status >= 400:
            raise ApiError(answer.status, _message(text))
        return json.loads(text) if text.startswith("{") else text

    def close(self) -> None:
        self._connection.close()

    def apply(self, document: Mapping[str, Any], *, dry_run: bool = False) -> Any:
        """Server-side apply: create the object, or change the fields that the document has."""
        metadata = document["metadata"]
        where = self.path(document["apiVersion"], document["kind"], metadata.get("namespace"))
        query = {
            "fieldManager": OWNER,
            "force": "true",
            "fieldValidation": "Strict",
        }
        if dry_run:
            query["dryRun"] = "All"
        path = f"{where}/{metadata['name']}"
        return self.request("PATCH", path, document, content=APPLY, **query)

    def patch(self, path: str, body: Mapping[str, Any]) -> Any:
        return self.request("PATCH", path, body, content=MERGE)

    def items(self, path: str, **query: str) -> list[dict[str, Any]]:
        """Objects of a list."""
        found: list[dict[str, Any]] = self.request("GET", path, **query)["items"]
        return found

    def evict(self, pod: Mapping[str, Any]) -> bool:
        """Evict the pod; True where the disruption budget allows it."""
        name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
        eviction = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": name, "namespace": namespace},
        }
        try:
            self.request("POST", f"/api/v1/namespaces/{namespace}/pods/{name}/eviction", eviction)
        except ApiError as refused:
            if refused.status != 429:
                raise
            return False
        return True

    def path(self, api_version: str, kind: str, namespace: str | None) -> str:
        """API path of the objects of a kind. Raises KeyError for a kind that the server lacks."""
        plural, namespaced = self._kinds(api_version)[kind]
        inside = f"/namespaces/{namespace}" if namespaced else ""
        return f"{_root(api_version)}{inside}/{plural}"

    def _kinds(self, api_version: str) -> dict[str, tuple[str, bool]]:
        if api_version not in self._known:
            listed = self.request("GET", _root(api_version))["resources"]
            self._known[api_version] = dict(_plurals(listed))
        return self._known[api_version]

    @cached_property
    def _known(self) -> dict[str, dict[str, tuple[str, bool]]]:
        return {}


def _plurals(listed: list[dict[str, Any]]) -> Iterator[tuple[str, tuple[str, bool]]]:
    """Path and scope of each kind; subresources are left out."""
    for resource in listed:
        if "/" not in resource["name"]:
            yield resource["kind"], (resource["name"], resource["namespaced"])


def _root(api_version: str) -> str:
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"


def _message(text: str) -> str:
    try:
        return str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        return text
