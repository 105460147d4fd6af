"""From a described fleet to the state that AWS would show of it."""

from local_aws.errors import FleetError
from local_aws.fleet import Fleet, NodeGroup, Pool, Region, SelfManagedGroup
from local_aws.geography import zone_id
from local_aws.identity import digest, resource_id
from local_aws.images import Document, image_document
from local_aws.nodes import GroupIdentity, Launch, Place, add_launch_template, add_scaling_group, launch_instances
from local_aws.publication import publish
from local_aws.user_data import Joining, user_data
from local_aws.world import Clock, Hub, RegionState, World

_EFFECTS = {"NoSchedule": "NO_SCHEDULE", "NoExecute": "NO_EXECUTE", "PreferNoSchedule": "PREFER_NO_SCHEDULE"}


def expand(fleet: Fleet, clock: Clock) -> World:
    """Build the whole world that a fleet describes."""
    world = World(fleet, clock, publish=lambda region: publish(fleet, region))
    for account, owned in fleet.accounts.items():
        for name, region in owned.regions.items():
            _fill(world.region(account, name), region, fleet)
    return world


def _fill(state: RegionState, region: Region, fleet: Fleet) -> None:
    _add_network(state, region)
    for name, image in region.images.items():
        identifier = resource_id("ami", state.account, state.region, name)
        described = image_document(identifier, name, state.account, fleet.now - image.created, image.architecture)
        state.images[identifier] = described | {"Description": image.description}
    if region.security_hub:
        state.hub = Hub(enabled_at=fleet.now)
    for name, cluster in region.clusters.items():
        _add_cluster(Place(state, fleet.now, name, cluster))


def _add_network(state: RegionState, region: Region) -> None:
    vpc = resource_id("vpc", state.account, state.region)
    for index, (letter, zone) in enumerate(region.zones.items()):
        name = f"{state.region}{letter}"
        state.zones[name] = zone.id or zone_id(state.region, letter)
        identifier = resource_id("subnet", state.account, name)
        state.subnets[identifier] = {
            "SubnetId": identifier,
            "SubnetArn": state.arn("ec2", f"subnet/{identifier}"),
            "VpcId": vpc,
            "OwnerId": state.account,
            "State": "available",
            "CidrBlock": f"10.{index}.0.0/16",
            "AvailabilityZone": name,
            "AvailabilityZoneId": state.zones[name],
            "AvailableIpAddressCount": zone.free,
            "MapPublicIpOnLaunch": False,
            "DefaultForAz": False,
            "Ipv6Native": False,
            "Tags": [
                {"Key": "Name", "Value": f"private-{letter}"},
                {"Key": "kubernetes.io/role/internal-elb", "Value": "1"},
            ],
        }
    for instance_type, letters in region.not_offered.items():
        state.not_offered |= {(instance_type, state.zones[f"{state.region}{letter}"]) for letter in letters}


def _add_cluster(place: Place) -> None:
    state, cluster, name = place.state, place.cluster, place.name
    unknown = cluster.version not in {version["clusterVersion"] for version in state.public.cluster_versions}
    if unknown:
        message = f"{place.path('version')}: Kubernetes {cluster.version} is not described"
        raise FleetError(message)
    subnets = place.subnets(cluster.control_plane_zones or [zone[-1] for zone in state.zones])
    state.clusters[name] = {
        "name": name,
        "arn": state.arn("eks", f"cluster/{name}"),
        "createdAt": place.now - cluster.created,
        "version": cluster.version,
        "platformVersion": "eks.7",
        "status": cluster.status,
        "endpoint": _endpoint(place),
        "certificateAuthority": {"data": _authority(place)},
        "roleArn": state.iam_arn(f"role/{name}-cluster"),
        "resourcesVpcConfig": {
            "subnetIds": [subnet["SubnetId"] for subnet in subnets],
            "securityGroupIds": [],
            "clusterSecurityGroupId": place.id("sg"),
            "vpcId": subnets[0]["VpcId"],
            "endpointPublicAccess": True,
            "endpointPrivateAccess": True,
            "publicAccessCidrs": ["0.0.0.0/0"],
        },
        "kubernetesNetworkConfig": {"serviceIpv4Cidr": "172.20.0.0/16", "ipFamily": "ipv4"},
        "accessConfig": {"authenticationMode": "API_AND_CONFIG_MAP"},
        "upgradePolicy": {"supportType": cluster.support},
        "zonalShiftConfig": {"enabled": cluster.zonal_shift},
        "computeConfig": {
            "enabled": cluster.auto_mode,
            "nodePools": ["general-purpose", "system"] if cluster.auto_mode else [],
        },
        "deletionProtection": False,
        "health": {"issues": [_issue("ids", issue.code, issue.message, issue.resources) for issue in cluster.health]},
        "tags": cluster.tags,
    }
    if cluster.updated < cluster.created:
        update = _update(place, "cluster", "VersionUpdate", "Successful") | {"createdAt": place.now - cluster.updated}
        state.updates[name, None].append(update)
    for capacity, group in cluster.node_groups.items():
        _add_node_group(place, capacity, group)
    for capacity, self_managed in cluster.self_managed.items():
        _add_self_managed(place, capacity, self_managed)
    for capacity, pool in cluster.pools.items():
        _add_pool(place, capacity, pool)
    _add_fargate(place)
    if cluster.cluster_autoscaler:
        _add_pod_identity(place, "cluster-autoscaler")


def _add_node_group(place: Place, name: str, group: NodeGroup) -> None:
    state, cluster = place.state, place.name
    identifier = place.uuid("nodegroup", name)
    scaling_group = f"eks-{name}-{identifier}"
    role = f"{cluster}-nodes"
    image = place.image(name, group)
    tags = {
        "eks:cluster-name": cluster,
        "eks:nodegroup-name": name,
        f"kubernetes.io/cluster/{cluster}": "owned",
        "k8s.io/cluster-autoscaler/enabled": "true",
        f"k8s.io/cluster-autoscaler/{cluster}": "owned",
    }
    created = place.now - group.created
    copied = {
        "ImageId": image["ImageId"],
        "IamInstanceProfile": {"Name": f"eks-{identifier}"},
        "UserData": user_data(place.family(group), _joining(place, group)),
        "TagSpecifications": [
            {"ResourceType": "instance", "Tags": [{"Key": key, "Value": tags[key]} for key in list(tags)[:3]]}
        ],
    }
    template = add_launch_template(place, f"eks-{identifier}", created, copied, {})
    policy = {
        "LaunchTemplate": {
            "LaunchTemplateSpecification": template,
            "Overrides": [{"InstanceType": each} for each in group.types],
        },
        "InstancesDistribution": {
            "OnDemandAllocationStrategy": "prioritized",
            "OnDemandBaseCapacity": 0,
            "OnDemandPercentageAboveBaseCapacity": 0 if group.spot else 100,
            "SpotAllocationStrategy": "price-capacity-optimized",
        },
    }
    instances = launch_instances(
        place, name, group, Launch(image, tags | _launch_tags(place, scaling_group, template), role, _spot(group))
    )
    add_scaling_group(place, GroupIdentity(scaling_group, tags, {"MixedInstancesPolicy": policy}), group, instances)
    own_template: Document = {}
    if group.launch_template:
        refers = add_launch_template(
            place, group.launch_template, created, {"MetadataOptions": {"HttpTokens": "required"}}, {}
        )
        own_template = {
            "launchTemplate": {"id": refers["LaunchTemplateId"], "name": group.launch_template, "version": "1"}
        }
    custom = group.image is not None
    state.nodegroups[cluster][name] = own_template | {
        "nodegroupName": name,
        "nodegroupArn": state.arn("eks", f"nodegroup/{cluster}/{name}/{identifier}"),
        "clusterName": cluster,
        "version": group.kubernetes or place.cluster.version,
        "releaseVersion": image["ImageId"] if custom else place.release(name, group, group.ami).version,
        "createdAt": created,
        "modifiedAt": place.since(image, group.modified),
        "status": group.status,
        "capacityType": "SPOT" if group.spot else "ON_DEMAND",
        "scalingConfig": {"minSize": group.min, "maxSize": group.max, "desiredSize": group.desired},
        "instanceTypes": group.types,
        "subnets": [subnet["SubnetId"] for subnet in place.subnets(group.zones)],
        "amiType": group.ami,
        "nodeRole": state.iam_arn(f"role/{role}"),
        "labels": dict(group.labels),
        "taints": [_taint(taint) for taint in group.taints],
        "resources": {"autoScalingGroups": [{"name": scaling_group}]},
        "diskSize": 20,
        "health": {
            "issues": [
                _issue("resourceIds", issue.code, issue.message, issue.resources or [scaling_group])
                for issue in group.health
            ]
        },
        "updateConfig": {"maxUnavailable": group.max_unavailable, "updateStrategy": "DEFAULT"},
        "nodeRepairConfig": {"enabled": group.node_repair},
        "tags": dict(group.eks_tags),
    }
    for index, described in enumerate(group.updates):
        update = _update(place, f"{name}-{index}", described.type, described.status) | {
            "createdAt": place.now - described.started
        }
        if described.error:
            update["errors"] = [
                {"errorCode": described.error, "errorMessage": described.error, "resourceIds": [scaling_group]}
            ]
        state.updates[cluster, name].append(update)


def _add_self_managed(place: Place, name: str, group: SelfManagedGroup) -> None:
    cluster = place.name
    scaling_group = f"eksctl-{cluster}-nodegroup-{name}-NodeGroup-{digest(place.id('asg', name))[:12].upper()}"
    role = f"eksctl-{cluster}-nodegroup-{name}"
    image = place.image(name, group)
    tags = {
        "Name": f"{cluster}-{name}-Node",
        f"kubernetes.io/cluster/{cluster}": "owned",
        "alpha.eksctl.io/cluster-name": cluster,
        "alpha.eksctl.io/nodegroup-name": name,
        "alpha.eksctl.io/nodegroup-type": "unmanaged",
        **(
            {"k8s.io/cluster-autoscaler/enabled": "true", f"k8s.io/cluster-autoscaler/{cluster}": "owned"}
            if group.discovery
            else {}
        ),
    }
    content: Document = {
        "ImageId": image["ImageId"],
        "InstanceType": group.types[0],
        "IamInstanceProfile": {"Name": role},
    }
    if group.user_data:
        content["UserData"] = user_data(place.family(group), _joining(place, group))
    template = add_launch_template(place, f"eksctl-{cluster}-nodegroup-{name}", place.now - group.created, content, {})
    instances = launch_instances(
        place, name, group, Launch(image, tags | _launch_tags(place, scaling_group, template), role, _spot(group))
    )
    add_scaling_group(place, GroupIdentity(scaling_group, tags, {"LaunchTemplate": template}), group, instances)


def _add_pool(place: Place, name: str, pool: Pool) -> None:
    owned = {f"kubernetes.io/cluster/{place.name}": "owned", "aws:eks:cluster-name": place.name}
    extra: Document = {}
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
            extra = {"Operator": {"Managed": True, "Principal": "eks.amazonaws.com"}}
            pool = pool.model_copy(update={"ami": "AUTO_MODE_x86_64"})
        case "standalone":
            owned |= {"Name": f"{place.name}-{name}"}
    launch_instances(place, name, pool, Launch(place.image(name, pool), owned, f"{place.name}-{name}", extra))


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


def _launch_tags(place: Place, scaling_group: str, template: Document) -> dict[str, str]:
    """Return the tags that AWS itself puts on an instance."""
    return {
        "aws:autoscaling:groupName": scaling_group,
        "aws:ec2launchtemplate:id": template["LaunchTemplateId"],
        "aws:ec2launchtemplate:version": template["Version"],
        "aws:ec2:fleet-id": f"fleet-{place.uuid('fleet', scaling_group)}",
        "aws:eks:cluster-name": place.name,
    }


def _joining(place: Place, group: NodeGroup | SelfManagedGroup) -> Joining:
    return Joining(place.name, _endpoint(place), _authority(place), group.labels, group.taints)


def _endpoint(place: Place) -> str:
    return f"https://{digest(place.id('endpoint'))[:32].upper()}.gr7.{place.state.region}.eks.amazonaws.com"


def _authority(place: Place) -> str:
    return digest(place.id("authority"))


def _spot(group: NodeGroup | SelfManagedGroup) -> Document:
    return {"InstanceLifecycle": "spot"} if group.spot else {}


def _taint(taint: str) -> Document:
    pair, effect = taint.rsplit(":", 1)
    key, said, value = pair.partition("=")
    return {"key": key, "effect": _EFFECTS[effect], **({"value": value} if said else {})}


def _issue(member: str, code: str, message: str, resources: list[str]) -> Document:
    return {"code": code, "message": message, member: resources}


def _update(place: Place, key: str, kind: str, status: str) -> Document:
    params = [{"type": "Version", "value": place.cluster.version}]
    return {"id": place.uuid("update", key), "status": status, "type": kind, "params": params, "errors": []}
