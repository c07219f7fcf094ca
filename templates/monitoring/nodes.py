"""Alerts on nodes and GPUs of the whole stack."""

from collections.abc import Iterator

from templates.monitoring.alert import VALUE, Alert, Recorded, Rule, Severity

POOL, ZONE = "label_sizewright_dev_pool", "label_sizewright_dev_zone"
"""Labels of `kube_node_labels` with the node's pool and zone, as kube-state-metrics writes them."""
PROGRAM_FAULTS = (13, 31, 43, 45, 68)
"""XIDs that programs cause, after which the GPU is healthy. Basis: vendor (health check of NVIDIA's
device plugin for Kubernetes)."""
SLOWDOWNS = (8, 32, 64, 128)
"""Bits of the reasons for a lower clock that mean trouble: hardware slowdown, thermal by software,
thermal by hardware, power brake. Basis: vendor (nvml.h, nvmlClocksEventReason)."""


def node_rules() -> Iterator[Rule]:
    """Yield the rules of the whole stack."""
    yield Recorded("pool_nodes:count", f'count by ({POOL}) (kube_node_labels{{{POOL}!=""}})')
    yield Alert(
        name="NodeNotReady",
        expr='kube_node_status_condition{condition="Ready", status="true"} == 0',
        hold_s=300,
        severity=Severity.warning,
        summary="Node {{ $labels.node }} is not ready",
        meaning="Its pods leave after five minutes. On GPU nodes, node repair replaces it.",
    )
    yield _program_faults()
    remapped = "increase(DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS[1h]) > 0"
    double = "increase(DCGM_FI_DEV_ECC_DBE_VOL_TOTAL[1h]) > 0"
    yield Alert(
        name="GpuMemoryFault",
        expr=f"DCGM_FI_DEV_ROW_REMAP_FAILURE > 0 or {remapped} or {double}",
        hold_s=0,
        severity=Severity.warning,
        summary="GPU {{ $labels.gpu }} of {{ $labels.Hostname }} has uncorrectable memory errors",
        meaning="The card loses memory rows. After a failed remapping it must be replaced.",
    )
    yield Alert(
        name="GpuThrottled",
        expr=throttled(),
        hold_s=600,
        severity=Severity.warning,
        summary="GPU {{ $labels.gpu }} of {{ $labels.Hostname }} runs at a lower clock",
        meaning="Heat or power slows the card, so that its replica is slower than sized.",
    )


def throttled() -> str:
    """Query for the GPUs that trouble slows."""
    reasons = "DCGM_FI_DEV_CLOCKS_EVENT_REASONS"
    bits = " + ".join(f"floor({reasons} / {bit}) % 2" for bit in SLOWDOWNS)
    return f"{bits} > 0"


def new_xid() -> str:
    """Query for the last XID of each GPU whose XID changed within 15 minutes.

    Guard: the exporter writes the code into labels, so each code has a series of its own that never
    changes. Basis: vendor (gpu_collector.go of dcgm-exporter 4.8.2).
    """
    last = "max without (err_code, err_msg) (DCGM_FI_DEV_XID_ERRORS)"
    return f"({last} > 0 and changes(({last})[15m:1m]) > 0)"


def _program_faults() -> Alert:
    other = "".join(f" != {code}" for code in PROGRAM_FAULTS)
    return Alert(
        name="GpuXid",
        expr=f"{new_xid()}{other}",
        hold_s=0,
        severity=Severity.warning,
        summary="GPU {{ $labels.gpu }} of {{ $labels.Hostname }} reports XID " + VALUE,
        meaning="The driver reports a fault that is not the program's. Node repair may follow.",
    )
