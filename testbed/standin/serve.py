"""Servers of the stand-in providers for an engine of this machine, within a `with` block."""

from concurrent import futures
from types import TracebackType
from typing import Self

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

from sizewright.review.changes import load_rules
from testbed.standin.provider import Provider
from testbed.standin.world import World

PACKAGES = ("aws", "kubernetes")
THREADS = 16
"""Threads of a server: the engine works on that many resources at once by default."""


class StandIn:
    """Servers on loopback, one for each package, over one world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._servers: list[grpc.Server] = []
        self.attach = ""
        """Value of PULUMI_DEBUG_PROVIDERS."""

    def __enter__(self) -> Self:
        rules = load_rules()
        ports = []
        for package in PACKAGES:
            server = grpc.server(futures.ThreadPoolExecutor(THREADS))
            provider = Provider(package, self.world, rules)
            provider_pb2_grpc.add_ResourceProviderServicer_to_server(provider, server)
            ports.append(f"{package}:{server.add_insecure_port('127.0.0.1:0')}")
            server.start()
            self._servers.append(server)
        self.attach = ",".join(ports)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for server in self._servers:
            server.stop(grace=None).wait()
