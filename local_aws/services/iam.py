"""IAM: the instance profiles that launch templates name. One endpoint for all Regions of a partition."""

from collections.abc import Mapping
from http import HTTPStatus

from local_aws.errors import AwsError
from local_aws.images import Document
from local_aws.services.call import Call, Operation


def get_instance_profile(call: Call) -> Document:
    """Return one instance profile."""
    name = call.params["InstanceProfileName"]
    found = call.state.iam.instance_profiles.get(name)
    if found is None:
        message = f"Instance Profile {name} cannot be found."
        raise AwsError(message, code="NoSuchEntity", status=HTTPStatus.NOT_FOUND)
    return {"InstanceProfile": found}


OPERATIONS: Mapping[str, Operation] = {"GetInstanceProfile": get_instance_profile}
