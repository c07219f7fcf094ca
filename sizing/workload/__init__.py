"""What do users require of a model? Workload files, checked once."""

from sizing.values.written import A_NUMBER, Count, Flag, Positive, PositiveCount, Ratio
from sizing.workload.accept import Accept, Contradicts
from sizing.workload.access import Access, Claim, ClaimFormat
from sizing.workload.data import Cdn, Data, PriceClass
from sizing.workload.engine import DraftMethod, Engine, KvOffload, Routing, Speculative
from sizing.workload.engines import ENGINES, EngineName, EngineTraits, engines_of
from sizing.workload.hardware import AUTO, Hardware, ReservedCapacity, TypeName
from sizing.workload.items.queue import Queue
from sizing.workload.items.renditions import Codec, Renditions
from sizing.workload.kinds import InTransit, Kind, Load, Method, Precision
from sizing.workload.model import Encoder, Model, ModelName
from sizing.workload.request import Length, Lengths, Request, mean_tokens, variation
from sizing.workload.targets import Capacity, Latency, Redundancy, shortfall_cost
from sizing.workload.traffic import Traffic
from sizing.workload.whole import DNS_LABEL, Workload, lengths_are_known
from sizing.workload.zones import REGION, ZONE_ID, ReservationId, ZoneId

__all__ = [
    "AUTO",
    "A_NUMBER",
    "DNS_LABEL",
    "ENGINES",
    "REGION",
    "ZONE_ID",
    "Accept",
    "Access",
    "Capacity",
    "Cdn",
    "Claim",
    "ClaimFormat",
    "Codec",
    "Contradicts",
    "Count",
    "Data",
    "DraftMethod",
    "Encoder",
    "Engine",
    "EngineName",
    "EngineTraits",
    "Flag",
    "Hardware",
    "InTransit",
    "Kind",
    "KvOffload",
    "Latency",
    "Length",
    "Lengths",
    "Load",
    "Method",
    "Model",
    "ModelName",
    "Positive",
    "PositiveCount",
    "Precision",
    "PriceClass",
    "Queue",
    "Ratio",
    "Redundancy",
    "Renditions",
    "Request",
    "ReservationId",
    "ReservedCapacity",
    "Routing",
    "Speculative",
    "Traffic",
    "TypeName",
    "Workload",
    "ZoneId",
    "engines_of",
    "lengths_are_known",
    "mean_tokens",
    "shortfall_cost",
    "variation",
]
