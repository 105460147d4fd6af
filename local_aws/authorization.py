"""What a call needs: the IAM action and the resources that the real service would ask IAM about, and how it says no.

After the Service Authorization Reference. Where that names no resource type for an action, the service asks for `*`,
and no ARN in a policy would ever match.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from local_aws.errors import AwsError
from local_aws.geography import partition_of
from local_aws.images import Document
from local_aws.world import RegionState

type Arns = Callable[[RegionState, Document], list[str]]
type Authorizer = Callable[[Question], Denial | None]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of IAM for one call.

    Attributes:
        access_key: Whose call.
        action: Such as `eks:DescribeNodegroup`.
        resources: The ARNs, or `*` alone; each must be allowed.
        region: Where the call is made.
    """

    access_key: str
    action: str
    resources: tuple[str, ...]
    region: str


@dataclass(frozen=True, slots=True)
class Denial:
    """IAM's no.

    Attributes:
        principal: The caller's ARN.
        resource: The first one that is not allowed.
        explicit: Whether a statement denies it, rather than none allowing it.
    """

    principal: str
    resource: str
    explicit: bool = False


def _everything(_state: RegionState, _params: Document) -> list[str]:
    return ["*"]


def _cluster(state: RegionState, params: Document) -> list[str]:
    return [state.arn("eks", f"cluster/{params.get('name') or params['clusterName']}")]


def _nodegroup(state: RegionState, params: Document) -> list[str]:
    cluster, name = params["clusterName"], params["nodegroupName"]
    return [_below(state, "nodegroup", cluster, name, state.nodegroups.get(cluster, {}).get(name))]


def _profile(state: RegionState, params: Document) -> list[str]:
    cluster, name = params["clusterName"], params["fargateProfileName"]
    return [_below(state, "fargateprofile", cluster, name, state.fargate_profiles.get(cluster, {}).get(name))]


def _below(state: RegionState, kind: str, cluster: str, name: str, found: Document | None) -> str:
    """Return the ARN of a cluster's part; its last step is an id that only EKS knows, and nothing where it is gone."""
    member = {"nodegroup": "nodegroupArn", "fargateprofile": "fargateProfileArn"}[kind]
    return str(found[member]) if found else state.arn("eks", f"{kind}/{cluster}/{name}/")


def _updated(state: RegionState, params: Document) -> list[str]:
    """Return what updates are asked of: the cluster, or one of its node groups instead."""
    if params.get("nodegroupName"):
        return _nodegroup(state, {"clusterName": params["name"], "nodegroupName": params["nodegroupName"]})
    return _cluster(state, params)


def _association(state: RegionState, params: Document) -> list[str]:
    return [state.arn("eks", f"podidentityassociation/{params['clusterName']}/{params['associationId']}")]


def _scaling_group(state: RegionState, params: Document) -> list[str]:
    return [_arn_of_group(state, params["AutoScalingGroupName"])]


def _tagged_groups(state: RegionState, params: Document) -> list[str]:
    return [_arn_of_group(state, tag["ResourceId"]) for tag in params["Tags"]]


def _arn_of_group(state: RegionState, name: str) -> str:
    return state.arn("autoscaling", f"autoScalingGroup:*:autoScalingGroupName/{name}")


def _image(state: RegionState, params: Document) -> list[str]:
    return [f"arn:{partition_of(state.region)}:ec2:{state.region}::image/{params['ImageId']}"]


def _instance_profile(state: RegionState, params: Document) -> list[str]:
    return [state.iam_arn(f"instance-profile/{params['InstanceProfileName']}")]


def _role(_state: RegionState, params: Document) -> list[str]:
    return [params["RoleArn"]]


def _parameter(state: RegionState, params: Document) -> list[str]:
    return [_arn_of_parameter(state, params.get("Name") or params["Path"])]


def _parameters(state: RegionState, params: Document) -> list[str]:
    return [_arn_of_parameter(state, name) for name in params["Names"]]


def _arn_of_parameter(state: RegionState, name: str) -> str:
    """Return a parameter's ARN: of a public one it has no account, and of none a selector of its version."""
    path = name.partition(":")[0].lstrip("/")
    if path.startswith("aws/service/"):
        return f"arn:{partition_of(state.region)}:ssm:{state.region}::parameter/{path}"
    return state.arn("ssm", f"parameter/{path}")


def _products(_state: RegionState, params: Document) -> list[str]:
    return list(dict.fromkeys(finding["ProductArn"] for finding in params["Findings"]))


def _hub(state: RegionState, _params: Document) -> list[str]:
    return [state.arn("securityhub", "hub/default")]


RESOURCES: Mapping[str, Arns] = {
    "autoscaling:CreateOrUpdateTags": _tagged_groups,
    "autoscaling:DeleteTags": _tagged_groups,
    "autoscaling:DescribeAutoScalingGroups": _everything,
    "autoscaling:DescribeInstanceRefreshes": _everything,
    "autoscaling:DescribeLaunchConfigurations": _everything,
    "autoscaling:DescribePolicies": _everything,
    "autoscaling:DescribeScalingActivities": _everything,
    "autoscaling:DescribeScheduledActions": _everything,
    "autoscaling:DescribeTags": _everything,
    "autoscaling:ResumeProcesses": _scaling_group,
    "autoscaling:SuspendProcesses": _scaling_group,
    "autoscaling:UpdateAutoScalingGroup": _scaling_group,
    "ec2:DescribeCapacityReservations": _everything,
    "ec2:DescribeImages": _everything,
    "ec2:DescribeInstanceTypeOfferings": _everything,
    "ec2:DescribeInstanceTypes": _everything,
    "ec2:DescribeInstances": _everything,
    "ec2:DescribeKeyPairs": _everything,
    "ec2:DescribeLaunchTemplateVersions": _everything,
    "ec2:DescribeLaunchTemplates": _everything,
    "ec2:DescribeNatGateways": _everything,
    "ec2:DescribePlacementGroups": _everything,
    "ec2:DescribeRegions": _everything,
    "ec2:DescribeRouteTables": _everything,
    "ec2:DescribeSecurityGroups": _everything,
    "ec2:DescribeSubnets": _everything,
    "ec2:GetAllowedImagesSettings": _everything,
    "ec2:GetImageAncestry": _image,
    "ec2:GetInstanceTypesFromInstanceRequirements": _everything,
    "eks:DescribeCluster": _cluster,
    "eks:DescribeClusterVersions": _everything,
    "eks:DescribeFargateProfile": _profile,
    "eks:DescribeNodegroup": _nodegroup,
    "eks:DescribePodIdentityAssociation": _association,
    "eks:DescribeUpdate": _updated,
    "eks:ListClusters": _everything,
    "eks:ListFargateProfiles": _cluster,
    "eks:ListNodegroups": _cluster,
    "eks:ListPodIdentityAssociations": _cluster,
    "eks:ListUpdates": _updated,
    "eks:UpdateNodegroupConfig": _nodegroup,
    "eks:UpdateNodegroupVersion": _nodegroup,
    "iam:GetInstanceProfile": _instance_profile,
    "securityhub:BatchImportFindings": _products,
    "securityhub:BatchUpdateFindings": _hub,
    "securityhub:DescribeHub": _hub,
    "securityhub:DisableSecurityHub": _hub,
    "securityhub:EnableSecurityHub": _hub,
    "securityhub:GetFindings": _hub,
    "ssm:GetParameter": _parameter,
    "ssm:GetParameters": _parameters,
    "ssm:GetParametersByPath": _parameter,
    "sts:AssumeRole": _role,
}
"""Every operation that is served, which is also its IAM action, and what it is asked about."""

ALWAYS_ALLOWED = frozenset({"sts:GetCallerIdentity"})
"""What no policy can deny."""

_ENCODED_STATUS = {"ssm": 400}
_FORBIDDEN = 403


def question_of(access_key: str, action: str, state: RegionState, params: Document) -> Question:
    """Return what a service asks IAM before it looks at anything else.

    Raises:
        AwsError: If the request lacks what its resource is named by: the service's own refusal of that.
    """
    try:
        resources = RESOURCES[action](state, params)
    except (KeyError, TypeError) as error:
        message = f"1 validation error detected: {action} without {error}"
        raise AwsError(message, code="ValidationException") from None
    return Question(access_key, action, tuple(resources), state.region)


def refusal(service: str, action: str, denial: Denial) -> AwsError:
    """Return the error by which a service hands on IAM's no, each in its own words; all of them name the action."""
    if denial.explicit:
        because = "with an explicit deny in an identity-based policy"
    else:
        because = f"because no identity-based policy allows the {action} action"
    where = "" if denial.resource == "*" else f" on resource: {denial.resource}"
    sentence = f"User: {denial.principal} is not authorized to perform: {action}{where} {because}"
    if service == "ec2":
        sentence = f"You are not authorized to perform this operation. {sentence}"
        return AwsError(sentence, code="UnauthorizedOperation", status=_FORBIDDEN)
    if service in {"autoscaling", "iam", "sts"}:
        return AwsError(sentence, code="AccessDenied", status=_FORBIDDEN)
    return AwsError(sentence, code="AccessDeniedException", status=_ENCODED_STATUS.get(service, _FORBIDDEN))
