"""The events that start a function, one model per source; those that tell of the policy are beside it."""

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from eks_auditor.events.errors import EventError, require_schema
from eks_auditor.events.policies import ObjectCreatedEvent, ParameterChangedEvent
from eks_auditor.events.releases import SCHEMA_VERSION as RELEASE_SCHEMA_VERSION
from eks_auditor.events.requests import (
    ClustersRequest,
    DigestRequest,
    DueRequest,
    ImagesRequest,
    PollRequest,
    Recommendation,
    RelayRequest,
    ReleaseRequest,
    Request,
    SweepRequest,
)
from eks_auditor.model.release import ReleaseLine

SCHEMA_VERSION = 1
"""Of the details of our own events, but for the release event."""

_Text = Annotated[str, Field(min_length=1)]
_Account = Annotated[str, Field(pattern=r"^[0-9]{12}$")]
_Region = Annotated[str, Field(pattern=r"^[a-z]{2,4}(-[a-z]+)+-[0-9]+$", max_length=64)]
# What becomes part of the ledger's keys is held to the characters that AWS uses there.
_Word = Annotated[str, Field(pattern=r"^[a-z0-9_-]+$", max_length=64)]
_Version = Annotated[str, Field(pattern=r"^[0-9A-Za-z._-]+$", max_length=64)]
_ImageId = Annotated[str, Field(pattern=r"^ami-[0-9a-f]+$", max_length=64)]


class _Model(BaseModel):
    """Frozen; members that AWS adds later are no error."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class _Detail(_Model):
    schema_version: int


class ScheduledEvent(_Model):
    """One of the stack's own schedules: EventBridge Scheduler sends this constant text."""

    source: Literal["eks-auditor.schedule"]
    detail_type: Literal[
        "Sweep Requested", "Due Audits Requested", "Relay Requested", "Release Poll Requested", "Digest Requested"
    ] = Field(alias="detail-type")
    detail: _Detail

    def request(self) -> Request:
        """Say what it asks for."""
        match self.detail_type:
            case "Sweep Requested":
                return SweepRequest()
            case "Due Audits Requested":
                return DueRequest()
            case "Relay Requested":
                return RelayRequest()
            case "Release Poll Requested":
                return PollRequest()
            case "Digest Requested":
                return DigestRequest()


class _NamedClusters(_Detail):
    clusters: tuple[_Text, ...] = Field(min_length=1)


class AuditRequestedEvent(_Model):
    """Somebody asks on our own bus for an audit of clusters, by their ARNs."""

    source: Literal["eks-auditor"]
    detail_type: Literal["Audit Requested"] = Field(alias="detail-type")
    time: AwareDatetime
    detail: _NamedClusters

    def request(self) -> Request:
        """Say what it asks for."""
        return ClustersRequest(clusters=self.detail.clusters, cause="Audit Requested", at=self.time)


class _RequestParameters(_Model):
    name: _Text | None = None
    clusterName: _Text | None = None  # noqa: N815  CloudTrail's word


class _Nodegroup(_Model):
    clusterName: _Text | None = None  # noqa: N815  CloudTrail's word


class _ResponseElements(_Model):
    nodegroup: _Nodegroup | None = None


class _EksCall(_Model):
    eventSource: Literal["eks.amazonaws.com"]  # noqa: N815  CloudTrail's word
    eventName: _Text  # noqa: N815  CloudTrail's word
    requestParameters: _RequestParameters | None = None  # noqa: N815  CloudTrail's word
    responseElements: _ResponseElements | None = None  # noqa: N815  CloudTrail's word

    @property
    def cluster(self) -> str | None:
        """The cluster's name.

        EKS's REST model has it as the URI label ``name``, which is what CloudTrail records; the other two places are
        what public samples of sibling calls show.
        """
        parameters, response = self.requestParameters, self.responseElements
        names = (
            parameters.name if parameters else None,
            parameters.clusterName if parameters else None,
            response.nodegroup.clusterName if response and response.nodegroup else None,
        )
        return next((name for name in names if name), None)


class EksCallEvent(_Model):
    """A call that changed a cluster or its capacity, as CloudTrail tells EventBridge (best effort).

    https://docs.aws.amazon.com/eventbridge/latest/ref/events-ref-eks.html
    """

    source: Literal["aws.eks"]
    # China's documentation prints the second form.
    detail_type: Literal["AWS API Call via CloudTrail", "Amazon API Call via CloudTrail"] = Field(alias="detail-type")
    account: _Account
    region: _Text
    time: AwareDatetime
    detail: _EksCall

    @model_validator(mode="after")
    def _names_a_cluster(self) -> Self:
        if self.detail.cluster is None:
            message = f"{self.detail.eventName} names no cluster in requestParameters or responseElements"
            raise ValueError(message)
        return self

    def request(self, partition: str) -> Request:
        """Say what it asks for; a call's event does not say its partition, which is that of the stack."""
        arn = f"arn:{partition}:eks:{self.region}:{self.account}:cluster/{self.detail.cluster}"
        return ClustersRequest(clusters=(arn,), cause=self.detail.eventName, at=self.time)


class _Recommendation(_Model):
    release: _Version
    image_id: _ImageId

    def read(self) -> Recommendation:
        return Recommendation(version=self.release, image_id=self.image_id)


class _Release(_Detail):
    event_id: str = Field(pattern=r"^[0-9a-f]{64}$")
    move: int = Field(strict=True, ge=1)
    partition: _Word
    region: _Region
    family: _Word
    variant: _Word
    architecture: Literal["x86_64", "arm64"]
    minor: str = Field(pattern=r"^[0-9]+\.[0-9]+$", max_length=16)
    parameter: str = Field(pattern=r"^/aws/service/[A-Za-z0-9._/-]+$", max_length=512)
    old: _Recommendation
    new: _Recommendation
    published_at: AwareDatetime
    observed_at: AwareDatetime
    rollback: bool = Field(strict=True)


class ReleasedEvent(_Model):
    """AWS recommends another release: our own watcher's event, at least once for each change."""

    source: Literal["eks-auditor.releases"]
    detail_type: Literal["EKS AMI Released"] = Field(alias="detail-type")
    detail: _Release

    def request(self) -> Request:
        """Say what it asks for."""
        told = self.detail
        return ReleaseRequest(
            event_id=told.event_id,
            move=told.move,
            partition=told.partition,
            region=told.region,
            line=ReleaseLine(told.family, told.variant, told.architecture, told.minor),
            parameter=told.parameter,
            old=told.old.read(),
            new=told.new.read(),
            published_at=told.published_at,
            rollback=told.rollback,
            at=told.observed_at,
        )


class _ImageState(_Model):
    ImageId: _ImageId
    # An image that never came to be (failed) is in nobody's launch template.
    State: Literal["available", "deregistered", "disabled"]


class ImageStateEvent(_Model):
    """An image of the account's own can be launched, or no longer (best effort).

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/monitor-ami-events.html
    """

    source: Literal["aws.ec2"]
    detail_type: Literal["EC2 AMI State Change"] = Field(alias="detail-type")
    region: _Region
    time: AwareDatetime
    detail: _ImageState

    def request(self, partition: str) -> Request:
        """Say what it asks for."""
        cause = f"{self.detail_type}: {self.detail.ImageId} is {self.detail.State}"
        return ImagesRequest(
            keys=(self.detail.ImageId,), partition=partition, region=self.region, cause=cause, at=self.time
        )


class _BuildState(_Model):
    # The statuses before AVAILABLE are a build's own affair, and one that ends in CANCELLED or FAILED changes nothing.
    status: Literal["AVAILABLE", "DEPRECATED", "DELETED", "DISABLED"]


class _Build(_Model):
    state: _BuildState


class ImageBuiltEvent(_Model):
    """Image Builder has built an image anew, or withdraws a build (best effort); it names no AMI.

    https://docs.aws.amazon.com/eventbridge/latest/ref/events-ref-imagebuilder.html
    """

    source: Literal["aws.imagebuilder"]
    detail_type: Literal["EC2 Image Builder Image State Change"] = Field(alias="detail-type")
    region: _Region
    time: AwareDatetime
    resources: tuple[_Text, ...] = Field(min_length=1)
    detail: _Build

    @model_validator(mode="after")
    def _names_an_image(self) -> Self:
        if not self._images():
            message = f"resources names no image build version: {self.resources[0][:80]!r}"
            raise ValueError(message)
        return self

    def _images(self) -> list[re.Match[str]]:
        return [found for resource in self.resources if (found := _BUILD_VERSION.fullmatch(resource))]

    def request(self, partition: str) -> Request:
        """Say what it asks for: an image's name stands for all its versions, and any of them may be running."""
        keys = sorted({f"imagebuilder/{found['account']}/{found['name']}" for found in self._images()})
        cause = f"{self.detail_type}: {', '.join(keys)} is {self.detail.state.status}"
        return ImagesRequest(keys=tuple(keys), partition=partition, region=self.region, cause=cause, at=self.time)


_BUILD_VERSION = re.compile(
    r"arn:[a-z-]+:imagebuilder:[a-z0-9-]+:(?P<account>[0-9]{12}):image/(?P<name>[a-z0-9_-]{1,128})/[0-9]+\.[0-9]+\.[0-9]+/[0-9]+"
)


_OF_AWS: Mapping[tuple[object, object], Callable[[object, str], Request]] = {
    ("aws.ec2", "EC2 AMI State Change"): lambda event, partition: ImageStateEvent.model_validate(event).request(
        partition
    ),
    ("aws.imagebuilder", "EC2 Image Builder Image State Change"): lambda event, partition: (
        ImageBuiltEvent.model_validate(event).request(partition)
    ),
    ("aws.ssm", "Parameter Store Change"): lambda event, _: ParameterChangedEvent.model_validate(event).request(),
    ("aws.s3", "Object Created"): lambda event, _: ObjectCreatedEvent.model_validate(event).request(),
}


def parse_event(event: object, *, partition: str = "aws") -> Request:
    """Read an event.

    Args:
        event: As Lambda hands it over.
        partition: The partition that the stack is in.

    Raises:
        NewerMessageError: If it is of a newer version than this.
        EventError: If it is of no known source, or not what its source should send.
    """
    if not isinstance(event, Mapping):
        message = f"the event is {type(event).__name__}, not a JSON object; send one like those in events/"
        raise EventError(message)
    source, detail_type = event.get("source"), event.get("detail-type")
    where = f"the event {str(detail_type)[:80]!r} from {str(source)[:80]!r}"
    try:
        match source, detail_type:
            case "eks-auditor.schedule", _:
                return _own(ScheduledEvent, event, where).request()
            case "eks-auditor", _:
                return _own(AuditRequestedEvent, event, where).request()
            case "eks-auditor.releases", _:
                return _own(ReleasedEvent, event, where, RELEASE_SCHEMA_VERSION).request()
            case "aws.eks", _:
                return EksCallEvent.model_validate(event).request(partition)
            case _ if (source, detail_type) in _OF_AWS:
                return _OF_AWS[source, detail_type](event, partition)
    except ValidationError as error:
        message = f"{where} cannot be read: {_first(error)}; compare it with those in events/"
        raise EventError(message) from None
    message = f"{where} is none that is known here; take the rule that sent it away, or update the stack"
    raise EventError(message)


def _own[M: BaseModel](model: type[M], event: Mapping[str, Any], where: str, known: int = SCHEMA_VERSION) -> M:
    """Look at the version before anything else: a newer event may have any shape."""
    detail = event.get("detail")
    if isinstance(detail, Mapping) and "schema_version" in detail:
        require_schema(detail["schema_version"], known, where)
    return model.model_validate(event)


def _first(error: ValidationError) -> str:
    problem = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return f"{'.'.join(str(part) for part in problem['loc']) or 'event'}: {problem['msg']}"
