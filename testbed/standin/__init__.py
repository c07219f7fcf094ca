"""Stand-in providers for aws and kubernetes that the real engine attaches to.

They refuse what a real provider or its cloud refuses, as far as it can be known here: unknown,
missing and mistyped properties, values outside an enumeration, references to nothing, the wrong
account, deleting what is in use or protected. They keep state, so that what a stack leaves behind
is seen. They say nothing of quotas, prices, stock, timing or what runs inside a machine.
"""

from testbed.standin.serve import StandIn
from testbed.standin.world import Event, World

__all__ = ["Event", "StandIn", "World"]
