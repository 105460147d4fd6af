"""The events that start a function, one model per source; pydantic lives here and nowhere else on this floor."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from eks_auditor.events.errors import EventError, require_schema
from eks_auditor.events.requests import ClustersRequest, DueRequest, RelayRequest, Request, SweepRequest

SCHEMA_VERSION = 1
"""Of the details of our own events."""

_Text = Annotated[str, Field(min_length=1)]


class _Model(BaseModel):
    """Frozen; members that AWS adds later are no error."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class _Detail(_Model):
    schema_version: int


class ScheduledEvent(_Model):
    """One of the stack's own schedules: EventBridge Scheduler sends this constant text."""

    source: Literal["eks-auditor.schedule"]
    detail_type: Literal["Sweep Requested", "Due Audits Requested", "Relay Requested"] = Field(alias="detail-type")
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
    account: str = Field(pattern=r"^\d{12}$")
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
        match source:
            case "eks-auditor.schedule":
                return _own(ScheduledEvent, event, where).request()
            case "eks-auditor":
                return _own(AuditRequestedEvent, event, where).request()
            case "aws.eks":
                return EksCallEvent.model_validate(event).request(partition)
    except ValidationError as error:
        message = f"{where} cannot be read: {_first(error)}; compare it with those in events/"
        raise EventError(message) from None
    message = f"{where} is none that is known here; take the rule that sent it away, or update the stack"
    raise EventError(message)


def _own[M: BaseModel](model: type[M], event: Mapping[str, Any], where: str) -> M:
    """Look at the version before anything else: a newer event may have any shape."""
    detail = event.get("detail")
    if isinstance(detail, Mapping) and "schema_version" in detail:
        require_schema(detail["schema_version"], SCHEMA_VERSION, where)
    return model.model_validate(event)


def _first(error: ValidationError) -> str:
    problem = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return f"{'.'.join(str(part) for part in problem['loc']) or 'event'}: {problem['msg']}"
