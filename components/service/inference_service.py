"""One service of the plan: its stores, its gateway and its replicas."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.core.v1 import Service

from components.foundation.cluster.cluster import ClusterIds
from components.foundation.cluster.target_writer import TargetWriter
from components.foundation.dns import Dns, balancer_name
from components.foundation.keys import Keys
from components.foundation.network.network import NetworkIds
from components.naming import Tags
from components.pools.application_nodes import ApplicationNodes
from components.service.application.answer_cache import AnswerCache, AnswerCacheArgs
from components.service.application.application import Application, ApplicationArgs, Feedback
from components.service.application.document_queue import DocumentQueue, DocumentQueueArgs
from components.service.application.feedback_stream import FeedbackStream, FeedbackStreamArgs
from components.service.application.page import Page, PageArgs
from components.service.balancers import BalancersArgs, balancers
from components.service.burst_serving import BurstServing, BurstServingArgs
from components.service.database import Database, DatabaseArgs
from components.service.gateway import Gateway
from components.service.jobs.intake import Intake, IntakeArgs
from components.service.jobs.rendition_workers import RenditionWorkers, RenditionWorkersArgs
from components.service.object_store import ObjectStore
from components.service.service_namespace import ServiceNamespace, ServiceNamespaceArgs
from components.service.serving import Serving, ServingArgs
from components.service.stores import ARTEFACTS, Stores, StoresArgs
from components.service.target_registration import TargetRegistration, TargetRegistrationArgs
from components.service.weights_import import WeightsImport, WeightsImportArgs
from sizing.plan.service.application.cache import AnswerCachePlan
from sizing.plan.service.application.context import ContextPlan
from sizing.plan.service.application.feedback import FeedbackPlan
from sizing.plan.service.application.page import PagePlan
from sizing.plan.service.files.cdn import CdnPlan
from sizing.plan.service.files.renditions import RenditionsPlan
from sizing.plan.service.gateway import GatewayPlan, JobGatewayPlan
from sizing.plan.service.items.jobs import JobsPlan
from sizing.plan.service.stores import BucketPlan, DatabasePlan
from sizing.plan.service.weights_import import ImportPlan
from sizing.plan.stack.cluster import RolesPlan
from sizing.plan.stack.network import AllowedPlan
from sizing.service.storage import DOCUMENTS, FEEDBACK, UPLOADS
from sizing.stack.names import PAGE_SUFFIX
from sizing.workload.source import ModelSource
from templates.applications.page import page_binding
from templates.render import binding_document


@dataclass(frozen=True, kw_only=True)
class InferenceServiceArgs:
    service: str
    buckets: Sequence[BucketPlan]
    database: DatabasePlan | None
    jobs: JobsPlan | None
    """Jobs of a queued service; null where requests are answered at once."""
    renditions: RenditionsPlan | None
    """Other sizes and codecs of its clips; null where there are none."""
    cdn: CdnPlan | None
    """Delivery of its results; null where signed addresses name the bucket."""
    gateway: GatewayPlan | JobGatewayPlan | None
    application_nodes: ApplicationNodes | None
    """Nodes of the application; null where the service has none. They must outlive its pods."""
    feedback: FeedbackPlan | None
    """Feedback of its users; null where its application accepts none."""
    context: ContextPlan | None
    """Documents that its requests search; null where there are none."""
    answer_cache: AnswerCachePlan | None
    """Cache of its answers; null where its application keeps none."""
    page: PagePlan | None
    """Chat page in front of its application; null without one."""
    page_host: str | None
    """Host name of the page in the zone of `dns`."""
    page_client_secret: pulumi.Input[str] | None
    """Secret of the page's client at the issuer of tokens; null where the stack has none."""
    called: bool
    """True where other services of the stack alone call it, without a load balancer."""
    dns: Dns | None
    host: str | None
    """Host name of its load balancer in the zone of `dns`."""
    source: ModelSource | None
    weights_import: ImportPlan | None
    """Job that fills the bucket of weights from the model's source."""
    access_logs: ObjectStore | None
    """Bucket of its load balancer's logs; null where no service has one."""
    documents: Mapping[str, str]
    """Rendered text by file name without suffix; empty for a service without an engine."""
    network: NetworkIds
    allowed: AllowedPlan
    """Sources outside the network that reach an internal service."""
    cluster: ClusterIds
    keys: Keys
    roles: RolesPlan
    region: str
    partition: str
    account_ids: Sequence[str]
    controller: TargetWriter | None
    """Controller that registers the targets of its gateway; null where no service has a gateway."""
    after: Sequence[pulumi.Resource]
    """System nodes and GPU plugins that must outlive its objects."""
    nodes_by_zone: Mapping[str, pulumi.Resource]
    """GPU nodes by zone; they must outlive the pods of their zone and block no other zone."""
    rendition_nodes: Sequence[pulumi.Resource]
    """Nodes of the workers that make renditions; they must outlive these pods."""
    burst_after: Sequence[pulumi.Resource]
    """Resources that must outlive the pods above the floor too."""
    tags: Tags


class InferenceService(pulumi.ComponentResource):
    """One service. Without an engine it has its stores, and the intake of its jobs."""

    endpoint: pulumi.Output[str] | None
    """DNS name of its load balancer."""
    database_client_group_id: pulumi.Output[str] | None
    """Security group of its database's clients."""

    def __init__(
        self, name: str, args: InferenceServiceArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("sizewright:index:InferenceService", name, None, opts)
        self._name = name
        self._args = args
        self._child = pulumi.ResourceOptions(parent=self)
        self._in_cluster = pulumi.ResourceOptions(parent=self, providers=[args.cluster.kubernetes])
        stores = self._stores()
        database = None if args.database is None else self._database(args.database)
        self.database_client_group_id = None if database is None else database.client_group_id
        self._intake = self._accepting(stores)
        gateways = self._gateways()
        first = next(iter(gateways.values()), None)
        self.endpoint = None if first is None else first.endpoint
        bound = list[pulumi.Resource]()
        if args.documents:
            weights, namespace = stores.by_role["weights"], self._namespace()
            serving = self._serving(weights, namespace, self._weights_import(weights, namespace))
            application = self._application(stores, database, namespace)
            answers = serving.service if application is None else application.service
            bound = self._registrations(gateways, answers)
            if application is not None and args.page is not None:
                self._page(args.page, application, gateways, namespace)
            if self._intake is not None and self._intake.renditions is not None:
                self._rendition_workers(self._intake, namespace)
            if "burst-deployment" in args.documents:
                self._burst(serving)
        if first is not None:
            self._host(first, bound)
        self.register_outputs({})

    def _stores(self) -> Stores:
        args = self._args
        return Stores(
            self._name,
            StoresArgs(
                service=args.service,
                buckets=args.buckets,
                jobs=args.jobs,
                cdn=args.cdn,
                keys=args.keys,
                roles=args.roles,
                region=args.region,
                partition=args.partition,
                tags=args.tags,
            ),
            self._child,
        )

    def _database(self, plan: DatabasePlan, of: str = "") -> Database:
        """Database of the service, or of its chat page."""
        nodes = self._args.application_nodes
        return Database(
            f"{self._name}{of}-database",
            DatabaseArgs(
                plan=plan,
                service=self._args.service + of,
                vpc_id=self._args.network.vpc_id,
                subnet_ids=list(self._args.network.private_subnet_ids.values()),
                application_group_id=None if nodes is None else nodes.group_id,
                key_arn=self._args.keys.data,
                logs_key_arn=self._args.keys.logs,
                roles=self._args.roles,
                partition=self._args.partition,
                account_id=self._args.account_ids[0],
                tags=self._args.tags,
            ),
            self._child,
        )

    def _accepting(self, stores: Stores) -> Intake | None:
        """Intake of a queued service; none where nothing accepts its jobs."""
        args, jobs = self._args, self._args.jobs
        if jobs is None or jobs.api is None:
            return None
        return Intake(
            f"{self._name}-jobs",
            IntakeArgs(
                plan=jobs,
                api=jobs.api,
                artefacts=stores.by_role[ARTEFACTS],
                renditions=args.renditions,
                cdn=stores.cdn,
                key_arn=args.keys.data,
                logs_key_arn=args.keys.logs,
                roles=args.roles,
                partition=args.partition,
                tags=args.tags,
            ),
            self._child,
        )

    def _gateways(self) -> dict[bool, Gateway]:
        """Load balancers of the service; the first one has its name."""
        args = self._args
        if args.gateway is None:
            return {}
        return balancers(
            self._name,
            BalancersArgs(
                plan=args.gateway,
                service=args.service,
                application=args.application_nodes is not None,
                intake=self._intake,
                page=args.page,
                page_host=args.page_host,
                page_client_secret=args.page_client_secret,
                network=args.network,
                allowed=args.allowed,
                cluster=args.cluster,
                dns=args.dns,
                access_logs=args.access_logs,
                keys=args.keys,
                tags=args.tags,
            ),
            self._child,
        )

    def _host(self, gateway: Gateway, bound: Sequence[pulumi.Resource]) -> None:
        """Create the DNS record; it changes once the new load balancer's targets are bound."""
        if self._args.dns is None or self._args.host is None:
            return
        balancer_name(
            f"{self._name}-host",
            host=self._args.host,
            zone_id=self._args.dns.zone_id,
            balancer_dns_name=gateway.endpoint,
            balancer_zone_id=gateway.zone_id,
            opts=pulumi.ResourceOptions(parent=self, depends_on=bound),
        )

    def _namespace(self) -> ServiceNamespace:
        """Namespace of the service; all its other objects wait for it."""
        return ServiceNamespace(
            f"{self._name}-namespace",
            ServiceNamespaceArgs(
                documents=self._args.documents,
                after=[*self._args.after, *self._args.cluster.ready_for_pods],
            ),
            self._in_cluster,
        )

    def _weights_import(
        self, weights: ObjectStore, namespace: ServiceNamespace
    ) -> list[pulumi.Resource]:
        """Resources that replicas await before a new version; none where you copy the weights."""
        args = self._args
        if args.weights_import is None or args.source is None:
            return []
        made = WeightsImport(
            f"{self._name}-weights-import",
            WeightsImportArgs(
                service=args.service,
                plan=args.weights_import,
                source=args.source,
                documents=args.documents,
                weights_bucket=weights.bucket,
                weights_arn=weights.arn,
                weights_key_arn=args.keys.weights,
                cluster_name=args.cluster.name,
                roles=args.roles,
                partition=args.partition,
                account_ids=args.account_ids,
                after=[*namespace.guards, weights],
                tags=args.tags,
            ),
            self._in_cluster,
        )
        return [made.done]

    def _serving(
        self, weights: ObjectStore, namespace: ServiceNamespace, imported: list[pulumi.Resource]
    ) -> Serving:
        return Serving(
            f"{self._name}-serving",
            ServingArgs(
                service=self._args.service,
                documents=self._args.documents,
                weights_bucket=weights.bucket,
                weights_arn=weights.arn,
                weights_key_arn=self._args.keys.weights,
                intake=self._intake,
                cluster_name=self._args.cluster.name,
                roles=self._args.roles,
                partition=self._args.partition,
                account_ids=self._args.account_ids,
                after=namespace.guards,
                nodes_by_zone=self._args.nodes_by_zone,
                weights=imported,
                tags=self._args.tags,
            ),
            self._in_cluster,
        )

    def _application(
        self, stores: Stores, database: Database | None, namespace: ServiceNamespace
    ) -> Application | None:
        """Application in front of the engines; none where callers reach the engines."""
        args = self._args
        if args.application_nodes is None:
            return None
        if database is None:
            raise ValueError(f"{args.service}: an application needs a database")
        return Application(
            f"{self._name}-application",
            ApplicationArgs(
                service=args.service,
                documents=args.documents,
                database=database,
                uploads=stores.by_role.get(UPLOADS),
                feedback=self._feedback(stores),
                changes=self._changes(stores),
                cache=self._answer_cache(args.application_nodes),
                key_arn=args.keys.data,
                protected=args.database is not None and args.database.protected,
                cluster_name=args.cluster.name,
                roles=args.roles,
                partition=args.partition,
                account_ids=args.account_ids,
                after=[*namespace.guards, args.application_nodes],
                tags=args.tags,
            ),
            self._in_cluster,
        )

    def _answer_cache(self, nodes: ApplicationNodes) -> AnswerCache | None:
        """Cache of the application's answers; none where it keeps none."""
        args = self._args
        if args.answer_cache is None:
            return None
        return AnswerCache(
            f"{self._name}-answers",
            AnswerCacheArgs(
                plan=args.answer_cache,
                service=args.service,
                vpc_id=args.network.vpc_id,
                subnet_ids=list(args.network.private_subnet_ids.values()),
                application_group_id=nodes.group_id,
                key_arn=args.keys.data,
                tags=args.tags,
            ),
            self._child,
        )

    def _page(
        self,
        plan: PagePlan,
        application: Application,
        gateways: Mapping[bool, Gateway],
        namespace: ServiceNamespace,
    ) -> None:
        """Chat page, its database, its targets and its name. Raises ValueError without a name."""
        args = self._args
        if plan.database is None or args.application_nodes is None:
            return
        if args.dns is None or args.page_host is None or args.controller is None:
            raise ValueError(f"{args.service}: a chat page needs a name and a balancer")
        page = Page(
            f"{self._name}-page",
            PageArgs(
                service=args.service,
                documents=args.documents,
                database=self._database(plan.database, PAGE_SUFFIX),
                balancer_arns=[gateway.arn for gateway in gateways.values()],
                key_arn=args.keys.data,
                protected=plan.database.protected,
                cluster_name=args.cluster.name,
                roles=args.roles,
                partition=args.partition,
                account_ids=args.account_ids,
                after=[*namespace.guards, args.application_nodes, application.configuration],
                tags=args.tags,
            ),
            self._in_cluster,
        )
        bound = [
            TargetRegistration(
                f"{self._name}-page-{'public-' * public}registration",
                TargetRegistrationArgs(
                    document=args.documents[page_binding(public=public)],
                    target_group_arn=gateway.page_group_arn,
                    controller=args.controller,
                    after=[page.service],
                ),
                self._in_cluster,
            )
            for public, gateway in gateways.items()
            if gateway.page_group_arn is not None
        ]
        first = next(iter(gateways.values()))
        balancer_name(
            f"{self._name}-page-host",
            host=args.page_host,
            zone_id=args.dns.zone_id,
            balancer_dns_name=first.endpoint,
            balancer_zone_id=first.zone_id,
            opts=pulumi.ResourceOptions(parent=self, depends_on=bound),
        )

    def _feedback(self, stores: Stores) -> Feedback | None:
        """Stream of feedback into its bucket; none where no feedback is accepted."""
        args = self._args
        if args.feedback is None:
            return None
        store = stores.by_role[FEEDBACK]
        stream = FeedbackStream(
            f"{self._name}-feedback",
            FeedbackStreamArgs(
                plan=args.feedback,
                store=store,
                key_arn=args.keys.data,
                logs_key_arn=args.keys.logs,
                roles=args.roles,
                account_id=args.account_ids[0],
                partition=args.partition,
                tags=args.tags,
            ),
            self._child,
        )
        return Feedback(stream=stream, store=store)

    def _changes(self, stores: Stores) -> DocumentQueue | None:
        """Queue of the documents that have changed; none where there are none."""
        args = self._args
        if args.context is None:
            return None
        return DocumentQueue(
            f"{self._name}-documents",
            DocumentQueueArgs(
                plan=args.context,
                store=stores.by_role[DOCUMENTS],
                key_arn=args.keys.data,
                account_id=args.account_ids[0],
                protected=args.database is not None and args.database.protected,
                tags=args.tags,
            ),
            self._child,
        )

    def _rendition_workers(self, intake: Intake, namespace: ServiceNamespace) -> RenditionWorkers:
        args = self._args
        return RenditionWorkers(
            f"{self._name}-renditions",
            RenditionWorkersArgs(
                service=args.service,
                documents=args.documents,
                intake=intake,
                cluster_name=args.cluster.name,
                roles=args.roles,
                partition=args.partition,
                account_ids=args.account_ids,
                after=[*namespace.guards, *args.rendition_nodes],
                tags=args.tags,
            ),
            self._in_cluster,
        )

    def _burst(self, serving: Serving) -> BurstServing:
        return BurstServing(
            f"{self._name}-burst",
            BurstServingArgs(
                documents=self._args.documents,
                wires=serving.wires,
                after=[*serving.ready_for_pods, *self._args.burst_after],
            ),
            pulumi.ResourceOptions(parent=self, providers=[self._args.cluster.kubernetes]),
        )

    def _registrations(
        self, gateways: Mapping[bool, Gateway], answers: Service | None
    ) -> list[pulumi.Resource]:
        """Bindings of the Service that answers requests to the targets of each load balancer.

        The engines of a queued service have none: their workers fetch jobs. The service of a stage
        has none: other services call it.
        Guard: a target group serves one load balancer, so that a second one has its own.
        """
        controller = self._args.controller
        if self._intake is not None or self._args.called:
            return []
        if not gateways or controller is None or answers is None:
            raise ValueError(f"{self._args.service}: what is served needs a gateway, bound to it")
        return [
            TargetRegistration(
                f"{self._name}-{'public-' * public}registration",
                TargetRegistrationArgs(
                    document=self._args.documents[binding_document(public=public)],
                    target_group_arn=gateway.target_group_arn,
                    controller=controller,
                    after=[answers],
                ),
                self._in_cluster,
            )
            for public, gateway in gateways.items()
        ]
