"""One provider of the engine's protocol, over a shared world.

Methods with capital letters are calls of the protocol. The replacing properties come from
`sizewright/review/data/changes.csv`, which the offline diff also reads. Engine and offline diff
agree because they share this file, which proves nothing about the file.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import grpc
import pulumi_aws
import pulumi_kubernetes
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from sizewright.record import sdk
from sizewright.record.references import engine_fields
from sizewright.review.changes import Rules
from testbed.standin.difference import difference, provider_difference
from testbed.standin.limits import refusals
from testbed.standin.outputs import new_outputs, object_id, whole
from testbed.standin.references import dangling
from testbed.standin.schema import Fault, configuration, input_faults, opened
from testbed.standin.world import Thing, World

MOVES_WITH = {"aws:ec2/launchTemplate:LaunchTemplate": ("latestVersion",)}
"""Computed outputs that every update changes."""
PROTECTIONS = ("deletionProtection", "deletionProtectionEnabled", "enableDeletionProtection")


class Provider(provider_pb2_grpc.ResourceProviderServicer):
    """Provider of one package."""

    def __init__(self, package: str, world: World, rules: Rules) -> None:
        self._package = package
        self._world = world
        self._rules = rules
        self._upserts = False

    def Handshake(self, request: Any, context: Any) -> Any:
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True)

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        module = {"aws": pulumi_aws, "kubernetes": pulumi_kubernetes}[self._package]
        return plugin_pb2.PluginInfo(version=module._utilities.get_version())

    def GetSchema(self, request: Any, context: Any) -> Any:
        return provider_pb2.GetSchemaResponse(schema="{}")

    def Attach(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()

    def Cancel(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()

    def CheckConfig(self, request: Any, context: Any) -> Any:
        if self._package == "aws":
            # The engine calls this first in a run.
            self._world.planned.clear()
        news = engine_fields(request.news)
        values = configuration(self._package, news)
        faults = [*input_faults(f"pulumi:providers:{self._package}", values)]
        faults += self._wrong_account(values)
        return _checked(request.news, faults)

    def _wrong_account(self, values: Mapping[str, Any]) -> Iterator[Fault]:
        allowed = values.get("allowedAccountIds")
        if isinstance(allowed, list) and self._world.account not in allowed:
            yield "allowedAccountIds", f"AWS account ID not allowed: {self._world.account}"
        region = values.get("region")
        if region not in (None, sdk.UNKNOWN, self._world.region):
            yield "region", f"the stand-in is {self._world.region}, not {region}"

    def DiffConfig(self, request: Any, context: Any) -> Any:
        old, new = engine_fields(request.old_inputs), engine_fields(request.news)
        return provider_difference(f"pulumi:providers:{self._package}", old, new)

    def Configure(self, request: Any, context: Any) -> Any:
        kubeconfig = request.variables.get("kubernetes:config:kubeconfig", "")
        upserts = request.variables.get("kubernetes:config:upsertExistingObjects", "")
        self._upserts = upserts == "true"
        if self._package == "kubernetes" and kubeconfig:
            self._reach(kubeconfig, context)
        return provider_pb2.ConfigureResponse(
            acceptSecrets=True, supportsPreview=True, acceptResources=False, acceptOutputs=False
        )

    def _reach(self, kubeconfig: str, context: Any) -> None:
        server = json.loads(kubeconfig)["clusters"][0]["cluster"]["server"]
        if not self._world.exists(server):
            context.abort(grpc.StatusCode.UNAVAILABLE, f"no cluster answers at {server}")

    def Check(self, request: Any, context: Any) -> Any:
        token, inputs = _token(request.urn), engine_fields(request.news)
        faults = [*input_faults(token, inputs), *dangling(token, inputs, self._world)]
        return _checked(request.news, faults)

    def Diff(self, request: Any, context: Any) -> Any:
        token = _token(request.urn)
        old, new = engine_fields(request.old_inputs), engine_fields(request.news)
        return difference(token, old, new, self._rules)

    def Create(self, request: Any, context: Any) -> Any:
        token, name = _token(request.urn), request.urn.split("::")[-1]
        inputs = engine_fields(request.properties)
        if request.preview:
            id_ = "" if self._is_aws(token) else object_id(name, 0, inputs)
            self._world.planned.append(Thing(request.urn, token, name, id_, inputs, {}))
            unknown = whole(token, inputs, lambda _: sdk.UNKNOWN) if self._is_aws(token) else inputs
            return provider_pb2.CreateResponse(id="", properties=_struct(_hidden(unknown, inputs)))
        world = self._world
        if name in world.refused:
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, world.refused[name])
        region = str(inputs.get("region") or world.region)
        id_, outputs = new_outputs(
            token, name, world.next_serial(), inputs, region=region, account=world.account
        )
        with world.lock:
            known = world.find(token, id_)
            if known is not None and not self._upserts:
                context.abort(grpc.StatusCode.ALREADY_EXISTS, f"{token} {id_} already exists")
            self._keep_limits(token, inputs, context)
            if known is None:
                world.add(Thing(request.urn, token, name, id_, inputs, outputs))
            else:
                world.replace(known, inputs, outputs)
        world.wait_to_reply(token)
        return provider_pb2.CreateResponse(id=id_, properties=_struct(outputs))

    def _keep_limits(self, token: str, inputs: Mapping[str, Any], context: Any) -> None:
        for reason in refusals(token, inputs, self._world):
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, reason)

    def _is_aws(self, token: str) -> bool:
        return token.startswith("aws:")

    def Update(self, request: Any, context: Any) -> Any:
        token = _token(request.urn)
        olds, news = engine_fields(request.olds), engine_fields(request.news)
        outputs = _merged(olds, engine_fields(request.old_inputs), news)
        for name in MOVES_WITH.get(token, ()):
            outputs[name] = sdk.UNKNOWN if request.preview else int(str(olds[name])) + 1
        if not request.preview:
            self._keep_limits(token, news, context)
            self._world.replace(self._existing(token, request.id, context), news, outputs)
        return provider_pb2.UpdateResponse(properties=_struct(outputs))

    def Read(self, request: Any, context: Any) -> Any:
        thing = self._world.find(_token(request.urn), request.id)
        if thing is None:
            return provider_pb2.ReadResponse()
        return provider_pb2.ReadResponse(
            id=thing.id, properties=_struct(thing.outputs), inputs=_struct(thing.inputs)
        )

    def Delete(self, request: Any, context: Any) -> Any:
        thing = self._existing(_token(request.urn), request.id, context)
        for reason in self._reasons_to_stay(thing):
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, reason)
        self._world.remove(thing)
        return empty_pb2.Empty()

    def _existing(self, token: str, id_: str, context: Any) -> Thing:
        thing = self._world.find(token, id_)
        if thing is None:
            context.abort(grpc.StatusCode.NOT_FOUND, f"{token} {id_} does not exist")
            raise LookupError(id_)
        return thing

    def _reasons_to_stay(self, thing: Thing) -> Iterator[str]:
        if any(thing.inputs.get(name) is True for name in PROTECTIONS):
            yield f"{thing.name} is protected from deletion"
        users = self._world.users_of(thing) if self._is_aws(thing.type) else self._inside(thing)
        if users:
            yield f"{thing.name} is in use by {', '.join(sorted(user.name for user in users))}"

    def _inside(self, thing: Thing) -> list[Thing]:
        """Objects of a namespace, which a real namespace would delete without notice."""
        if thing.type != "kubernetes:core/v1:Namespace":
            return []
        return [other for other in self._world.things if other.id.startswith(f"{thing.id}/")]

    def Invoke(self, request: Any, context: Any) -> Any:
        context.abort(
            grpc.StatusCode.UNIMPLEMENTED,
            f"{request.tok}: the stand-in answers no provider function",
        )


def _token(urn: str) -> str:
    return urn.split("::")[2].rsplit("$", maxsplit=1)[-1]


def _checked(news: struct_pb2.Struct, faults: list[Fault]) -> Any:
    failures = [provider_pb2.CheckFailure(property=path, reason=reason) for path, reason in faults]
    return provider_pb2.CheckResponse(inputs=news, failures=failures)


def _hidden(state: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Computed outputs of a preview: unknown as a whole, unless part of them was given."""
    return {key: state[key] if key in inputs else sdk.UNKNOWN for key in state}


def _merged(olds: Mapping[str, Any], given: Mapping[str, Any], news: Mapping[str, Any]) -> Any:
    """Old outputs under new inputs: computed values inside an object stay."""
    kept = {key: value for key, value in olds.items() if key not in given or key in news}
    for key, value in news.items():
        old = opened(kept.get(key))
        if isinstance(value, dict) and isinstance(old, dict) and sdk.SIGNATURE not in value:
            before = given.get(key)
            kept[key] = _merged(old, before if isinstance(before, dict) else {}, value)
        else:
            kept[key] = value
    return kept


def _struct(fields: Mapping[str, Any]) -> struct_pb2.Struct:
    struct = struct_pb2.Struct()
    struct.update(fields)
    return struct
