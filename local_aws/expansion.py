"""From a described fleet to the state that AWS would show of it."""

from local_aws.errors import FleetError
from local_aws.fleet import Fleet, Region
from local_aws.fleet_nodes import Pool
from local_aws.groups import add_node_group, add_self_managed, authority, endpoint, update_document
from local_aws.identity import digest
from local_aws.images import Document
from local_aws.network import add_network
from local_aws.nodes import Launch, launch_instances, launches
from local_aws.own_images import add_images
from local_aws.place import Place
from local_aws.publication import publish
from local_aws.reservations import add_reservations
from local_aws.routes import add_routes
from local_aws.security_groups import add_security_group, cluster_security_group
from local_aws.world import Clock, Hub, RegionState, World

_MANAGED_BY_EKS: Document = {"Operator": {"Managed": True, "Principal": "eks.amazonaws.com"}}


def expand(fleet: Fleet, clock: Clock) -> World:
    """Build the whole world that a fleet describes."""
    world = World(fleet, clock, publish=lambda region: publish(fleet, region))
    for account, owned in fleet.accounts.items():
        for name, region in owned.regions.items():
            _fill(world, world.region(account, name), region)
    return world


def _fill(world: World, state: RegionState, region: Region) -> None:
    now = world.fleet.now
    add_network(state, region)
    add_routes(state, region, now)
    add_reservations(state, region, now)
    add_images(world, state, region, now)
    if region.security_hub:
        state.hub = Hub(enabled_at=now)
    for name, cluster in region.clusters.items():
        _add_cluster(Place(state, now, name, cluster))


def _add_cluster(place: Place) -> None:
    state, cluster, name = place.state, place.cluster, place.name
    unknown = cluster.version not in {version["clusterVersion"] for version in state.public.cluster_versions}
    if unknown:
        message = f"{place.path('version')}: Kubernetes {cluster.version} is not described"
        raise FleetError(message)
    add_security_group(place)
    subnets = place.control_plane_subnets()
    state.clusters[name] = {
        "name": name,
        "arn": state.arn("eks", f"cluster/{name}"),
        "createdAt": place.now - cluster.created,
        "version": cluster.version,
        "platformVersion": "eks.7",
        "status": cluster.status,
        "endpoint": endpoint(place),
        "certificateAuthority": {"data": authority(place)},
        "roleArn": state.iam_arn(f"role/{name}-cluster"),
        "resourcesVpcConfig": {
            "subnetIds": [subnet["SubnetId"] for subnet in subnets],
            "securityGroupIds": [],
            "clusterSecurityGroupId": cluster_security_group(place),
            "vpcId": place.vpc,
            "endpointPublicAccess": True,
            "endpointPrivateAccess": True,
            "publicAccessCidrs": ["0.0.0.0/0"],
        },
        "kubernetesNetworkConfig": {
            "ipFamily": cluster.ip_family,
            **(
                {"serviceIpv4Cidr": "172.20.0.0/16"}
                if cluster.ip_family == "ipv4"
                else {"serviceIpv6Cidr": "fd00:ec2:0:1::/108"}
            ),
        },
        "accessConfig": {"authenticationMode": "API_AND_CONFIG_MAP"},
        "upgradePolicy": {"supportType": cluster.support},
        "zonalShiftConfig": {"enabled": cluster.zonal_shift},
        "computeConfig": {
            "enabled": cluster.auto_mode,
            "nodePools": ["general-purpose", "system"] if cluster.auto_mode else [],
        },
        "deletionProtection": False,
        "health": {
            "issues": [
                {"code": issue.code, "message": issue.message, "ids": issue.resources} for issue in cluster.health
            ]
        },
        "tags": cluster.tags,
    }
    if cluster.updated < cluster.created:
        update = update_document(place, "cluster", "VersionUpdate", "Successful") | {
            "createdAt": place.now - cluster.updated
        }
        state.updates[name, None].append(update)
    for capacity, group in cluster.node_groups.items():
        add_node_group(place, capacity, group)
    for capacity, self_managed in cluster.self_managed.items():
        add_self_managed(place, capacity, self_managed)
    for capacity, pool in cluster.pools.items():
        _add_pool(place, capacity, pool)
    _add_fargate(place)
    if cluster.has_cluster_autoscaler:
        _add_pod_identity(place, "cluster-autoscaler")


def _add_pool(place: Place, name: str, pool: Pool) -> None:
    owned = {f"kubernetes.io/cluster/{place.name}": "owned", "aws:eks:cluster-name": place.name}
    extra = {}
    match pool.scaler:
        case "karpenter":
            owned |= {
                "karpenter.sh/nodepool": name,
                "karpenter.k8s.aws/ec2nodeclass": name,
                "eks:eks-cluster-name": place.name,
            }
        case "auto-mode":
            owned |= {
                "eks:kubernetes-node-pool-name": name,
                "eks:kubernetes-node-class-name": "default",
                "eks:eks-cluster-name": place.name,
            }
            extra = _MANAGED_BY_EKS
            pool = pool.model_copy(update={"ami": "AUTO_MODE_x86_64"})
        case "standalone":
            owned |= {"Name": f"{place.name}-{name}"}
    launch = Launch(
        image=place.image(name, pool),
        tags=owned,
        role=f"{place.name}-{name}",
        instance_type=pool.types[0],
        launched=pool.launched,
        extra=extra,
        prefixes=pool.scaler == "auto-mode",
    )
    launch_instances(place, name, pool, launches(place, name, pool, launch))


def _add_fargate(place: Place) -> None:
    for name, profile in place.cluster.fargate.items():
        place.state.fargate_profiles[place.name][name] = {
            "fargateProfileName": name,
            "fargateProfileArn": place.state.arn(
                "eks", f"fargateprofile/{place.name}/{name}/{place.uuid('fargate', name)}"
            ),
            "clusterName": place.name,
            "createdAt": place.now - place.cluster.created,
            "podExecutionRoleArn": place.state.iam_arn(f"role/{place.name}-pods"),
            "subnets": [subnet["SubnetId"] for subnet in place.subnets(profile.zones)],
            "selectors": [{"namespace": namespace, "labels": {}} for namespace in profile.namespaces],
            "status": "ACTIVE",
            "tags": {},
            "health": {"issues": []},
        }


def _add_pod_identity(place: Place, service_account: str) -> None:
    identifier = f"a-{digest(place.id('association', service_account))[:17]}"
    place.state.pod_identities[place.name][identifier] = {
        "clusterName": place.name,
        "namespace": "kube-system",
        "serviceAccount": service_account,
        "roleArn": place.state.iam_arn(f"role/{place.name}-{service_account}"),
        "associationArn": place.state.arn("eks", f"podidentityassociation/{place.name}/{identifier}"),
        "associationId": identifier,
        "tags": {},
        "createdAt": place.now - place.cluster.created,
        "modifiedAt": place.now - place.cluster.created,
    }
