"""The eight ways in which a call of AWS fails, or of Slack, in the words of each service."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any, Final

from botocore.exceptions import ConnectionClosedError, ReadTimeoutError
from botocore.model import ServiceModel
from botocore.session import get_session

from local_aws.errors import AwsError
from local_aws.protocol import Response, wire_of


class Kind(StrEnum):
    """What happens to a call."""

    THROTTLED = "throttled"
    SERVER_ERROR = "5xx"
    DENIED = "access denied"
    TIMEOUT = "timeout"
    RESET = "connection reset"
    TRUNCATED = "truncated body"
    EMPTY = "empty page"
    VANISHED = "resource vanished"


PASSING: Final = (Kind.THROTTLED, Kind.SERVER_ERROR, Kind.TIMEOUT, Kind.RESET, Kind.TRUNCATED)
"""Those that say nothing but that the next try may do better."""

type Refusal = tuple[str, int]
"""A code, and the HTTP status that it comes with."""


@dataclass(frozen=True, slots=True)
class Words:
    """How a service refuses a call: the common errors page of its API reference has all three."""

    throttled: Refusal
    server_error: Refusal
    denied: Refusal


WORDS: Mapping[str, Words] = {
    "autoscaling": Words(("Throttling", 400), ("InternalFailure", 500), ("AccessDenied", 403)),
    "cloudformation": Words(("Throttling", 400), ("InternalFailure", 500), ("AccessDenied", 403)),
    "dynamodb": Words(
        ("ProvisionedThroughputExceededException", 400), ("InternalServerError", 500), ("AccessDeniedException", 400)
    ),
    "ec2": Words(("RequestLimitExceeded", 503), ("InternalError", 500), ("UnauthorizedOperation", 403)),
    "eks": Words(("ThrottlingException", 429), ("ServerException", 500), ("AccessDeniedException", 403)),
    "events": Words(("ThrottlingException", 400), ("InternalException", 500), ("AccessDeniedException", 400)),
    "iam": Words(("Throttling", 400), ("ServiceFailure", 500), ("AccessDenied", 403)),
    "hooks.slack": Words(("rate_limited", 429), ("rollup_error", 500), ("action_prohibited", 403)),
    "s3": Words(("SlowDown", 503), ("InternalError", 500), ("AccessDenied", 403)),
    "secretsmanager": Words(
        ("ThrottlingException", 400), ("InternalServiceError", 500), ("AccessDeniedException", 400)
    ),
    "securityhub": Words(("LimitExceededException", 429), ("InternalException", 500), ("AccessDeniedException", 403)),
    "slack": Words(("ratelimited", 429), ("internal_error", 500), ("not_in_channel", 200)),
    "sns": Words(("Throttled", 429), ("InternalError", 500), ("AuthorizationError", 403)),
    "sqs": Words(("RequestThrottled", 403), ("InternalError", 500), ("AccessDenied", 403)),
    "ssm": Words(("ThrottlingException", 400), ("InternalServerError", 500), ("AccessDeniedException", 400)),
    "sts": Words(("Throttling", 400), ("InternalFailure", 500), ("AccessDenied", 403)),
}
"""By the prefix of the service's IAM actions; Slack has none: its API is `slack`, its webhooks are `hooks.slack`."""

VANISHED: Mapping[str, Refusal] = {
    "autoscaling:DescribeInstanceRefreshes": ("ValidationError", 400),
    "autoscaling:DescribeScalingActivities": ("ValidationError", 400),
    "cloudformation:DescribeStacks": ("ValidationError", 400),
    "dynamodb:BatchGetItem": ("ResourceNotFoundException", 400),
    "dynamodb:DeleteItem": ("ResourceNotFoundException", 400),
    "dynamodb:GetItem": ("ResourceNotFoundException", 400),
    "dynamodb:PutItem": ("ResourceNotFoundException", 400),
    "dynamodb:Query": ("ResourceNotFoundException", 400),
    "dynamodb:Scan": ("ResourceNotFoundException", 400),
    "dynamodb:TransactWriteItems": ("ResourceNotFoundException", 400),
    "dynamodb:UpdateItem": ("ResourceNotFoundException", 400),
    "ec2:DescribeCapacityReservations": ("InvalidCapacityReservationId.NotFound", 400),
    "ec2:DescribeImages": ("InvalidAMIID.NotFound", 400),
    "ec2:DescribeLaunchTemplateVersions": ("InvalidLaunchTemplateId.NotFound", 400),
    "ec2:GetImageAncestry": ("InvalidAMIID.NotFound", 400),
    "eks:DescribeCluster": ("ResourceNotFoundException", 404),
    "eks:DescribeFargateProfile": ("ResourceNotFoundException", 404),
    "eks:DescribeNodegroup": ("ResourceNotFoundException", 404),
    "eks:DescribeUpdate": ("ResourceNotFoundException", 404),
    "eks:ListFargateProfiles": ("ResourceNotFoundException", 404),
    "eks:ListNodegroups": ("ResourceNotFoundException", 404),
    "eks:ListPodIdentityAssociations": ("ResourceNotFoundException", 404),
    "eks:ListUpdates": ("ResourceNotFoundException", 404),
    "events:PutEvents": ("ResourceNotFoundException", 400),
    "hooks.slack:post": ("no_service", 404),
    "iam:GetInstanceProfile": ("NoSuchEntity", 404),
    "s3:GetObject": ("NoSuchKey", 404),
    "secretsmanager:GetSecretValue": ("ResourceNotFoundException", 400),
    "securityhub:BatchImportFindings": ("InvalidAccessException", 401),
    "slack:chat.postMessage": ("channel_not_found", 200),
    "sns:Publish": ("NotFound", 404),
    "ssm:GetParameter": ("ParameterNotFound", 400),
    "sqs:ChangeMessageVisibility": ("AWS.SimpleQueueService.NonExistentQueue", 400),
    "sqs:SendMessage": ("AWS.SimpleQueueService.NonExistentQueue", 400),
    "sqs:SendMessageBatch": ("AWS.SimpleQueueService.NonExistentQueue", 400),
}
"""How each operation says that what it was asked about is not there; one that asks by filter only leaves it out.

Security Hub is not there where it is not enabled.
"""

MESSAGE = "injected by a test"


def said(kind: Kind, action: str) -> Refusal | None:
    """Return how an operation is refused; None where this kind is no refusal, or this operation never says so."""
    words = WORDS[action.partition(":")[0]]
    match kind:
        case Kind.THROTTLED:
            return words.throttled
        case Kind.SERVER_ERROR:
            return words.server_error
        case Kind.DENIED:
            return words.denied
        case Kind.VANISHED:
            return VANISHED.get(action)
        case _:
            return None


def refusal(kind: Kind, action: str) -> Response | None:
    """Return the same as AWS answers it."""
    refused = said(kind, action)
    if refused is None:
        return None
    code, status = refused
    return wire_of(action.partition(":")[0]).refuse(AwsError(MESSAGE, code=code, status=status))


def failure(kind: Kind, url: str) -> Exception | None:
    """Return what botocore's HTTP session raises; None where this kind is an answer."""
    match kind:
        case Kind.TIMEOUT:
            return ReadTimeoutError(endpoint_url=url)
        case Kind.RESET:
            return ConnectionClosedError(endpoint_url=url)
    return None


_NO_LISTS: Mapping[str, dict[str, Any] | None] = {
    "dynamodb:BatchGetItem": {"Responses": {}, "UnprocessedKeys": {}},
    "dynamodb:PutItem": None,
    "dynamodb:TransactWriteItems": None,
    "dynamodb:UpdateItem": None,
    "ec2:GetAllowedImagesSettings": None,
    "hooks.slack:post": None,
    "secretsmanager:GetSecretValue": None,
    "slack:chat.postMessage": None,
}
"""What an empty page is where lists are not what is asked for; None where there is none to be empty."""


@cache
def lists(action: str) -> tuple[str, ...]:
    """Return the members of an operation's answer that are lists, by botocore's model of it."""
    if action in _NO_LISTS:
        return tuple(_NO_LISTS[action] or ())
    service, _, operation = action.partition(":")
    shape: Any = _models(service).operation_model(operation).output_shape
    return () if shape is None else tuple(name for name, each in shape.members.items() if each.type_name == "list")


@cache
def _models(service: str) -> ServiceModel:
    return get_session().get_service_model(service)


def emptied(action: str) -> Response:
    """Return an answer with no members and no token."""
    service, _, operation = action.partition(":")
    nothing = _NO_LISTS.get(action) or {name: [] for name in lists(action)}
    return wire_of(service).answer(operation, nothing)


def possible(action: str) -> tuple[Kind, ...]:
    """Return the kinds that an operation can meet: one that answers no list has no page to be empty."""
    return tuple(
        kind
        for kind in Kind
        if (kind is not Kind.EMPTY or lists(action)) and (kind is not Kind.VANISHED or action in VANISHED)
    )
