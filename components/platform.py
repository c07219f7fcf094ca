"""Everything a plan asks for, composed: network, cluster, pools, services."""

import pulumi

from components.access_logs import access_logs
from components.burst_pool import BurstPool, BurstPoolArgs
from components.cluster import Cluster, ClusterArgs, log_group_name
from components.cluster_services import ClusterServices, ClusterServicesArgs
from components.database import log_group_name as database_logs
from components.firewall import LOG_PREFIX
from components.gpu_pool import GpuPool, GpuPoolArgs
from components.inference_service import InferenceService, InferenceServiceArgs
from components.keys import Keys, KeysArgs
from components.naming import PRODUCT, Tags, aws_name, partition
from components.network import Network, NetworkArgs
from components.object_store import ObjectStore
from components.provider import aws_provider
from components.system_pool import SystemPool, SystemPoolArgs
from sizing.plan import NodePool, Plan, ServicePlan
from templates.render import render, user_data_path

NAME = "sw"
"""Logical name of the platform; short, for every AWS name starts with it."""


def build(plan: Plan) -> None:
    """Registers the stack's resources and outputs."""
    provider = aws_provider(f"{NAME}-aws", plan.site, Tags.of_site(plan.site))
    platform = Platform(NAME, plan, pulumi.ResourceOptions(providers=[provider]))
    pulumi.export("plan_digest", plan.digest)
    pulumi.export("cluster_name", platform.cluster_name)
    pulumi.export(
        "services", {s.name: summary(s, platform.endpoints[s.name]) for s in plan.services}
    )


def summary(service: ServicePlan, endpoint: pulumi.Output[str] | None) -> dict[str, object]:
    """A service's stack output: what was asked, needed and built. Null without a pool."""
    pool = service.pool
    return {
        "inputs": service.inputs.model_dump(mode="json"),
        "gpus_needed": pool and pool.gpus_needed,
        "gpus_total": pool and pool.gpus_total,
        "nodes_needed": pool and pool.nodes_needed,
        "nodes_total": pool and pool.nodes_total,
        "nodes_by_zone": pool and pool.nodes_by_zone,
        "survives": pool and pool.survives.model_dump(),
        "endpoint": endpoint,
    }


class Platform(pulumi.ComponentResource):
    """Destroyed in reverse: Kubernetes objects, node groups, cluster, network."""

    cluster_name: pulumi.Output[str]
    endpoints: dict[str, pulumi.Output[str] | None]
    """DNS name of each service's load balancer."""

    def __init__(self, name: str, plan: Plan, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("sizewright:index:Platform", name, None, opts)
        self._name = name
        self._plan = plan
        self._tags = Tags.of_site(plan.site)
        self._child = pulumi.ResourceOptions(parent=self)
        self._texts = render(plan)
        self._cluster_name = aws_name(f"{PRODUCT}-{pulumi.get_stack()}")
        self._keys = self._made_keys()
        network = self._network()
        self._access_logs = self._made_access_logs()
        cluster = self._cluster(network)
        system = self._system_pool(network, cluster)
        pools = [self._gpu_pool(pool, network, cluster) for pool in plan.pools]
        beside = self._cluster_services(network, cluster, system)
        self._bursts = {
            pool.name: self._burst_pool(pool, network, cluster, beside)
            for pool in plan.pools
            if pool.burst is not None
        }
        services = {
            service.name: self._service(service, network, cluster, [system, *pools], beside)
            for service in plan.services
        }
        self.cluster_name = cluster.name
        self.endpoints = {service: built.endpoint for service, built in services.items()}
        self.register_outputs({"cluster_name": self.cluster_name})

    def _made_keys(self) -> Keys:
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
                ],
                tags=self._tags,
            ),
            self._child,
        )

    def _network(self) -> Network:
        return Network(
            f"{self._name}-network",
            NetworkArgs(
                plan=self._plan.network,
                roles=self._plan.roles,
                region=self._plan.site.region,
                account_id=self._plan.site.account_ids[0],
                logs_key_arn=self._keys.logs,
                tags=self._tags,
            ),
            self._child,
        )

    def _made_access_logs(self) -> ObjectStore | None:
        plan = self._plan.access_logs
        if plan is None:
            return None
        account_id = self._plan.site.account_ids[0]
        return access_logs(f"{self._name}-{plan.role}", plan, account_id, self._tags, self._child)

    def _cluster(self, network: Network) -> Cluster:
        return Cluster(
            f"{self._name}-cluster",
            ClusterArgs(
                plan=self._plan.cluster,
                roles=self._plan.roles,
                cluster_name=self._cluster_name,
                region=self._plan.site.region,
                vpc_cidr=self._plan.network.vpc_cidr,
                subnet_ids=list(network.private_subnet_ids.values()),
                secrets_key_arn=self._keys.cluster,
                logs_key_arn=self._keys.logs,
                after=[network],
                tags=self._tags,
            ),
            self._child,
        )

    def _system_pool(self, network: Network, cluster: Cluster) -> SystemPool:
        return SystemPool(
            f"{self._name}-system",
            SystemPoolArgs(
                plan=self._plan.system,
                cluster_name=cluster.name,
                kubernetes_version=self._plan.cluster.kubernetes_version,
                node_role_arn=cluster.node_role_arn,
                subnet_ids=list(network.private_subnet_ids.values()),
                volumes_key_arn=self._keys.volumes,
                after=cluster.ready_for_nodes,
                tags=self._tags,
            ),
            self._child,
        )

    def _gpu_pool(self, pool: NodePool, network: Network, cluster: Cluster) -> GpuPool:
        return GpuPool(
            f"{self._name}-{aws_name(pool.name)}",
            GpuPoolArgs(
                plan=pool,
                cluster_name=cluster.name,
                kubernetes_version=self._plan.cluster.kubernetes_version,
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
        self, network: Network, cluster: Cluster, system: SystemPool
    ) -> ClusterServices:
        return ClusterServices(
            f"{self._name}-cluster-services",
            ClusterServicesArgs(
                plan=self._plan.cluster_services,
                roles=self._plan.roles,
                cluster_name=cluster.name,
                cluster=self._cluster_name,
                region=self._plan.site.region,
                account_ids=self._plan.site.account_ids,
                vpc_id=network.vpc_id,
                volumes_key_arn=self._keys.volumes,
                after=[system, *cluster.ready_for_pods],
                tags=self._tags,
            ),
            pulumi.ResourceOptions(parent=self, providers=[cluster.kubernetes]),
        )

    def _burst_pool(
        self, pool: NodePool, network: Network, cluster: Cluster, beside: ClusterServices
    ) -> BurstPool:
        if beside.burst is None:
            raise ValueError(f"{pool.name}: nothing starts its burst nodes")
        return BurstPool(
            f"{self._name}-{aws_name(pool.name)}-burst",
            BurstPoolArgs(
                node_class=self._texts[f"node/{pool.name}/ec2-node-class.yaml"],
                node_pool=self._texts[f"node/{pool.name}/node-pool.yaml"],
                subnet_ids=network.private_subnet_ids,
                security_group_id=cluster.security_group_id,
                volumes_key_arn=self._keys.volumes,
                autoscaler=beside.burst.node_autoscaler,
                tags=self._tags,
            ),
            pulumi.ResourceOptions(parent=self, providers=[cluster.kubernetes]),
        )

    def _service(
        self,
        service: ServicePlan,
        network: Network,
        cluster: Cluster,
        nodes: list[pulumi.Resource],
        beside: ClusterServices,
    ) -> InferenceService:
        return InferenceService(
            f"{self._name}-{service.name}",
            InferenceServiceArgs(
                service=service.name,
                buckets=service.buckets,
                database=service.database,
                gateway=service.gateway,
                source=service.inputs.model.source,
                weights_import=service.weights_import,
                access_logs=self._access_logs,
                documents=self._documents(service.name),
                network=network,
                vpc_cidr=self._plan.network.vpc_cidr,
                cluster=cluster,
                keys=self._keys,
                roles=self._plan.roles,
                partition=partition(self._plan.site.region),
                account_ids=self._plan.site.account_ids,
                controller=beside.load_balancer_controller,
                nodes=[*nodes, *beside.ready_for_gpu_pods],
                burst_after=self._before_burst(service, beside),
                tags=self._tags.of_service(service.name),
            ),
            self._child,
        )

    def _before_burst(self, service: ServicePlan, beside: ClusterServices) -> list[pulumi.Resource]:
        """What must outlive the service's replicas above the floor."""
        if service.burst is None or service.serving is None or beside.burst is None:
            return []
        return [*beside.burst.ready_for_scaling, self._bursts[service.serving.pool]]

    def _documents(self, service: str) -> dict[str, str]:
        """A service's rendered texts by file name without suffix."""
        folder = f"kubernetes/{service}/"
        return {
            path.removeprefix(folder).removesuffix(".yaml"): text
            for path, text in self._texts.items()
            if path.startswith(folder)
        }
