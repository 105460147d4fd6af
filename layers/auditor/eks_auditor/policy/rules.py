"""A policy in force: rules in their order, and the risks that are accepted."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

from eks_auditor.autoscaler.settings import AutoscalerSettings, Scales
from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.finding import Exemption
from eks_auditor.model.history import DEFAULT_POLICY
from eks_auditor.model.verdict import Severity
from eks_auditor.policy.scope import EVERYWHERE, Scope, Target
from eks_auditor.policy.thresholds import Limit, Threshold, Thresholds

MINIMUM_ZONES = "minimum_zones"
"""The setting, and the threshold of every check that it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What holds for some clusters, or for some capacities of them; what a rule does not say stays as it was.

    Attributes:
        scope: Which.
        switches: By check: whether it is judged.
        limits: By check and threshold: its value.
        scales: What scales the clusters.
        autoscaler_version: Cluster Autoscaler's minor.
        discovery: The tags that it discovers groups by.
        minimum_zones: The fewest zones that a data plane may be in.
    """

    scope: Scope = EVERYWHERE
    switches: Mapping[str, bool] = field(default_factory=dict)
    limits: Mapping[str, Mapping[str, Limit]] = field(default_factory=dict)
    scales: Scales | None = None
    autoscaler_version: str | None = None
    discovery: tuple[str, ...] | None = None
    minimum_zones: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExemptionRule:
    """A risk that the policy accepts.

    Attributes:
        scope: Where.
        checks: Of which checks.
        exemption: Why, by whom, until when, and up to which rung.
    """

    scope: Scope
    checks: frozenset[str]
    exemption: Exemption


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What people decided.

    Attributes:
        version: A short SHA-256 of the file's content, whatever its layout and comments; ``default`` of one that says
            nothing.
        rules: Of two that say something of the same thing, the later one wins.
        exemptions: In the file's order.
        tags_exempt_critical: Whether a tag may accept a CRITICAL finding.
    """

    version: str = DEFAULT_POLICY
    rules: tuple[Rule, ...] = ()
    exemptions: tuple[ExemptionRule, ...] = ()
    tags_exempt_critical: bool = False

    DEFAULT: ClassVar["Policy"]

    def within(self, cluster: ClusterId) -> "Policy":
        """Return what it says of one cluster: the same, without the rules for others to go through each time."""
        return replace(
            self,
            rules=tuple(rule for rule in self.rules if rule.scope.holds_in(cluster)),
            exemptions=tuple(rule for rule in self.exemptions if rule.scope.holds_in(cluster)),
        )

    def judges(self, check_id: str, target: Target) -> bool:
        """Tell whether a check is judged on a target."""
        judged = True
        for rule in self._rules(target):
            judged = rule.switches.get(check_id, judged)
        return judged

    def thresholds(self, check_id: str, declared: Mapping[str, Threshold], target: Target) -> Thresholds:
        """Return a check's numbers for a target."""
        values = dict(Thresholds.of(declared).values)
        for rule in self._rules(target):
            if rule.minimum_zones is not None and MINIMUM_ZONES in declared:
                values[MINIMUM_ZONES] = rule.minimum_zones
            values |= rule.limits.get(check_id, {})
        return Thresholds(values)

    def autoscaler(self, cluster: ClusterId, settings: AutoscalerSettings) -> AutoscalerSettings:
        """Return what is said of a cluster's autoscaler, on top of what is said elsewhere."""
        for rule in self.rules:
            if not rule.scope.holds_in(cluster):
                continue
            if rule.scales is not None:
                settings = replace(settings, scales=rule.scales)
            if rule.autoscaler_version is not None:
                settings = replace(settings, version=rule.autoscaler_version)
            if rule.discovery is not None:
                settings = replace(settings, discovery=rule.discovery)
        return settings

    def exemptions_of(self, check_id: str, target: Target) -> tuple[Exemption, ...]:
        """Return what the policy accepts of a check on a target, ended or not, at whatever rung."""
        return tuple(
            rule.exemption for rule in self.exemptions if check_id in rule.checks and rule.scope.holds_for(target)
        )

    @property
    def worst_by_tag(self) -> Severity:
        """The worst rung that a tag may accept: whoever may tag is not whoever may accept risk."""
        return Severity.CRITICAL if self.tags_exempt_critical else Severity.HIGH

    def _rules(self, target: Target) -> Iterator[Rule]:
        return (rule for rule in self.rules if rule.scope.holds_for(target))


Policy.DEFAULT = Policy()
