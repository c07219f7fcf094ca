"""Which services make their items as jobs?"""

from sizing.workload import Kind, Workload


def is_queued(workload: Workload) -> bool:
    """True where a worker makes items as jobs, names their keys and stores them in the bucket.

    Then the answer is the file itself, by a signed URL, and not a JSON text.
    """
    return workload.kind is Kind.video
