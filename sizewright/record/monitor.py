"""A resource monitor that records each registration and answers with references."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import pulumi
from pulumi.runtime.mocks import MockCallArgs, MockMonitor, MockResourceArgs, Mocks
from pulumi.runtime.proto import alias_pb2, resource_pb2

from sizewright.record import sdk
from sizewright.record.references import References, completed, computed, engine_fields
from sizewright.record.values import (
    DuplicateResource,
    InvokeRefused,
    Recorded,
    RecordedResource,
    UnrecordableRequest,
)

STACK_TYPE = "pulumi:pulumi:Stack"
REFERENCE_TYPE = "pulumi:pulumi:StackReference"


class _NoAnswers(Mocks):
    """Refuses every call, because the recording monitor answers by itself."""

    def call(self, args: MockCallArgs) -> Any:
        raise InvokeRefused(_invoke_text(args.token))

    def new_resource(self, args: MockResourceArgs) -> Any:
        raise UnrecordableRequest(f"{args.typ}::{args.name} requested an answer from the mocks")


class RecordingMonitor(MockMonitor):
    """One run of one program; methods with capital letters are calls of the engine's protocol."""

    def __init__(
        self, *, project: str, stack: str, preview: bool, referenced: Mapping[str, object]
    ) -> None:
        super().__init__(_NoAnswers())
        self._referenced = referenced
        self._urn_prefix = f"urn:pulumi:{stack}::{project}"
        self._preview = preview
        self._references = References()
        self._classes: dict[tuple[str, str], type[pulumi.Resource]] = {}
        self._keys: dict[str, str | None] = {}
        self._providers: dict[str, str] = {}
        self._registered: dict[str, RecordedResource] = {}
        self._outputs_registered: Counter[str] = Counter()
        self._stack_outputs: dict[str, object] = {}

    def expect(self, resource: pulumi.Resource, type_: str, name: str) -> None:
        """Record the class of a resource that is about to register."""
        self._classes[type_, name] = type(resource)

    def recorded(self, urns: Iterable[str]) -> Recorded:
        """Return the registered resources, in the order of `urns`."""
        resources = (
            replace(self._registered[urn], outputs_registered=self._outputs_registered[urn])
            for urn in urns
        )
        return Recorded(tuple(resources), self._stack_outputs)

    def GetDeploymentInfo(self, request: Any) -> resource_pb2.DeploymentInfo:  # noqa: N802
        # Guard: with resource references the SDK would build each resource given as an input again.
        info: resource_pb2.DeploymentInfo = super().GetDeploymentInfo(request)  # type: ignore[no-untyped-call]
        info.supportedFeatures.remove(resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_REFERENCES)
        return info

    def RegisterResource(  # noqa: N802
        self, request: resource_pb2.RegisterResourceRequest
    ) -> resource_pb2.RegisterResourceResponse:
        urn = self._urn(request)
        if request.type == STACK_TYPE:
            self._keys[urn] = None
            return resource_pb2.RegisterResourceResponse(urn=urn)
        key = f"{request.type}::{request.name}"
        if urn in self._keys:
            raise DuplicateResource(f"{key} is registered twice as {urn}")
        if request.transforms:
            raise UnrecordableRequest(f"{key} has transforms, which only the engine runs")
        inputs = engine_fields(request.object)
        self._registered[urn] = self._recorded_resource(request, key, inputs)
        self._keys[urn] = key
        self._references.issue_urn(key, urn)
        return self._answer(request, urn, key, inputs)

    def RegisterResourceOutputs(  # noqa: N802
        self, request: resource_pb2.RegisterResourceOutputsRequest
    ) -> Any:
        self._outputs_registered[request.urn] += 1
        if self._keys[request.urn] is None:
            outputs = engine_fields(request.outputs)
            self._stack_outputs = {k: self._references.plain(v) for k, v in outputs.items()}
        return super().RegisterResourceOutputs(request)  # type: ignore[no-untyped-call]

    def Invoke(self, request: resource_pb2.ResourceInvokeRequest) -> Any:  # noqa: N802
        raise InvokeRefused(_invoke_text(request.tok))

    def Call(self, request: resource_pb2.ResourceCallRequest) -> Any:  # noqa: N802
        raise InvokeRefused(_invoke_text(request.tok))

    def ReadResource(  # noqa: N802
        self, request: resource_pb2.ReadResourceRequest
    ) -> resource_pb2.ReadResourceResponse:
        key = f"{request.type}::{request.name}"
        if request.type != REFERENCE_TYPE:
            raise UnrecordableRequest(f"{key} reads an existing resource; give its ids as values")
        urn = self._urn(request)
        self._registered[urn] = RecordedResource(
            type=request.type,
            name=request.name,
            parent=self._keys.get(request.parent),
            inputs={"name": request.id},
        )
        self._keys[urn] = key
        answer = resource_pb2.ReadResourceResponse(urn=urn)
        answer.properties.update({"name": request.id, "outputs": self._outputs_of(key)})
        return answer

    def _outputs_of(self, key: str) -> object:
        """Outputs of another stack: each is a reference, or all are unknown."""

        def filled(value: object, path: str) -> object:
            if isinstance(value, Mapping):
                return {name: filled(item, f"{path}.{name}") for name, item in value.items()}
            return self._references.issue(key, path)

        return sdk.UNKNOWN if self._preview else filled(self._referenced, "outputs")

    def ExistsResource(self, request: Any) -> Any:  # noqa: N802
        raise UnrecordableRequest(f"{request.type} checks whether a resource exists")

    def RegisterStackTransform(self, request: Any) -> Any:  # noqa: N802
        raise UnrecordableRequest("a stack transform is run by the engine only")

    def RegisterStackInvokeTransform(self, request: Any) -> Any:  # noqa: N802
        raise UnrecordableRequest("an invoke transform is run by the engine only")

    def _urn(
        self, request: resource_pb2.RegisterResourceRequest | resource_pb2.ReadResourceRequest
    ) -> str:
        """Return the engine's URN, with the whole chain of parent types except the stack's."""
        chain = request.type
        if self._keys.get(request.parent) is not None:
            chain = f"{request.parent.split('::')[2]}${chain}"
        return f"{self._urn_prefix}::{chain}::{request.name}"

    def _recorded_resource(
        self, request: resource_pb2.RegisterResourceRequest, key: str, inputs: dict[str, object]
    ) -> RecordedResource:
        by_property = {
            name: self._named(dependencies.urns, but=key)
            for name, dependencies in sorted(request.propertyDependencies.items())
        }
        return RecordedResource(
            type=request.type,
            name=request.name,
            parent=self._keys.get(request.parent),
            inputs={name: self._references.plain(value) for name, value in inputs.items()},
            protect=request.protect,
            depends_on=self._named(request.dependencies, but=key),
            provider=self._providers.get(request.provider),
            custom=request.custom,
            property_dependencies={name: keys for name, keys in by_property.items() if keys},
            aliases=tuple(_alias(alias) for alias in request.aliases),
            ignore_changes=tuple(request.ignoreChanges),
            update_timeout=request.customTimeouts.update or None,
            delete_before_replace=(
                request.deleteBeforeReplace if request.deleteBeforeReplaceDefined else None
            ),
            outputs_registered=0,
        )

    def _named(self, urns: Iterable[str], *, but: str) -> tuple[str, ...]:
        keys = {self._keys[urn] for urn in urns}
        return tuple(sorted(key for key in keys if key is not None and key != but))

    def _answer(
        self,
        request: resource_pb2.RegisterResourceRequest,
        urn: str,
        key: str,
        inputs: dict[str, object],
    ) -> resource_pb2.RegisterResourceResponse:
        state = inputs
        id_ = ""
        if request.custom or request.remote:
            state = self._state(request, key, inputs)
            id_ = "" if self._preview else self._references.issue(key, "id")
        if request.custom and request.type.startswith("pulumi:providers:"):
            self._providers[f"{urn}::{id_ or sdk.UNKNOWN}"] = key
        answer = resource_pb2.RegisterResourceResponse(urn=urn, id=id_)
        answer.object.update(state)
        return answer

    def _state(
        self, request: resource_pb2.RegisterResourceRequest, key: str, inputs: dict[str, object]
    ) -> dict[str, object]:
        """Inputs as given, and a reference or an unknown for every other output of the class."""

        def text(path: str) -> str:
            return sdk.UNKNOWN if self._preview else self._references.issue(key, path)

        types = sdk.resource_output_types(self._classes[request.type, request.name])
        state = dict(inputs)
        for name, typ in types.items():
            if name not in inputs:
                state[name] = computed(typ, name, text)
            elif not request.type.startswith("kubernetes:"):
                state[name] = completed(inputs[name], typ, name, text)
        metadata = inputs.get("metadata")
        if request.type.startswith("kubernetes:") and isinstance(metadata, dict):
            state["metadata"] = {"name": text("metadata.name"), **metadata}
        for name in request.additionalSecretOutputs:
            state[name] = _secret(state.get(name))
        return {name: value for name, value in state.items() if value is not None}


def _alias(alias: alias_pb2.Alias) -> str | dict[str, object]:
    if alias.WhichOneof("alias") == "urn":
        return alias.urn
    return {field.name: value for field, value in alias.spec.ListFields() if value != ""}


def _secret(value: object) -> object:
    if value is None or (isinstance(value, dict) and value.get(sdk.SIGNATURE) == sdk.SECRET):
        return value
    return {sdk.SIGNATURE: sdk.SECRET, "value": value}


def _invoke_text(token: str) -> str:
    return f"{token} is a provider function; resources must follow from the plan alone"
