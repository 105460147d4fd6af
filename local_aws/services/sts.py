"""STS: who am I, and may I be someone else."""

from collections.abc import Mapping
from datetime import timedelta

from local_aws.callers import Caller
from local_aws.errors import AwsError
from local_aws.geography import partition_of
from local_aws.identity import digest
from local_aws.images import Document
from local_aws.services.call import Call, Operation

_DEFAULT_DURATION = 3600


def get_caller_identity(call: Call) -> Document:
    """Return the account and ARN behind the caller's keys."""
    caller = call.caller
    user = f"{_role_id(caller)}:{caller.session}" if caller.role else caller.account
    return {"UserId": user, "Account": caller.account, "Arn": caller.arn(partition_of(call.state.region))}


def assume_role(call: Call) -> Document:
    """Issue keys of a role that the fleet describes, if it trusts the caller's account."""
    arn, session = call.params["RoleArn"], call.params["RoleSessionName"]
    account, name = arn.split(":")[4], arn.rpartition("/")[2]
    role = call.world.role(account, name)
    partition = partition_of(call.state.region)
    trusted = role is not None and (not role.trusts or call.caller.account in role.trusts)
    if role is None or not trusted or role.external_id not in {None, call.params.get("ExternalId")}:
        message = f"User: {call.caller.arn(partition)} is not authorized to perform: sts:AssumeRole on resource: {arn}"
        raise AwsError(message, code="AccessDenied", status=403)
    assumed = Caller(account, name, session)
    key = call.callers.issue(assumed)
    expires = call.now + timedelta(seconds=call.params.get("DurationSeconds") or _DEFAULT_DURATION)
    return {
        "Credentials": {
            "AccessKeyId": key,
            "SecretAccessKey": digest("secret", key)[:40],
            "SessionToken": digest("token", key),
            "Expiration": expires,
        },
        "AssumedRoleUser": {"AssumedRoleId": f"{_role_id(assumed)}:{session}", "Arn": assumed.arn(partition)},
    }


def _role_id(caller: Caller) -> str:
    return "AROA" + digest(caller.account, caller.role or "")[:17].upper()


OPERATIONS: Mapping[str, Operation] = {"GetCallerIdentity": get_caller_identity, "AssumeRole": assume_role}
