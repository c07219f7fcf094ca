"""Composition of all components of a plan: network, cluster, pools, services."""

from collections.abc import Mapping, Sequence

import pulumi

from components.cluster_services.cluster_services import ClusterServices, ClusterServicesArgs
from components.cluster_services.monitoring.monitoring import MonitoringArgs
from components.foundation.cluster.cluster import ClusterIds, log_group_name
from components.foundation.cluster.target_writer import Targets, TargetWriter, granted
from components.foundation.dns import Dns, DnsArgs
from components.foundation.foundation import Foundation, FoundationArgs, foundation
from components.foundation.keys import Keys, KeysArgs
from components.foundation.network.network import NetworkIds
from components.foundation.other_stack import OUTPUT, platform_outputs
from components.naming import PRODUCT, Tags, aws_name, partition
from components.pools.application_nodes import ApplicationNodes, ApplicationNodesArgs
from components.pools.burst_pool import BurstPool, BurstPoolArgs
from components.pools.cpu_nodes import CpuNodes, CpuNodesArgs
from components.pools.gpu_pool import GpuPool, GpuPoolArgs
from components.pools.system_pool import SystemPool, SystemPoolArgs
from components.provider import aws_provider
from components.service.access_logs import access_logs
from components.service.database import log_group_name as database_logs
from components.service.firewall import LOG_PREFIX
from components.service.inference_service import InferenceService, InferenceServiceArgs
from components.service.object_store import ObjectStore
from sizing.locks.versions import VOLUMES_ADDON
from sizing.plan.service.gateway import GatewayPlan
from sizing.plan.service.whole import ServicePlan
from sizing.plan.stack.cluster import ClusterPlan
from sizing.plan.stack.nodes import CpuPool, NodePool
from sizing.plan.whole import Plan
from sizing.stack.names import page_name
from templates.monitoring.dashboards import dashboards
from templates.monitoring.rules import rule_groups
from templates.render import render, user_data_path
from templates.scheduling import APPLICATIONS_TAINT, RENDITIONS_TAINT

NAME = "sw"
"""Logical name of the platform; it is short because every AWS name starts with it."""


def build(plan: Plan, page_client_secret: pulumi.Input[str] | None = None) -> None:
    """Register the stack's resources and outputs.

    `page_client_secret` is the secret of the client that signs people in on chat pages.
    """
    provider = aws_provider(f"{NAME}-aws", plan.site, Tags.of_site(plan.site))
    options = pulumi.ResourceOptions(providers=[provider])
    platform = Platform(NAME, plan, options, page_client_secret)
    pulumi.export("plan_digest", plan.digest)
    pulumi.export("cluster_name", platform.cluster_name)
    pulumi.export(
        "services",
        {s.name: summary(s, platform.services[s.name], platform.hosts) for s in plan.services},
    )
    if platform.platform_outputs is not None:
        pulumi.export(OUTPUT, platform.platform_outputs)
    if platform.name_servers is not None:
        pulumi.export("name_servers", platform.name_servers)


def summary(
    service: ServicePlan, built: InferenceService, hosts: Mapping[str, str]
) -> dict[str, object]:
    """Stack output of a service: workload, requirements and results.

    It is null without nodes: for a service without a pool or an engine. The service of a stage
    names its callers, whose workload states it.
    """
    pool = service.pool if service.serving is not None else None
    return {
        "inputs": service.inputs.model_dump(mode="json"),
        "gpus_needed": pool and pool.gpus_needed,
        "gpus_total": pool and pool.gpus_total,
        "nodes_needed": pool and pool.nodes_needed,
        "nodes_total": pool and pool.nodes_total,
        "nodes_by_zone": pool and pool.nodes_by_zone,
        "survives": pool and pool.survives.model_dump(),
        "endpoint": built.endpoint,
        "host": hosts.get(service.name),
        **({"page_host": hosts.get(page_name(service.name))} if service.page_pods else {}),
        "database_client_group_id": built.database_client_group_id,
        **({"callers": service.callers} if service.callers else {}),
    }


class Platform(pulumi.ComponentResource):
    """All resources of a plan, destroyed in reverse: objects, nodes, cluster, network."""

    cluster_name: pulumi.Output[str]
    platform_outputs: Mapping[str, object] | None
    """Outputs for stacks of workloads on this cluster; null where the stack makes none."""
    services: dict[str, InferenceService]
    hosts: Mapping[str, str]
    """Host name of each service in the site's zone, where the site has one."""
    name_servers: pulumi.Output[Sequence[str]] | None
    """Name servers of the zone that the stack made."""

    def __init__(
        self,
        name: str,
        plan: Plan,
        opts: pulumi.ResourceOptions | None = None,
        page_client_secret: pulumi.Input[str] | None = None,
    ) -> None:
        super().__init__("sizewright:index:Platform", name, None, opts)
        self._page_client_secret = page_client_secret
        self._name = name
        self._plan = plan
        self._tags = Tags.of_site(plan.site)
        self._child = pulumi.ResourceOptions(parent=self)
        self._texts = render(plan)
        self._cluster_name = _cluster_name(pulumi.get_stack())
        self._keys = self._made_keys()
        self._dns = self._names()
        self.name_servers = None if self._dns is None else self._dns.name_servers
        self.hosts = {} if plan.dns is None else plan.dns.hosts
        self._access_logs = self._made_access_logs()
        foundation = self._foundation()
        network, cluster = foundation.network, foundation.cluster
        system = self._system_pools(network, cluster)
        self._rendering = self._rendition_pools(network, cluster)
        self._answering = self._application_nodes(network, cluster)
        self._pools = {pool.name: self._gpu_pool(pool, network, cluster) for pool in plan.pools}
        in_cluster = self._cluster_services(network, cluster, system)
        self._bursts = {
            pool.name: self._burst_pool(pool, network, cluster, in_cluster)
            for pool in plan.pools
            if pool.burst is not None
        }
        self.platform_outputs = (
            None
            if foundation.made is None
            else platform_outputs(
                foundation.made, network, in_cluster.controller, in_cluster.node_autoscaler_role
            )
        )
        self._writer = self._target_writer(in_cluster, cluster)
        self.services = {
            service.name: self._service(service, network, cluster, system, in_cluster)
            for service in plan.services
        }
        self.cluster_name = pulumi.Output.from_input(cluster.name)
        self.register_outputs({"cluster_name": self.cluster_name})

    def _made_keys(self) -> Keys:
        accepting = [s.name for s in self._plan.services if s.jobs and s.jobs.api]
        linking = [s.name for s in self._plan.services if s.cdn and s.cdn.link]
        judged = [s.name for s in self._plan.services if s.feedback]
        searched = any(s.context for s in self._plan.services if s.application_pods)
        return Keys(
            f"{self._name}-keys",
            KeysArgs(
                plan=self._plan.keys,
                account_id=self._plan.site.account_ids[0],
                region=self._plan.site.region,
                log_groups=[
                    log_group_name(self._cluster_name),
                    *(
                        f"{LOG_PREFIX}{self._name}-{s.name}-*"
                        for s in self._plan.services
                        if s.gateway and s.gateway.firewall
                    ),
                    f"{self._name}-network-flow-logs-group-*",
                    *(database_logs(s.name) for s in self._plan.services if s.database),
                    *(database_logs(page_name(s.name)) for s in self._plan.services if s.page_pods),
                    *(f"{self._name}-{service}-jobs-function-logs-*" for service in accepting),
                    *(f"{self._name}-{service}-jobs-link-function-logs-*" for service in linking),
                    *(f"{self._name}-{service}-feedback-logs-*" for service in judged),
                ],
                data_services=(
                    *(("dynamodb",) if accepting else ()),
                    *(("sqs",) if accepting or searched else ()),
                    *(("firehose",) if judged else ()),
                    *(("elasticache",) if any(s.answer_cache for s in self._plan.services) else ()),
                ),
                sends_messages=self._plan.site.alerts is not None,
                delivers_data=bool(linking),
                notifies=searched,
                copy_regions=self._copy_regions(),
                tags=self._tags,
            ),
            self._child,
        )

    def _copy_regions(self) -> Mapping[str, bool]:
        """Regions of copies in order, and whether one of their buckets is protected."""
        buckets = [bucket for service in self._plan.services for bucket in service.buckets]
        copies = [(b.region_copy.region, b.protected) for b in buckets if b.region_copy]
        return {region: (region, True) in copies for region, _ in sorted(copies)}

    def _names(self) -> Dns | None:
        if self._plan.dns is None:
            return None
        args = DnsArgs(plan=self._plan.dns, tags=self._tags)
        return Dns(f"{self._name}-dns", args, self._child)

    def _made_access_logs(self) -> ObjectStore | None:
        plan = self._plan.access_logs
        if plan is None:
            return None
        account_id = self._plan.site.account_ids[0]
        return access_logs(f"{self._name}-{plan.role}", plan, account_id, self._tags, self._child)

    def _foundation(self) -> Foundation:
        plan = self._plan
        return foundation(
            self._name,
            FoundationArgs(
                network=plan.network,
                cluster=plan.cluster,
                roles=plan.roles,
                cluster_name=self._cluster_name,
                region=plan.site.region,
                zones=plan.site.zones,
                account_id=plan.site.account_ids[0],
                keys=self._keys,
                tags=self._tags,
            ),
            self._child,
        )

    def _system_pools(self, network: NetworkIds, cluster: ClusterIds) -> list[pulumi.Resource]:
        """System pool of a cluster that this stack makes; none for another owner's cluster."""
        if self._plan.system is None:
            return []
        pool = SystemPool(
            f"{self._name}-system",
            SystemPoolArgs(
                nodes=self._cpu_nodes(self._plan.system, network, cluster),
                coredns_version=self._plan.cluster.addons["coredns"],
            ),
            self._child,
        )
        return [pool]

    def _rendition_pools(self, network: NetworkIds, cluster: ClusterIds) -> list[pulumi.Resource]:
        """Nodes of the workers that make renditions; none where no service has any."""
        if self._plan.rendition_nodes is None:
            return []
        args = self._cpu_nodes(
            self._plan.rendition_nodes, network, cluster, taints=RENDITIONS_TAINT
        )
        return [CpuNodes(f"{self._name}-renditions", args, self._child)]

    def _application_nodes(
        self, network: NetworkIds, cluster: ClusterIds
    ) -> ApplicationNodes | None:
        """Nodes of applications; none where no service has any."""
        if self._plan.application_nodes is None:
            return None
        nodes = self._cpu_nodes(
            self._plan.application_nodes, network, cluster, taints=APPLICATIONS_TAINT
        )
        return ApplicationNodes(
            f"{self._name}-applications",
            ApplicationNodesArgs(
                nodes=nodes, vpc_id=network.vpc_id, cluster_group_id=cluster.security_group_id
            ),
            self._child,
        )

    def _cpu_nodes(
        self,
        plan: CpuPool,
        network: NetworkIds,
        cluster: ClusterIds,
        *,
        taints: Mapping[str, str] | None = None,
    ) -> CpuNodesArgs:
        return CpuNodesArgs(
            plan=plan,
            cluster_name=cluster.name,
            kubernetes_version=self._plan.cluster.kubernetes_version,
            node_role_arn=cluster.node_role_arn,
            subnet_ids=list(network.private_subnet_ids.values()),
            volumes_key_arn=self._keys.volumes,
            after=cluster.ready_for_nodes,
            tags=self._tags,
            taints=taints or {},
        )

    def _gpu_pool(self, pool: NodePool, network: NetworkIds, cluster: ClusterIds) -> GpuPool:
        return GpuPool(
            f"{self._name}-{aws_name(pool.name)}",
            GpuPoolArgs(
                plan=pool,
                cluster_name=cluster.name,
                node_role_arn=cluster.node_role_arn,
                subnet_ids=network.private_subnet_ids,
                user_data=self._texts[user_data_path(pool)],
                volumes_key_arn=self._keys.volumes,
                vpc_id=network.vpc_id,
                cluster_group_id=cluster.security_group_id,
                after=cluster.ready_for_nodes,
                tags=self._tags,
            ),
            self._child,
        )

    def _cluster_services(
        self, network: NetworkIds, cluster: ClusterIds, system: list[pulumi.Resource]
    ) -> ClusterServices:
        return ClusterServices(
            f"{self._name}-cluster-services",
            ClusterServicesArgs(
                plan=self._plan.cluster_services,
                roles=self._plan.roles,
                cluster_name=cluster.name,
                cluster=_known_name(self._plan.cluster),
                region=self._plan.site.region,
                account_ids=self._plan.site.account_ids,
                vpc_id=network.vpc_id,
                has_burst_nodes=any(pool.burst is not None for pool in self._plan.pools),
                node_autoscaler_role=cluster.node_autoscaler_role,
                volumes_key_arn=self._keys.of_class("volumes"),
                monitoring=self._monitoring(cluster, system),
                after=[*system, *cluster.ready_for_pods],
                tags=self._tags,
            ),
            pulumi.ResourceOptions(parent=self, providers=[cluster.kubernetes]),
        )

    def _monitoring(
        self, cluster: ClusterIds, system: list[pulumi.Resource]
    ) -> MonitoringArgs | None:
        """Metrics that the cluster keeps; null where it keeps none."""
        plan = self._plan.cluster_services.monitoring
        if plan is None:
            return None
        return MonitoringArgs(
            plan=plan,
            rules=rule_groups(self._plan),
            dashboards=dashboards(self._plan),
            roles=self._plan.roles,
            cluster_name=cluster.name,
            cluster=_known_name(self._plan.cluster),
            volumes_addon_version=self._plan.cluster.addons[VOLUMES_ADDON],
            region=self._plan.site.region,
            account_id=self._plan.site.account_ids[0],
            volumes_key_arn=self._keys.volumes,
            messages_key_arn=self._keys.logs,
            after=[*system, *cluster.ready_for_pods],
            tags=self._tags,
        )

    def _burst_pool(
        self, pool: NodePool, network: NetworkIds, cluster: ClusterIds, in_cluster: ClusterServices
    ) -> BurstPool:
        autoscaler = None if in_cluster.burst is None else in_cluster.burst.node_autoscaler
        if autoscaler is None or autoscaler.instance_profile is None:
            raise ValueError(f"{pool.name}: nothing starts its burst nodes")
        return BurstPool(
            f"{self._name}-{aws_name(pool.name)}-burst",
            BurstPoolArgs(
                node_class=self._texts[f"node/{pool.name}/ec2-node-class.yaml"],
                node_pool=self._texts[f"node/{pool.name}/node-pool.yaml"],
                subnet_ids=network.private_subnet_ids,
                security_group_id=cluster.security_group_id,
                volumes_key_arn=self._keys.volumes,
                autoscaler=autoscaler,
                instance_profile=autoscaler.instance_profile,
                tags=self._tags,
            ),
            pulumi.ResourceOptions(parent=self, providers=[cluster.kubernetes]),
        )

    def _service(
        self,
        service: ServicePlan,
        network: NetworkIds,
        cluster: ClusterIds,
        system: list[pulumi.Resource],
        in_cluster: ClusterServices,
    ) -> InferenceService:
        return InferenceService(
            f"{self._name}-{service.name}",
            InferenceServiceArgs(
                service=service.name,
                buckets=service.buckets,
                database=service.database,
                jobs=service.jobs,
                renditions=service.renditions,
                cdn=service.cdn,
                gateway=service.gateway,
                application_nodes=self._answering if service.application_pods else None,
                feedback=service.feedback,
                context=service.context if service.application_pods else None,
                answer_cache=service.answer_cache,
                page=service.page if service.page_pods else None,
                page_host=self.hosts.get(page_name(service.name)) if service.page_pods else None,
                page_client_secret=self._page_client_secret,
                called=bool(service.callers),
                dns=self._dns,
                host=self.hosts.get(service.name),
                source=service.inputs.model.source,
                weights_import=service.weights_import,
                access_logs=self._access_logs,
                documents=self._documents(service.name),
                network=network,
                allowed=self._plan.network.allowed,
                cluster=cluster,
                keys=self._keys,
                roles=self._plan.roles,
                region=self._plan.site.region,
                partition=partition(self._plan.site.region),
                account_ids=self._plan.site.account_ids,
                controller=self._writer,
                after=[*system, *in_cluster.ready_for_gpu_pods],
                nodes_by_zone=self._nodes_of(service),
                rendition_nodes=self._rendering,
                burst_after=self._before_burst(service, in_cluster),
                tags=self._tags.of_service(service.name),
            ),
            self._child,
        )

    def _nodes_of(self, service: ServicePlan) -> Mapping[str, pulumi.Resource]:
        """Node groups of the service's floor by zone."""
        return {} if service.serving is None else self._pools[service.serving.pool].by_zone

    def _target_writer(
        self, in_cluster: ClusterServices, cluster: ClusterIds
    ) -> TargetWriter | None:
        """Controller that registers targets, with the right to this stack's target groups."""
        if not any(isinstance(service.gateway, GatewayPlan) for service in self._plan.services):
            return None
        targets = Targets(
            region=self._plan.site.region,
            account_id=self._plan.site.account_ids[0],
            cluster_name=cluster.name,
        )
        return granted(
            self._name, in_cluster.controller or cluster.controller, targets, self._child
        )

    def _before_burst(
        self, service: ServicePlan, in_cluster: ClusterServices
    ) -> list[pulumi.Resource]:
        """Resources that must outlive the service's replicas above the floor."""
        if service.burst is None or service.serving is None or in_cluster.burst is None:
            return []
        own = [pool.name for pool in self._plan.pools if service.name in pool.services]
        metrics = [] if in_cluster.metrics is None else [in_cluster.metrics]
        return [
            *in_cluster.burst.ready_for_scaling,
            *metrics,
            *(self._bursts[name] for name in own),
        ]

    def _documents(self, service: str) -> dict[str, str]:
        """Rendered texts of a service by file name without suffix."""
        folder = f"kubernetes/{service}/"
        return {
            path.removeprefix(folder).removesuffix(".yaml"): text
            for path, text in self._texts.items()
            if path.startswith(folder)
        }


def _cluster_name(stack: str) -> str:
    """Name of the cluster that a stack of this program makes."""
    return aws_name(f"{PRODUCT}-{stack}")


def _known_name(plan: ClusterPlan) -> str:
    """Name of the cluster, made or used; keys of policies cannot wait for another stack."""
    if plan.used is not None:
        return plan.used.name
    other = plan.stack and plan.stack.name.rpartition("/")[2]
    return _cluster_name(other or pulumi.get_stack())
