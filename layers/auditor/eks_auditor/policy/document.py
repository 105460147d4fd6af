"""The policy file's shape: the only place of this floor with pydantic, and where the JSON Schema for editors is from.

Scalars are texts here, as they are written (``on`` and ``off`` are truth values, whole numbers are numbers): what they
mean is read by :mod:`eks_auditor.policy.meaning`, which knows the checks. ``on`` and ``off`` are texts as well: JSON is
YAML, and to editors, which read YAML 1.2, they are nothing else.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from eks_auditor.autoscaler.settings import SCALES
from eks_auditor.model.verdict import Severity

VERSION = 1

type Text = Annotated[str, Field(pattern=r"\S", max_length=500)]
type Patterns = Annotated[list[Text], Field(min_length=1, max_length=200)]
type CheckId = Annotated[str, Field(json_schema_extra={"pattern": "^(AMI|ZONE|CAS|HEALTH|UPG)[0-9]{3}$"})]
type Value = Annotated[
    Annotated[str, Field(max_length=40)] | int,
    Field(description="A duration such as 14d or 36h, a whole number, or a share: 20%"),
]
type Setting = Annotated[
    bool | Literal["on", "off"] | dict[str, Value],
    Field(description="on, off, or thresholds by name (docs/checks.md lists them); thresholds switch the check on"),
]

_CLUSTERS = Field(
    default=None, description="Shell patterns of cluster names, or of ARNs where they begin with arn:; all if left out"
)
_CAPACITIES = Field(
    default=None,
    description="Shell patterns of the names of node groups, Auto Scaling groups, node pools and Fargate profiles, or "
    "of zone ids; a sibling set is meant where all of its members are; everything if left out",
)


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class SettingsDocument(_Model):
    """What can be said of everything, or of some clusters and capacities."""

    checks: dict[CheckId, Setting] = Field(default_factory=dict, description="Checks by id: on, off or thresholds")
    autoscaler: Annotated[str, Field(json_schema_extra={"enum": list(SCALES)})] | None = Field(
        default=None, description="What scales the clusters; auto weighs what AWS shows of it"
    )
    autoscaler_version: Text | None = Field(default=None, description='Cluster Autoscaler\'s minor, such as "1.35"')
    discovery: Patterns | None = Field(
        default=None,
        description="Tags that Cluster Autoscaler discovers groups by, each key or key=value, {cluster} for its name",
    )
    minimum_zones: int | None = Field(
        default=None, description="The fewest Availability Zones that a data plane may be in; ZONE001 judges it"
    )


class RuleDocument(SettingsDocument):
    """Settings for some clusters or capacities; where two rules speak of the same thing, the later one wins."""

    clusters: Patterns | None = _CLUSTERS
    capacities: Patterns | None = _CAPACITIES


class ExemptionDocument(_Model):
    """A risk that somebody accepts until a day."""

    checks: Annotated[list[CheckId], Field(min_length=1)] = Field(description="Ids of checks")
    clusters: Patterns | None = _CLUSTERS
    capacities: Patterns | None = _CAPACITIES
    reason: Text = Field(description="Why it is accepted; everybody who reads the finding reads it")
    owner: Text = Field(description="Who accepts it, and whom to ask")
    until: Annotated[str, Field(json_schema_extra={"format": "date"})] = Field(
        description="The last day on which it holds, in UTC, such as 2027-03-31; at most 366 days ahead"
    )
    severity: Annotated[str, Field(json_schema_extra={"enum": [each.name for each in Severity]})] | None = Field(
        default=None, description="The worst severity that it accepts; every one if left out"
    )


class TagsDocument(_Model):
    """What tags may accept."""

    critical: bool = Field(default=False, description="Whether a tag may accept a CRITICAL finding")


class PolicyDocument(SettingsDocument):
    """An eks-auditor policy: which checks are judged, by which thresholds, and which risks are accepted."""

    version: Literal[1] = Field(description="Of this shape")
    rules: list[RuleDocument] = Field(default_factory=list, description="In their order: a later one wins")
    exemptions: list[ExemptionDocument] = Field(default_factory=list, description="Accepted risks")
    exemptions_by_tag: TagsDocument = Field(default_factory=TagsDocument, description="What tags may accept")


def policy_schema() -> dict[str, Any]:
    """Return the JSON Schema of a policy."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | PolicyDocument.model_json_schema()
