"""The example of the README, whose numbers the cases are about."""

from typing import Any

from tests.components.plans import CHAT

CALIBRATED: dict[str, Any] = CHAT | {
    "model": {"name": "qwen3-8b", "precision": "fp8"},
    "traffic": CHAT["traffic"] | {"peak_users_share": "0.085", "think_time_s": 60},
    "latency": {"ttft_ms": 500, "tpot_ms": 50},
    "capacity": {"method": "calibrated", "load": "peak"},
    "hardware": {"instance_type": "g6e.xlarge"},
}
