"""Stand-in providers for aws and kubernetes that the real engine attaches to.

They refuse what a real provider or its cloud refuses, as far as it is known here. They refuse
unknown, missing and mistyped properties, values outside an enumeration, and references to nothing.
They also refuse the wrong account, and the deletion of used or protected resources.

They keep state, so that a test sees the remains of a stack. They do not model quotas, prices,
stock, timing or programs in a machine.
"""

from testbed.standin.serve import StandIn
from testbed.standin.world import Event, World

__all__ = ["Event", "StandIn", "World"]
