"""Managed node groups and self-managed groups: their Auto Scaling groups, what these launch from, their nodes."""

from dataclasses import replace

from local_aws.fleet_nodes import NodeGroup, NodeGroupUpdate, ScalingGroup, SelfManagedGroup, Versions
from local_aws.fleet_scaling import Mixed
from local_aws.geography import dns_suffix
from local_aws.identity import digest
from local_aws.images import Document
from local_aws.mixed import instances_for, overrides_of, own_override, policy
from local_aws.nodes import (
    TEMPLATE_TAG,
    VERSION_TAG,
    Launch,
    launch_instances,
    launches,
    older_image,
    older_version,
)
from local_aws.place import Place
from local_aws.reservations import is_block, target_of_group, target_of_template
from local_aws.scaling_groups import GroupIdentity, add_scaling_group
from local_aws.security_groups import cluster_security_group
from local_aws.templates import (
    Template,
    add_instance_profile,
    add_launch_configuration,
    add_launch_template,
    delete_template,
    delete_version,
    naming_the_missing,
)
from local_aws.user_data import Joining, form_of, user_data

_EFFECTS = {"NoSchedule": "NO_SCHEDULE", "NoExecute": "NO_EXECUTE", "PreferNoSchedule": "PREFER_NO_SCHEDULE"}


def add_node_group(place: Place, name: str, group: NodeGroup) -> None:
    """Create a managed node group with all that EKS makes for it."""
    state, cluster = place.state, place.name
    identifier = place.uuid("nodegroup", name)
    scaling_group = f"eks-{name}-{identifier}"
    image, created = place.image(name, group), place.now - group.created
    tags = {
        "eks:cluster-name": cluster,
        "eks:nodegroup-name": name,
        f"kubernetes.io/cluster/{cluster}": "owned",
        "k8s.io/cluster-autoscaler/enabled": "true",
        f"k8s.io/cluster-autoscaler/{cluster}": "owned",
    }
    copied = {
        **_content(place, name, group, image, f"eks-{identifier}"),
        "TagSpecifications": [
            {"ResourceType": "instance", "Tags": [{"Key": key, "Value": tags[key]} for key in list(tags)[:3]]}
        ],
    }
    newest = 1 + max((older_version(older) or 0 for older in group.older), default=0)
    copy = Template(name=f"eks-{identifier}", created=created, content=copied, versions=Versions(used=newest))
    template = _add_template(place, name, group, copy)
    mixed = policy(template, overrides_of(Mixed(), group.types), Mixed(), spot=group.spot)
    launch = _launch(group, image, tags | _launch_tags(place, scaling_group, template), f"{cluster}-nodes")
    instances = launch_instances(place, name, group, launches(place, name, group, launch))
    identity = GroupIdentity(scaling_group, tags, {"MixedInstancesPolicy": mixed})
    add_scaling_group(place, identity, _edited(group), instances)
    _delete_missing(place, group, template)
    state.nodegroups[cluster][name] = _users_template(place, name, group) | _nodegroup(place, name, group, image)
    state.updates[cluster, name] += [
        _nodegroup_update(place, f"{name}-{index}", update, scaling_group) for index, update in enumerate(group.updates)
    ]


def _edited(group: NodeGroup) -> NodeGroup:
    """Return the group with the sizes that its Auto Scaling group has: somebody may have changed them there."""
    return group.model_copy(update=group.edited.model_dump(exclude_none=True))


def _nodegroup(place: Place, name: str, group: NodeGroup, image: Document) -> Document:
    state, cluster, identifier = place.state, place.name, place.uuid("nodegroup", name)
    scaling_group = f"eks-{name}-{identifier}"
    custom = group.image is not None
    most = (
        {"maxUnavailable": group.max_unavailable}
        if group.max_unavailable_percentage is None
        else {"maxUnavailablePercentage": group.max_unavailable_percentage}
    )
    return {
        "nodegroupName": name,
        "nodegroupArn": state.arn("eks", f"nodegroup/{cluster}/{name}/{identifier}"),
        "clusterName": cluster,
        "version": group.kubernetes or place.cluster.version,
        "releaseVersion": image["ImageId"] if custom else place.release(name, group, group.ami).version,
        "createdAt": place.now - group.created,
        "modifiedAt": place.since(image, group.modified),
        "status": group.status,
        "capacityType": _capacity_type(place, name, group),
        "scalingConfig": {"minSize": group.min, "maxSize": group.max, "desiredSize": group.desired},
        "instanceTypes": group.types,
        "subnets": [subnet["SubnetId"] for subnet in place.subnets(group.zones)],
        "amiType": group.ami,
        "nodeRole": state.iam_arn(f"role/{cluster}-nodes"),
        "labels": dict(group.labels),
        "taints": [_taint(taint) for taint in group.taints],
        "resources": {"autoScalingGroups": [{"name": scaling_group}]},
        "diskSize": 20,
        "health": {
            "issues": [
                {"code": issue.code, "message": issue.message, "resourceIds": issue.resources or [scaling_group]}
                for issue in group.health
            ]
        },
        "updateConfig": most | {"updateStrategy": "DEFAULT"},
        "nodeRepairConfig": {"enabled": group.node_repair},
        "tags": dict(group.eks_tags),
    }


def _capacity_type(place: Place, name: str, group: NodeGroup) -> str:
    if group.reservation is not None and is_block(place.reservation(name, group.reservation)):
        return "CAPACITY_BLOCK"
    return "SPOT" if group.spot else "ON_DEMAND"


def _users_template(place: Place, name: str, group: NodeGroup) -> Document:
    """Create the launch template that the user gave to EKS, and say what a node group says of it."""
    if group.launch_template is None:
        return {}
    content = {"MetadataOptions": {"HttpTokens": "required"}, **_reserved(place, name, group)}
    template = Template(
        name=group.launch_template, created=place.now - group.created, content=content, versions=group.versions
    )
    refers = add_launch_template(place, template)
    members = {"id": "LaunchTemplateId", "name": "LaunchTemplateName", "version": "Version"}
    return {"launchTemplate": {member: refers[name] for member, name in members.items()}}


def _nodegroup_update(place: Place, key: str, described: NodeGroupUpdate, scaling_group: str) -> Document:
    update = update_document(place, key, described.type, described.status)
    update["createdAt"] = place.now - described.started
    if described.error:
        message = described.message or described.error
        resources = described.resources or [scaling_group]
        update["errors"] = [{"errorCode": described.error, "errorMessage": message, "resourceIds": resources}]
    return update


def add_self_managed(place: Place, name: str, group: SelfManagedGroup) -> None:
    """Create a self-managed group as eksctl does."""
    cluster = place.name
    scaling_group = f"eksctl-{cluster}-nodegroup-{name}-NodeGroup-{digest(place.id('asg', name))[:12].upper()}"
    role = f"eksctl-{cluster}-nodegroup-{name}"
    image = place.image(name, group)
    discovery = {"k8s.io/cluster-autoscaler/enabled": "true", f"k8s.io/cluster-autoscaler/{cluster}": "owned"}
    tags = {
        "Name": f"{cluster}-{name}-Node",
        f"kubernetes.io/cluster/{cluster}": "owned",
        "alpha.eksctl.io/cluster-name": cluster,
        "alpha.eksctl.io/nodegroup-name": name,
        "alpha.eksctl.io/nodegroup-type": "unmanaged",
        **(discovery if group.discovery else {}),
    }
    content = {**_first_type(group), **_content(place, name, group, image, role)}
    launch = _launch(group, image, tags | _launch_tags(place, scaling_group, None), role)
    own = Template(name=role, created=place.now - group.created, content=content, versions=group.versions)
    if group.launch_configuration:
        source, starts = add_launch_configuration(place, role, own.created, content), [launch]
    else:
        template = _add_template(place, name, group, own)
        tagged = replace(launch, tags={**launch.tags, **_template_tags(place, template)})
        chosen, starts = _chosen(place, name, group, own, tagged)
        source = {"LaunchTemplate": template} if chosen is None else _mixed(group, template, chosen)
    instances = launch_instances(place, name, _counted(group), launches(place, name, group, *starts))
    if group.reservation is not None and group.reserved_by == "group":
        source |= target_of_group(place.reservation(name, group.reservation))
    add_scaling_group(place, GroupIdentity(scaling_group, tags, source), group, instances)
    if not group.launch_configuration:
        _delete_missing(place, group, template)


def _first_type(group: SelfManagedGroup) -> Document:
    """Return the type that the group's template names; with instance requirements it may name none."""
    named = group.mixed is None or group.mixed.requirements is None
    return {"InstanceType": group.types[0]} if named else {}


def _counted(group: SelfManagedGroup) -> ScalingGroup:
    """Return the group with as many nodes desired as it has, where its own desired capacity counts other units."""
    if group.mixed is None:
        return group
    return group.model_copy(update={"desired": instances_for(group.desired, group.types, group.mixed.weights)})


def _chosen(
    place: Place, name: str, group: SelfManagedGroup, own: Template, launch: Launch
) -> tuple[list[Document] | None, list[Launch]]:
    """Return the overrides that a group chooses from, None without a policy, and what its nodes start with in turn."""
    if group.mixed is not None:
        types = group.types if group.mixed.overrides else group.types[:1]
        return overrides_of(group.mixed, group.types), [replace(launch, instance_type=each) for each in types]
    if not group.overrides:
        return None, [launch]
    pairs = [own_override(place, name, group, own, index) for index in range(len(group.overrides))]
    return [shown for shown, _ in pairs], [_overridden(place, launch, *pair) for pair in pairs]


def _overridden(place: Place, launch: Launch, override: Document, image: Document) -> Launch:
    """Return a launch by an override, which may have a template of its own."""
    own = override.get("LaunchTemplateSpecification")
    tags = launch.tags if own is None else {**launch.tags, **_template_tags(place, own)}
    return replace(launch, image=image, tags=tags, instance_type=override["InstanceType"])


def _mixed(group: SelfManagedGroup, template: Document, overrides: list[Document]) -> Document:
    chosen = policy(template, overrides, group.mixed or Mixed(), spot=group.spot)
    return {"MixedInstancesPolicy": chosen}


def _content(place: Place, name: str, group: NodeGroup | SelfManagedGroup, image: Document, profile: str) -> Document:
    """Return what a launch template says."""
    if "instance-profile" not in group.missing:
        add_instance_profile(place.state, profile, f"{place.name}-nodes", place.now - group.created)
    content: Document = {
        "ImageId": _configured_image(place, name, group, image),
        "IamInstanceProfile": {"Name": profile},
        "SecurityGroupIds": [cluster_security_group(place)],
        **_reserved(place, name, group),
    }
    if isinstance(group, NodeGroup) or group.user_data:
        content["UserData"] = user_data(_form(place, group), _joining(place, group))
    return naming_the_missing(place, name, content, group.missing)


def _reserved(place: Place, name: str, group: NodeGroup | SelfManagedGroup) -> Document:
    """Return what a launch template says of the reservation that the group launches into."""
    by_group = isinstance(group, SelfManagedGroup) and group.reserved_by == "group"
    if group.reservation is None or by_group:
        return {}
    return target_of_template(place.reservation(name, group.reservation))


def _configured_image(place: Place, name: str, group: NodeGroup | SelfManagedGroup, image: Document) -> str:
    """Return the image as a template names it: by its id, or by the parameter that leads to it."""
    if isinstance(group, NodeGroup) or not group.by_parameter:
        return str(image["ImageId"])
    pointers = place.release(name, group, group.ami).pointers(place.state.region)
    [parameter] = [each for each, _ in pointers if each.endswith("/image_id")]
    return f"resolve:ssm:{parameter}"


def _add_template(place: Place, name: str, group: ScalingGroup, template: Template) -> Document:
    """Create the template a group launches from, with the past versions that its older nodes came from."""
    past = {}
    for older in group.older:
        image, version = older_image(place, name, group, older), older_version(older)
        if image and version and version != template.versions.used_number:
            past[version] = {"ImageId": image["ImageId"]}
    return add_launch_template(place, replace(template, past=past))


def _delete_missing(place: Place, group: ScalingGroup, template: Document) -> None:
    if "template" in group.missing:
        delete_template(place.state, template)
    elif "template-version" in group.missing:
        delete_version(place.state, template, int(_number(place, template)), place.now)


def _launch(group: NodeGroup | SelfManagedGroup, image: Document, tags: dict[str, str], role: str) -> Launch:
    return Launch(
        image=image,
        tags=tags,
        role=role,
        instance_type=group.types[0],
        launched=group.launched,
        extra={"InstanceLifecycle": "spot"} if group.spot else {},
    )


def _launch_tags(place: Place, scaling_group: str, template: Document | None) -> dict[str, str]:
    """Return the tags that AWS itself puts on an instance."""
    return {
        "aws:autoscaling:groupName": scaling_group,
        **({} if template is None else _template_tags(place, template)),
        "aws:ec2:fleet-id": f"fleet-{place.uuid('fleet', scaling_group)}",
        "aws:eks:cluster-name": place.name,
    }


def _template_tags(place: Place, used: Document) -> dict[str, str]:
    """Return the tags that name the template of an instance."""
    return {TEMPLATE_TAG: used["LaunchTemplateId"], VERSION_TAG: _number(place, used)}


def _number(place: Place, specification: Document) -> str:
    """Return the number of the version that a specification means."""
    template = place.state.launch_templates[specification["LaunchTemplateId"]]
    aliases = {"$Default": template["DefaultVersionNumber"], "$Latest": template["LatestVersionNumber"]}
    return str(aliases.get(specification["Version"], specification["Version"]))


def _form(place: Place, group: NodeGroup | SelfManagedGroup) -> str:
    said = group.joins_by if isinstance(group, SelfManagedGroup) else None
    return said or form_of(place.family(group))


def _joining(place: Place, group: NodeGroup | SelfManagedGroup) -> Joining:
    secret = isinstance(group, SelfManagedGroup) and group.secret
    return Joining(place.name, endpoint(place), authority(place), group.labels, group.taints, secret=secret)


def endpoint(place: Place) -> str:
    """Return the address of the cluster's API server."""
    region = place.state.region
    return f"https://{digest(place.id('endpoint'))[:32].upper()}.gr7.{region}.eks.{dns_suffix(region)}"


def authority(place: Place) -> str:
    """Return the cluster's certificate authority."""
    return digest(place.id("authority"))


def _taint(taint: str) -> Document:
    pair, effect = taint.rsplit(":", 1)
    key, said, value = pair.partition("=")
    return {"key": key, "effect": _EFFECTS[effect], **({"value": value} if said else {})}


def update_document(place: Place, key: str, kind: str, status: str) -> Document:
    """Return an update of the cluster or of a node group, without its time."""
    params = [{"type": "Version", "value": place.cluster.version}]
    return {"id": place.uuid("update", key), "status": status, "type": kind, "params": params, "errors": []}
