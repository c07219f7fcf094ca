"""The text of a new workload file, and of the lock beside it."""

import json

from sizing.catalog import Catalog
from sizing.lock import Lock, model_key
from sizing.lookup import facts_of
from sizing.plan import Plan
from sizing.workload import Workload

CONTEXT_TOKENS = 4096
INPUT_TOKENS, OUTPUT_TOKENS = 500, 300


def starter_text(
    *, name: str, kind: str, model: str, context: int | None, instance_type: str, users: int
) -> str:
    """A workload file with a comment where a number is a guess that its owner must replace."""
    longest = min(context or CONTEXT_TOKENS, CONTEXT_TOKENS)
    given = min(INPUT_TOKENS, longest // 2)
    answered = min(OUTPUT_TOKENS, longest // 2)
    return f"""\
# {name}: replace the guesses below by your own numbers.
name: {name}
kind: {kind}
model: {{name: {json.dumps(model)}}}
# A guess: 10 requests a user a day, and a peak of 3 times the daily mean.
traffic: {{daily_users: {users:_}, requests_per_user_per_day: 10, peak_ratio: 3}}
# A guess: tokens and bytes of one request, mean; context_tokens is the longest accepted.
request: {{input_tokens: {given}, output_tokens: {answered}, context_tokens: {longest}, \
request_bytes: 2000, response_bytes: 10000}}
latency: {{ttft_ms: 500, tpot_ms: 50, percentile: 95}}
# A guess: measure the requests a second that one GPU completes. The whole answer scales with it.
capacity: {{method: given, requests_per_gpu_per_s: 1, load: peak}}
# What may fail: any one node. `zones: 1` also survives the loss of a whole zone.
redundancy: {{nodes: 1}}
hardware: {{instance_type: {json.dumps(instance_type)}}}
# What is kept of users and requests; none while the applications keep it.
data: none
"""


def lock_of(workload: Workload, plan: Plan, catalog: Catalog) -> Lock | None:
    """What sizing chose for this workload; None where it chose nothing."""
    pool = plan.service(workload.name).pool
    if pool is None:
        return None
    return Lock(
        model=model_key(workload),
        precision=facts_of(workload, catalog).precision.value,
        instance_type=pool.instance_type,
        tensor_parallel=pool.tensor_parallel,
        nodes_per_replica=pool.nodes_per_replica,
        catalog_digest=plan.catalog_digest,
    )


def lock_text(lock: Lock) -> str:
    """The lock as a file."""
    fields = lock.model_dump(mode="json")
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in fields.items()]
    return "\n".join(["# What sizing chose; commit it beside the workload file.", *lines, ""])
