"""The other side of the trust: the member template, deployed into another account of the local AWS."""

from local_aws.building import ROOT
from local_aws.deployment import DeploymentAws

STACK = "eks-auditor-member"

_OUTPUTS = ("WatchReleasesRoleArn", "PlanAuditsRoleArn", "AuditClusterRoleArn", "ImportFindingsRoleArn")
_SECONDS = 30


def deploy_member(deployment: DeploymentAws, account: str) -> None:
    """Deploy `template-member.yaml` as the owner of an account would, for the stack that was deployed last."""
    outputs = deployment.stack_outputs()
    cloudformation = deployment.client("cloudformation", account=account)
    cloudformation.create_stack(
        StackName=STACK,
        TemplateBody=(ROOT / "template-member.yaml").read_text(),
        Capabilities=["CAPABILITY_NAMED_IAM"],
        Parameters=[{"ParameterKey": name, "ParameterValue": outputs[name]} for name in _OUTPUTS if name in outputs],
    )
    waiter = cloudformation.get_waiter("stack_create_complete")
    waiter.wait(StackName=STACK, WaiterConfig={"Delay": 1, "MaxAttempts": _SECONDS})
