"""EKS: clusters, node groups, their updates, Fargate profiles, Pod Identity associations, Kubernetes versions."""

from collections.abc import Iterable, Mapping

from local_aws.errors import AwsError
from local_aws.identity import uuid_of
from local_aws.images import Document, Release
from local_aws.nodes import VERSION_TAG
from local_aws.paging import Paging
from local_aws.services.call import Call, Operation
from local_aws.templates import add_version
from local_aws.world import launch_specifications, tags_of

_PAGING = Paging("maxResults", "nextToken", 100, 1, 100, "InvalidParameterException", "InvalidParameterException")
_STATUSES = {
    "STANDARD_SUPPORT": "standard-support",
    "EXTENDED_SUPPORT": "extended-support",
    "UNSUPPORTED": "unsupported",
}


def list_clusters(call: Call) -> Document:
    """List cluster names."""
    return call.page("clusters", sorted(call.state.clusters), _PAGING)


def describe_cluster(call: Call) -> Document:
    """Describe one cluster."""
    return {"cluster": _cluster(call, call.params["name"])}


def list_nodegroups(call: Call) -> Document:
    """List a cluster's node groups."""
    _cluster(call, call.params["clusterName"])
    return call.page("nodegroups", sorted(call.state.nodegroups[call.params["clusterName"]]), _PAGING)


def describe_nodegroup(call: Call) -> Document:
    """Describe one node group."""
    return {"nodegroup": _nodegroup(call, call.params["clusterName"], call.params["nodegroupName"])}


def update_nodegroup_config(call: Call) -> Document:
    """Change sizes, labels and settings of a node group; done at once."""
    nodegroup = _nodegroup(call, call.params["clusterName"], call.params["nodegroupName"])
    for member in ("scalingConfig", "updateConfig", "nodeRepairConfig"):
        nodegroup[member] |= call.params.get(member) or {}
    labels = call.params.get("labels") or {}
    nodegroup["labels"] |= labels.get("addOrUpdateLabels") or {}
    for key in labels.get("removeLabels") or []:
        nodegroup["labels"].pop(key, None)
    sizes = nodegroup["scalingConfig"]
    for reference in nodegroup["resources"]["autoScalingGroups"]:
        group = call.state.groups[reference["name"]]
        group |= {"MinSize": sizes["minSize"], "MaxSize": sizes["maxSize"], "DesiredCapacity": sizes["desiredSize"]}
    return _updated(call, nodegroup, "ConfigUpdate", [])


def update_nodegroup_version(call: Call) -> Document:
    """Move a node group to a release, the recommended one if none is named; done at once, all nodes replaced."""
    nodegroup = _nodegroup(call, call.params["clusterName"], call.params["nodegroupName"])
    release = _wanted_release(call, nodegroup)
    image = release.image_id(call.state.region)
    nodegroup |= {"version": release.minor, "releaseVersion": release.version}
    for reference in nodegroup["resources"]["autoScalingGroups"]:
        _replace_nodes(call, call.state.groups[reference["name"]], image)
    params = [{"type": "Version", "value": release.minor}, {"type": "ReleaseVersion", "value": release.version}]
    return _updated(call, nodegroup, "VersionUpdate", params)


def _replace_nodes(call: Call, group: Document, image: str) -> None:
    """Give EKS's copy of the launch template a new version, and all nodes that version and its image."""
    [specification] = launch_specifications(group)
    specification["Version"] = add_version(call.state, specification, call.now, ImageId=image)
    for member in group["Instances"]:
        member["LaunchTemplate"] = dict(specification)
        node = call.state.instances[member["InstanceId"]]
        tags = tags_of(node) | {VERSION_TAG: specification["Version"]}
        node |= {
            "ImageId": image,
            "LaunchTime": call.now,
            "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
        }


def _wanted_release(call: Call, nodegroup: Document) -> Release:
    minor = call.params.get("version") or nodegroup["version"]
    public, key = call.state.public, (nodegroup["amiType"], minor)
    wanted = call.params.get("releaseVersion")
    for release in public.releases.get(key, []):
        if wanted == release.version or (wanted is None and release is public.recommended[key]):
            return release
    message = f"Requested release version {wanted or 'latest'} is not valid for kubernetes version {minor}."
    raise AwsError(message, code="InvalidParameterException")


def _updated(call: Call, nodegroup: Document, kind: str, params: list[Document]) -> Document:
    nodegroup["modifiedAt"] = call.now
    updates = call.state.updates[nodegroup["clusterName"], nodegroup["nodegroupName"]]
    identifier = uuid_of(nodegroup["nodegroupArn"], str(len(updates)))
    update = {
        "id": identifier,
        "status": "Successful",
        "type": kind,
        "params": params,
        "createdAt": call.now,
        "errors": [],
    }
    updates.append(update)
    return {"update": update}


def list_updates(call: Call) -> Document:
    """List the ids of a cluster's or a node group's updates, in no order."""
    return call.page("updateIds", sorted(update["id"] for update in _updates(call)), _PAGING)


def describe_update(call: Call) -> Document:
    """Describe one update."""
    for update in _updates(call):
        if update["id"] == call.params["updateId"]:
            return {"update": update}
    message = f"No update found for ID: {call.params['updateId']}"
    raise _not_found(message)


def _updates(call: Call) -> list[Document]:
    cluster, nodegroup = call.params["name"], call.params.get("nodegroupName")
    _cluster(call, cluster)
    if nodegroup is not None:
        _nodegroup(call, cluster, nodegroup)
    return call.state.updates[cluster, nodegroup]


def list_fargate_profiles(call: Call) -> Document:
    """List a cluster's Fargate profiles."""
    _cluster(call, call.params["clusterName"])
    return call.page("fargateProfileNames", sorted(call.state.fargate_profiles[call.params["clusterName"]]), _PAGING)


def describe_fargate_profile(call: Call) -> Document:
    """Describe one Fargate profile."""
    _cluster(call, call.params["clusterName"])
    name = call.params["fargateProfileName"]
    profile = call.state.fargate_profiles[call.params["clusterName"]].get(name)
    if profile is None:
        message = f"No Fargate Profile found with name: {name}."
        raise _not_found(message)
    return {"fargateProfile": profile}


def list_pod_identity_associations(call: Call) -> Document:
    """List a cluster's Pod Identity associations, all or those of a namespace or service account."""
    _cluster(call, call.params["clusterName"])
    found = [
        association
        for association in call.state.pod_identities[call.params["clusterName"]].values()
        if all(call.params.get(member) in {None, association[member]} for member in ("namespace", "serviceAccount"))
    ]
    shown = ("clusterName", "namespace", "serviceAccount", "associationArn", "associationId")
    return call.page("associations", [{member: each[member] for member in shown} for each in found], _PAGING)


def describe_pod_identity_association(call: Call) -> Document:
    """Describe one Pod Identity association."""
    _cluster(call, call.params["clusterName"])
    association = call.state.pod_identities[call.params["clusterName"]].get(call.params["associationId"])
    if association is None:
        message = f"No association found with id: {call.params['associationId']}"
        raise _not_found(message)
    return {"association": association}


def describe_cluster_versions(call: Call) -> Document:
    """Describe the Kubernetes versions; those out of support only when they are asked for."""
    named, wanted = call.params.get("clusterVersions"), call.params.get("versionStatus")
    everything = bool(named or wanted or call.params.get("includeAll"))
    found = [
        version
        for version in _judged_versions(call)
        if (not named or version["clusterVersion"] in named)
        and wanted in {None, version["versionStatus"]}
        and (everything or version["versionStatus"] != "UNSUPPORTED")
        and (version["defaultVersion"] or not call.params.get("defaultOnly"))
    ]
    return call.page("clusterVersions", found, _PAGING)


def _judged_versions(call: Call) -> Iterable[Document]:
    for version in call.state.public.cluster_versions:
        if call.now < version["endOfStandardSupportDate"]:
            status = "STANDARD_SUPPORT"
        elif call.now < version["endOfExtendedSupportDate"]:
            status = "EXTENDED_SUPPORT"
        else:
            status = "UNSUPPORTED"
        yield version | {"versionStatus": status, "status": _STATUSES[status]}


def _cluster(call: Call, name: str) -> Document:
    found = call.state.clusters.get(name)
    if found is None:
        message = f"No cluster found for name: {name}."
        raise _not_found(message)
    return found


def _nodegroup(call: Call, cluster: str, name: str) -> Document:
    _cluster(call, cluster)
    found = call.state.nodegroups[cluster].get(name)
    if found is None:
        message = f"No node group found for name: {name}."
        raise _not_found(message)
    return found


def _not_found(message: str) -> AwsError:
    return AwsError(message, code="ResourceNotFoundException", status=404)


OPERATIONS: Mapping[str, Operation] = {
    "ListClusters": list_clusters,
    "DescribeCluster": describe_cluster,
    "ListNodegroups": list_nodegroups,
    "DescribeNodegroup": describe_nodegroup,
    "UpdateNodegroupConfig": update_nodegroup_config,
    "UpdateNodegroupVersion": update_nodegroup_version,
    "ListUpdates": list_updates,
    "DescribeUpdate": describe_update,
    "ListFargateProfiles": list_fargate_profiles,
    "DescribeFargateProfile": describe_fargate_profile,
    "ListPodIdentityAssociations": list_pod_identity_associations,
    "DescribePodIdentityAssociation": describe_pod_identity_association,
    "DescribeClusterVersions": describe_cluster_versions,
}
