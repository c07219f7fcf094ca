"""Plan of one service in full."""

import operator
from typing import Annotated

from pydantic import Field

from sizing.plan.buying import BuyingPlan
from sizing.plan.part import Part, Reason, Rejected
from sizing.plan.reaches import NETWORK_POLICY, Reaches
from sizing.plan.service.application.api import ApplicationPlan
from sizing.plan.service.application.cache import AnswerCachePlan
from sizing.plan.service.application.context import ContextPlan
from sizing.plan.service.application.feedback import FeedbackPlan
from sizing.plan.service.application.page import PagePlan
from sizing.plan.service.application.route import RoutePlan
from sizing.plan.service.burst import BurstPlan, JobBurstPlan
from sizing.plan.service.calibrated import CalibratedPlan, OwnRunsPlan, estimate_name
from sizing.plan.service.capacity import CapacityPlan, MethodPlan, TrafficPlan
from sizing.plan.service.disks import VolumePlan
from sizing.plan.service.files.artefact import ArtefactPlan
from sizing.plan.service.files.cdn import CdnPlan
from sizing.plan.service.files.renditions import RenditionsPlan
from sizing.plan.service.gateway import GatewayPlan, JobGatewayPlan
from sizing.plan.service.host_memory.host_cache import HostCachePlan
from sizing.plan.service.items.item import ItemPlan
from sizing.plan.service.items.jobs import JobsPlan
from sizing.plan.service.latency import Contradiction, LatencyPlan
from sizing.plan.service.memory import MemoryPlan
from sizing.plan.service.pool import ChoicePlan, PoolPlan
from sizing.plan.service.serving import GroupServingPlan, QuotaPlan, ServingPlan
from sizing.plan.service.states import RolloutPlan, StatePlan
from sizing.plan.service.stores import BucketPlan, DatabasePlan, StoragePlan, TransferPlan
from sizing.plan.service.weights_import import ImportPlan
from sizing.values.exact import Number
from sizing.values.strict import absent
from sizing.workload import Method, Workload

UNSERVED = "serving"
"""Option of the rejection that says why the stack builds no nodes for a service."""


class ServicePlan(Part):
    name: str
    """Name of the service."""
    kind: str
    """Kind: text, chat, image, video or embedding."""
    inputs: Workload
    """Inputs of the workload file, with defaults."""
    traffic: TrafficPlan
    """Requests and users."""
    capacity: CapacityPlan | None
    """Rate of one GPU; null where no method is given."""
    calibrated: CalibratedPlan | None
    """Estimate of the calibrated method; null where the method does not cover the service."""
    item: ItemPlan | None = Field(default=None, exclude_if=lambda item: item is None)
    """Time and memory of one image or clip; left out for text and where they are unknown."""
    artefact: ArtefactPlan | None = Field(default=None, exclude_if=absent)
    """File of one image or clip; left out for text and where its pixels are unknown."""
    jobs: Annotated[JobsPlan | None, Field(exclude_if=absent)] = None
    """Jobs in the queue; left out where requests are answered while the user waits."""
    cdn: Annotated[CdnPlan | None, Field(exclude_if=absent)] = None
    """Delivery of results to viewers; left out without a content delivery network."""
    renditions: Annotated[RenditionsPlan | None, Field(exclude_if=absent)] = None
    """Other sizes and codecs of each clip; left out where only the clip itself is stored."""
    application: Annotated[ApplicationPlan | None, Field(exclude_if=absent)] = None
    """Application in front of the engines; left out where callers reach the engines."""
    page: Annotated[PagePlan | None, Field(exclude_if=absent)] = None
    """Chat page in front of the application; left out without one."""
    own_runs: OwnRunsPlan | None
    """Effect of the calibration file in the workload's folder; null without one."""
    methods: tuple[MethodPlan, ...]
    """Answers of the methods, compared."""
    latency: LatencyPlan | None
    """Verdict on the latency targets; null without targets or without a pool."""
    contradictions: tuple[Contradiction, ...]
    """Parts of this answer that refute others; empty without a pool."""
    choice: ChoicePlan | None
    """Hardware and its price; null without a pool."""
    states: tuple[StatePlan, ...]
    """Fleet in each of its states."""
    rollout: RolloutPlan | None
    """Rollout of a new version; null without an engine."""
    memory: MemoryPlan
    """Memory of the model on a card."""
    host_cache: Annotated[HostCachePlan | None, Field(exclude_if=absent)] = None
    """KV cache in host memory; left out where only the GPUs cache, and without a pool."""
    pool: PoolPlan | None
    """Nodes of the service; null where nothing serves it."""
    rejected: tuple[Rejected, ...]
    """Options that were not taken."""
    storage: StoragePlan
    """Bytes that the service stores."""
    network: TransferPlan
    """Bytes that the service transfers."""
    cost: None = None
    """Null: this version does not price a service."""
    volumes: VolumePlan | None
    """Disks of the nodes; null without a pool."""
    gateway: GatewayPlan | JobGatewayPlan | None
    """Load balancers; null without an engine, and for a service that others of the stack call."""
    route: Annotated[RoutePlan | None, Field(exclude_if=absent)] = None
    """Other models of the application; left out where it has its own alone."""
    callers: Annotated[
        tuple[str, ...],
        Reaches(NETWORK_POLICY, "spec.ingress"),
        Field(exclude_if=operator.not_),
    ] = ()
    """Services of the stack that alone may call this one; left out with a load balancer."""
    database: DatabasePlan | None
    """Database; null where the service keeps no data."""
    buckets: tuple[BucketPlan, ...]
    """Buckets of the service."""
    weights_import: ImportPlan | None
    """Import of the weights into the bucket; null where you fill it yourself."""
    serving: GroupServingPlan | ServingPlan | None
    """Engine of the service; null where the stack builds none."""
    quota: QuotaPlan | None
    """Limits of the namespace; null without an engine."""
    burst: BurstPlan | JobBurstPlan | None
    """Burst above the floor; null without `capacity.burst_gpus`."""
    buying: BuyingPlan | None
    """Ways to buy the nodes; null without a pool."""

    @property
    def front_per_s_mean(self) -> Number:
        """Requests a second at its load balancer on the daily mean, for all models behind it."""
        mean = self.traffic.requests_per_s_mean
        return mean if self.route is None else self.route.requests_per_s_mean

    @property
    def estimate(self) -> str:
        """Name of the estimate that sizes the service, such as P90; empty without one."""
        if self.item is not None:
            return estimate_name(self.item.quantile_percent)
        return "" if self.calibrated is None else self.calibrated.estimate

    @property
    def exports_metrics(self) -> bool:
        """True where Prometheus can read the metrics of its engines.

        Guard: the engine of a queued service listens on loopback, next to its worker.
        """
        queued = self.jobs is not None and self.jobs.worker is not None
        return self.serving is not None and not queued

    @property
    def rendition_workers(self) -> int:
        """Workers that the stack builds for renditions, each on a node of its own."""
        made = self.renditions
        return 0 if made is None or made.worker is None else made.workers_total

    @property
    def application_pods(self) -> int:
        """Pods of the application that the stack builds, each on a node of its own."""
        return 0 if self.application is None else self.application.pods_built

    @property
    def page_pods(self) -> int:
        """Pods of the chat page that the stack builds, each on such a node too."""
        return 0 if self.page is None or self.page.pods is None else self.page.pods_total

    @property
    def databases(self) -> int:
        """Databases that the stack builds for the service."""
        page = self.page is not None and self.page.database is not None
        return (self.database is not None) + page

    @property
    def unserved(self) -> str | None:
        """Reason why the stack builds no nodes; None where it builds them, or without a pool."""
        return "; ".join(r.numbers for r in self._unserved) or None

    @property
    def beyond_one_cluster(self) -> str | None:
        """Limit of one cluster that the nodes exceed, with its numbers; None for none."""
        beyond = (r.numbers for r in self._unserved if r.reason is Reason.one_cluster)
        return next(beyond, None)

    @property
    def exceeds_one_cluster(self) -> bool:
        """True where one cluster cannot hold the nodes."""
        return self.beyond_one_cluster is not None

    @property
    def lacks_engine(self) -> bool:
        """True where no engine of this version serves the service, which has a pool."""
        return any(r.reason is Reason.not_in_this_version for r in self._unserved)

    @property
    def lacks_jobs(self) -> bool:
        """True where nothing accepts the jobs of a queued service, which has a pool."""
        return any(r.reason is Reason.no_job_api for r in self._unserved)

    @property
    def answer_cache(self) -> AnswerCachePlan | None:
        """Cache of its application's answers; null where it has none or is not built."""
        application = self.application
        return application.cache if application and application.pods_built else None

    @property
    def feedback(self) -> FeedbackPlan | None:
        """Feedback that its application takes; null where it takes none or is not built."""
        application = self.application
        return application.feedback if application and application.pods_built else None

    @property
    def context(self) -> ContextPlan | None:
        """Documents that its requests search; null where there are none."""
        return None if self.application is None else self.application.context

    @property
    def exceeds_application(self) -> bool:
        """True where the application's database or its nodes cannot hold the service."""
        return any(r.reason is Reason.store_limit for r in self._unserved)

    @property
    def _unserved(self) -> list[Rejected]:
        return [r for r in self.rejected if r.option == UNSERVED]

    @property
    def locked_for_other_inputs(self) -> bool:
        """True where a lock chose the hardware, and its rate was for other requests or targets."""
        chosen, capacity = self.choice, self.capacity
        if chosen is None or capacity is None or capacity.method != Method.calibrated:
            return False
        return chosen.chosen_by == "lock" and not capacity.locked
