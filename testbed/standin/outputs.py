"""Outputs of an existing resource: computed values of its SDK class, made up but consistent."""

from collections.abc import Callable, Mapping, Sequence
from types import UnionType
from typing import Any, Union, get_args, get_origin

from sizewright.record import sdk
from testbed.standin.schema import resource_class

NAMES = ("name", "bucket", "clusterIdentifier", "identifier", "nodeGroupName")
"""Properties for which the provider uses the logical name and a suffix where they are not given."""
ID_IS_NAME = {
    "aws:cloudwatch/logGroup:LogGroup": "name",
    "aws:dynamodb/table:Table": "name",
    "aws:eks/cluster:Cluster": "name",
    "aws:elasticache/serverlessCache:ServerlessCache": "name",
    "aws:elasticache/user:User": "userId",
    "aws:elasticache/userGroup:UserGroup": "userGroupId",
    "aws:iam/role:Role": "name",
    "aws:lambda/function:Function": "name",
    "aws:rds/cluster:Cluster": "clusterIdentifier",
    "aws:rds/subnetGroup:SubnetGroup": "name",
    "aws:s3/bucket:Bucket": "bucket",
}
ID_IS_ARN = ("aws:lb/",)
PREFIXES = {
    "aws:ec2/eip:Eip": "eipalloc",
    "aws:ec2/internetGateway:InternetGateway": "igw",
    "aws:ec2/launchTemplate:LaunchTemplate": "lt",
    "aws:ec2/natGateway:NatGateway": "nat",
    "aws:ec2/routeTable:RouteTable": "rtb",
    "aws:ec2/securityGroup:SecurityGroup": "sg",
    "aws:ec2/vpcEndpoint:VpcEndpoint": "vpce",
}
ANSWERS = {
    "aws:acm/certificate:Certificate": {"domainValidationOptions[0].resourceRecordType": "CNAME"},
}
"""Computed texts by path where other resources accept only some values."""
NESTING_LIMIT = 5


def new_outputs(
    token: str, name: str, serial: int, inputs: Mapping[str, Any], *, region: str, account: str
) -> tuple[str, dict[str, Any]]:
    """Id and outputs of a new resource: its inputs, and all computed outputs of its class."""
    if token.startswith("kubernetes:"):
        id_, state = object_id(name, serial, inputs), dict(inputs)
        if "metadata" in inputs:
            own = id_.rsplit("/", maxsplit=1)[-1]
            state["metadata"] = {**inputs["metadata"], "name": own, "uid": f"uid-{serial:08x}"}
        return id_, state
    kind = token.split(":")[1].rsplit("/", maxsplit=1)[-1]
    id_ = f"{PREFIXES.get(token, kind)}-{serial:017x}"
    named = {key: inputs.get(key) or f"{name}-{serial:07x}" for key in NAMES}
    if token in ID_IS_NAME:
        id_ = str({**named, **inputs}[ID_IS_NAME[token]])
    arn = _arn(token, named, id_, region, account)
    if token.startswith(ID_IS_ARN):
        id_ = arn

    def text(path: str) -> str:
        last = path.rsplit(".", 1)[-1]
        known = {"arn": arn, "id": id_, "ownerId": account, "region": region, **named}
        known |= ANSWERS.get(token, {})
        return str(known.get(path) or (f"{id_}.{last}" if path == last else f"{id_}.{path}"))

    return id_, whole(token, inputs, text)


def whole(token: str, inputs: Mapping[str, Any], text: Callable[[str], str]) -> dict[str, Any]:
    """Inputs as given, and `text(path)` or a number for every other output of the class."""
    cls = resource_class(token)
    types = sdk.resource_output_types(cls) if cls is not None else {}
    state = dict(inputs)
    for name, typ in types.items():
        value = _with(inputs[name], typ, name, text) if name in inputs else _new(typ, name, text)
        if value is not None:
            state[name] = value
    return state


def object_id(name: str, serial: int, inputs: Mapping[str, Any]) -> str:
    """Id `namespace/name` of a Kubernetes object, made up where it is not given.

    A release has its name at the top.
    """
    metadata = inputs.get("metadata") or {}
    own = metadata.get("name") or inputs.get("name") or f"{name}-{serial:08x}"
    space = metadata.get("namespace") or inputs.get("namespace")
    return f"{space}/{own}" if space else str(own)


def _arn(token: str, named: Mapping[str, Any], id_: str, region: str, account: str) -> str:
    service, kind = token.split(":")[1].split("/")
    name = named["name"] if token in ID_IS_NAME or service == "lb" else id_
    where = "" if service == "iam" else region
    if token == "aws:s3/bucket:Bucket":
        return f"arn:aws:s3:::{named['bucket']}"
    if token == "aws:cloudwatch/logGroup:LogGroup":
        return f"arn:aws:logs:{region}:{account}:log-group:{named['name']}"
    return f"arn:aws:{service}:{where}:{account}:{kind}/{name}"


PLAIN = {bool: False, int: 1, float: 1}


def _new(typ: Any, path: str, text: Callable[[str], str], nesting: int = 0) -> Any:
    """A value of type `typ` for a computed output; None where nothing sensible exists."""
    origin = get_origin(typ)
    types = sdk.nested_output_types(typ)
    value: Any = text(path) if typ is str else PLAIN.get(typ)
    if origin in (Union, UnionType):
        values = (_new(member, path, text, nesting) for member in get_args(typ))
        value = next((value for value in values if value is not None), None)
    elif isinstance(origin, type) and issubclass(origin, Mapping):
        value = {}
    elif isinstance(origin, type) and issubclass(origin, Sequence):
        item = _new(get_args(typ)[0], f"{path}[0]", text, nesting)
        value = [] if item is None else [item]
    elif types is not None and nesting < NESTING_LIMIT:
        fields = {n: _new(t, f"{path}.{n}", text, nesting + 1) for n, t in types.items()}
        value = {name: field for name, field in fields.items() if field is not None}
    return value


def _with(given: Any, typ: Any, path: str, text: Callable[[str], str]) -> Any:
    """Copy of `given` with the additional outputs of its class."""
    if get_origin(typ) in (Union, UnionType):
        typ = next(t for t in get_args(typ) if t is not type(None))
    types = sdk.nested_output_types(typ)
    if types is None or not isinstance(given, dict) or sdk.SIGNATURE in given:
        return given
    fields = {n: _new(t, f"{path}.{n}", text) for n, t in types.items() if n not in given}
    return {**given, **{name: value for name, value in fields.items() if value is not None}}
