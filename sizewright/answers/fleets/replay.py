"""Replay of a trace on the fleets of a plan, as JSON."""

from sizewright.answers.answer import Answer
from sizing.replay.result import ReplayPart
from sizing.values.exact import Number


class ReplayAnswer(Answer):
    """What the sized fleets do with the requests of a trace."""

    trace: str
    """File of the trace."""
    format: str
    """Format of the file, as its columns show it."""
    rate: Number
    """Factor of the rate: every time of the trace is divided by it."""
    from_hour: Number
    """Hour of the trace, before the factor, at which the replay begins."""
    without_answer: int
    """Rows of the file that are left out: without tokens of a prompt or an answer."""
    services: tuple[ReplayPart, ...]
    """Each service of the workload files, which gets all requests of the trace."""
