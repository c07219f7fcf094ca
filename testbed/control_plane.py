"""A real Kubernetes control plane on this machine, with simulated kubelets (kwok).

etcd, API server, scheduler and controllers are the real programs. A node is an object, and a pod on
it is ready after a short delay. Only the API server listens, on a port of this machine.
"""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import yaml

from testbed.kubernetes_api import ApiError, KubernetesApi

TOOLS = Path(__file__).parents[1] / ".testbed" / "bin"
PROGRAMS = (
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubectl",
    "kwok",
    "kwok-stages.yaml",
)
KWOK_LABEL = "kwok"
"""Label of a node with a kubelet; without it the node's heartbeats stop."""
START_LIMIT_S = 90
WITH_PARENT = (
    "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 9); os.execv(sys.argv[1], sys.argv[1:])"
)
"""Command that ends a program with its parent (PR_SET_PDEATHSIG)."""


def control_plane_missing() -> str:
    """Reason why the control plane cannot run here; empty where it can."""
    lacking = [name for name in PROGRAMS if not (TOOLS / name).is_file()]
    return f"no {', '.join(lacking)}: run `make testbed`" if lacking else ""


class ControlPlane:
    """A control plane that runs from entry to exit of its context.

    Its controllers notice a dead node after `grace_s` and remove its pods 2 seconds later; a
    managed control plane takes some 50 and 300 seconds. With a short grace on a loaded machine,
    healthy nodes look dead.
    """

    def __init__(self, *, grace_s: int = 40, pod_delay_s: float = 0.3) -> None:
        # Guard: this is not pytest's folder, because a Unix socket's path is limited to 107 bytes.
        self.folder = Path(tempfile.mkdtemp(prefix="sizewright-"))
        self.token = secrets.token_hex(16)
        self._grace_s = grace_s
        self._stages = _stages(pod_delay_s)
        self._running: list[subprocess.Popen[bytes]] = []
        self._api: KubernetesApi | None = None

    def __enter__(self) -> "ControlPlane":
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _start(self) -> None:
        port = _free_port()
        self._write_identity()
        self._run("etcd", *self._etcd_flags())
        until((self.folder / "etcd.sock").exists, START_LIMIT_S)
        self._run("kube-apiserver", *self._api_flags(port))
        authority = self.folder / "certs" / "apiserver.crt"
        until(authority.exists, START_LIMIT_S)
        self._api = KubernetesApi(port, self.token, str(authority))
        until(self._ready, START_LIMIT_S)
        self._write_kubeconfig(port, authority)
        config = f"--kubeconfig={self.kubeconfig}"
        quiet = ("--leader-elect=false", "--secure-port=0")
        self._run("kube-scheduler", config, *quiet)
        grace = f"--node-monitor-grace-period={self._grace_s}s"
        self._run("kube-controller-manager", config, *quiet, grace, *_CONTROLLER_FLAGS)
        stages = self.folder / "stages.yaml"
        stages.write_text(yaml.safe_dump_all(self._stages), "utf-8")
        lease = f"--node-lease-duration-seconds={self._grace_s * 2 // 3}"
        managed = f"--manage-nodes-with-label-selector={KWOK_LABEL}=on"
        self._run("kwok", config, f"--config={stages}", managed, lease)

    def stop(self) -> None:
        """End every program and remove the folder."""
        if self._api is not None:
            self._api.close()
        for process in reversed(self._running):
            process.kill()
        for process in self._running:
            process.wait()
        self._running.clear()
        shutil.rmtree(self.folder, ignore_errors=True)

    def kubectl(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Result of `kubectl WORDS`, as a user runs it."""
        return subprocess.run(
            [str(TOOLS / "kubectl"), *words],
            env={**os.environ, "KUBECONFIG": str(self.kubeconfig), "HOME": str(self.folder)},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    @property
    def api(self) -> KubernetesApi:
        """Client of its API server. Raises RuntimeError before the start."""
        if self._api is None:
            raise RuntimeError("the control plane does not run")
        return self._api

    @property
    def kubeconfig(self) -> Path:
        return self.folder / "kubeconfig"

    def _run(self, program: str, *flags: str) -> None:
        with (self.folder / f"{program}.log").open("wb") as log:
            command = [sys.executable, "-c", WITH_PARENT, str(TOOLS / program), *flags]
            self._running.append(subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder))

    def _ready(self) -> bool:
        try:
            self.api.request("GET", "/readyz")
        except (ApiError, OSError):
            return False
        return True

    def _write_identity(self) -> None:
        key = ["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout"]
        made = subprocess.run(key, capture_output=True, check=True)
        (self.folder / "sa.key").write_bytes(made.stdout)
        tokens = f"{self.token},admin,admin,system:masters\n"
        (self.folder / "tokens.csv").write_text(tokens, "utf-8")

    def _write_kubeconfig(self, port: int, authority: Path) -> None:
        server = {"server": f"https://127.0.0.1:{port}", "certificate-authority": str(authority)}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": server}],
            "users": [{"name": "admin", "user": {"token": self.token}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "admin"}}],
            "current-context": "test",
        }
        self.kubeconfig.write_text(yaml.safe_dump(config), "utf-8")

    def _etcd_flags(self) -> Sequence[str]:
        return (
            f"--data-dir={self.folder}/etcd",
            f"--listen-client-urls=unix://{self.folder}/etcd.sock",
            "--advertise-client-urls=http://127.0.0.1:2379",
            f"--listen-peer-urls=unix://{self.folder}/peer.sock",
            "--unsafe-no-fsync",
        )

    def _api_flags(self, port: int) -> Sequence[str]:
        return (
            f"--etcd-servers=unix://{self.folder}/etcd.sock",
            "--bind-address=127.0.0.1",
            f"--secure-port={port}",
            f"--cert-dir={self.folder}/certs",
            f"--token-auth-file={self.folder}/tokens.csv",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={self.folder}/sa.key",
            f"--service-account-signing-key-file={self.folder}/sa.key",
            "--default-not-ready-toleration-seconds=2",
            "--default-unreachable-toleration-seconds=2",
        )


_CONTROLLER_FLAGS = (
    "--node-monitor-period=1s",
    "--node-eviction-rate=50",
    "--kube-api-qps=300",
    "--kube-api-burst=600",
)


def until(holds: Callable[[], bool], limit_s: float) -> float:
    """Seconds until the condition was true. Raises TimeoutError."""
    begun = time.monotonic()
    while not holds():
        if time.monotonic() - begun > limit_s:
            raise TimeoutError(f"{getattr(holds, '__name__', 'it')} after {limit_s} s")
        time.sleep(0.1)
    return time.monotonic() - begun


_READY_AGAIN: dict[str, Any] = {
    "apiVersion": "kwok.x-k8s.io/v1alpha1",
    "kind": "Stage",
    "metadata": {"name": "pod-ready-again"},
    "spec": {
        "resourceRef": {"apiGroup": "v1", "kind": "Pod"},
        "selector": {
            "matchExpressions": [
                {"key": ".metadata.deletionTimestamp", "operator": "DoesNotExist"},
                {"key": ".status.phase", "operator": "In", "values": ["Running"]},
                {
                    "key": '.status.conditions.[] | select( .type == "Ready" ) | .status',
                    "operator": "NotIn",
                    "values": ["True"],
                },
            ]
        },
        "next": {
            "statusTemplate": """
conditions:
- {type: Ready, status: "True", lastTransitionTime: {{ Now | Quote }}}
- {type: ContainersReady, status: "True", lastTransitionTime: {{ Now | Quote }}}
"""
        },
    },
}
"""Stage in which a kubelet with new heartbeats reports its pods as ready; kwok alone does not."""


def _free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port: int = bound.getsockname()[1]
        return port


def _stages(pod_delay_s: float) -> list[dict[str, Any]]:
    """Stages of kwok; a pod starts and stops late enough for a visible rollout."""
    stages = []
    for stage in filter(None, yaml.safe_load_all((TOOLS / "kwok-stages.yaml").read_text("utf-8"))):
        if stage["metadata"]["name"] in ("pod-ready", "pod-delete"):
            delay_ms = round(pod_delay_s * 1000)
            stage["spec"]["delay"] = {
                "durationMilliseconds": delay_ms,
                "jitterDurationMilliseconds": 2 * delay_ms,
            }
        stages.append(stage)
    return [*stages, _READY_AGAIN]
