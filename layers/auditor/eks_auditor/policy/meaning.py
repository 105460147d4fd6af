"""From the policy's document to the policy: what only the checks can tell to be a mistake."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Protocol

from eks_auditor.autoscaler.settings import discovery_of, scales_of, version_of
from eks_auditor.model.cluster import Cluster, ClusterId
from eks_auditor.model.finding import Exemption
from eks_auditor.model.history import DEFAULT_POLICY
from eks_auditor.model.verdict import Severity
from eks_auditor.policy.mistakes import Mistake, nearest
from eks_auditor.policy.rules import MINIMUM_ZONES, ExemptionRule, Policy, Rule
from eks_auditor.policy.scope import Scope
from eks_auditor.policy.tags import LONGEST, day_of, one_line
from eks_auditor.policy.thresholds import Limit, Threshold, Thresholds, misplaced, written
from eks_auditor.policy.yaml_text import Path, Plain, Written

if TYPE_CHECKING:
    from eks_auditor.policy.document import ExemptionDocument, PolicyDocument, RuleDocument, SettingsDocument

_VERSION_DIGITS = 12
_NAME_PATTERN = re.compile(r"[0-9A-Za-z_*?\[\]!-]{1,200}")
"""Names of EKS clusters are letters, digits, ``-`` and ``_``: a pattern with anything else meets none."""

_ACCOUNT = re.compile(r"\d{12}")


class Declared(Protocol):
    """What is asked of a check's declaration."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def thresholds(self) -> Mapping[str, Threshold]:
        """Its numbers."""

    @property
    def subjects(self) -> tuple[type, ...]:
        """What it judges."""


class Meaning:
    """Reads one document, and gathers every mistake on the way."""

    def __init__(self, text: Written, checks: Iterable[Declared], now: datetime) -> None:
        """Take where things are written, the checks there are, and the time."""
        self._text = text
        self._checks = {check.id: check for check in checks}
        self._today = now.date()
        self._everywhere: dict[str, dict[str, Limit]] = {}
        self.mistakes: list[Mistake] = []

    def policy(self, document: "PolicyDocument") -> Policy:
        """Return the policy; it is none where :attr:`mistakes` has more than warnings."""
        first = self._rule(document, Scope(), ())
        self._everywhere = {check_id: dict(limits) for check_id, limits in first.limits.items()}
        narrowed = tuple(self._narrowed(rule, ("rules", index)) for index, rule in enumerate(document.rules))
        exemptions = tuple(
            rule
            for index, each in enumerate(document.exemptions)
            if (rule := self._exemption(each, ("exemptions", index))) is not None
        )
        rules = (first, *narrowed)
        self._accept_what_is_off(rules, exemptions)
        return Policy(
            version=version_of_content(self._text.plain),
            rules=rules,
            exemptions=exemptions,
            tags_exempt_critical=document.exemptions_by_tag.critical,
        )

    def _narrowed(self, document: "RuleDocument", path: Path) -> Rule:
        scope = self._scope(document.clusters, document.capacities, path)
        if document.model_fields_set <= {"clusters", "capacities"}:
            said_nothing = "this rule says nothing; give it checks or another setting, or remove it"
            self.mistakes.append(Mistake(self._text.line(path), said_nothing, warning=True))
        if scope.capacities is not None:
            said = {name: getattr(document, name) for name in ("autoscaler", "autoscaler_version", "discovery")}
            said[MINIMUM_ZONES] = document.minimum_zones
            for name in (name for name, value in said.items() if value is not None):
                self._wrong((*path, name), f"{name} is of whole clusters; say it in a rule without capacities")
        return self._rule(document, scope, path)

    def _rule(self, document: "SettingsDocument", scope: Scope, path: Path) -> Rule:
        switches: dict[str, bool] = {}
        limits: dict[str, Mapping[str, Limit]] = {}
        for check_id, setting in document.checks.items():
            place = (*path, "checks", check_id)
            check = self._check(check_id, place, scope)
            if check is None:
                continue
            switches[check_id] = setting not in {False, "off"} if isinstance(setting, bool | str) else True
            if isinstance(setting, dict):
                limits[check_id] = self._limits(check, setting, place)
        return Rule(
            scope=scope,
            switches=switches,
            limits=limits,
            scales=self._read(scales_of, document.autoscaler, (*path, "autoscaler")),
            autoscaler_version=self._read(version_of, document.autoscaler_version, (*path, "autoscaler_version")),
            discovery=self._discovery(document.discovery, (*path, "discovery")),
            minimum_zones=self._minimum_zones(document.minimum_zones, (*path, MINIMUM_ZONES)),
        )

    def _check(self, check_id: str, place: Path, scope: Scope) -> Declared | None:
        check = self._checks.get(check_id)
        if check is None:
            hint = nearest(check_id.upper(), self._checks, "`eks-auditor checks` lists all")
            self._wrong(place, f"there is no check {check_id}; {hint}")
        elif scope.capacities is not None and set(check.subjects) <= {Cluster}:
            self._wrong(place, f"{check_id} judges clusters, which nothing with capacities means; leave these out")
        return check

    def _limits(self, check: Declared, setting: Mapping[str, str | int], place: Path) -> dict[str, Limit]:
        limits: dict[str, Limit] = {}
        for name, value in setting.items():
            threshold = check.thresholds.get(name)
            if threshold is None:
                has = f"it has {', '.join(check.thresholds)}" if check.thresholds else "it has none: write on or off"
                self._wrong((*place, name), f"{check.id} has no threshold {name}; {has}")
                continue
            limit = self._threshold(threshold, value, f"{name} of {check.id}", (*place, name))
            if limit is not None:
                limits[name] = limit
        self._ladder(check, limits, place)
        return limits

    def _ladder(self, check: Declared, limits: Mapping[str, Limit], place: Path) -> None:
        """Refuse rungs in the wrong order, as they are on top of what holds everywhere and of the defaults."""
        values = {**Thresholds.of(check.thresholds).values, **self._everywhere.get(check.id, {}), **limits}
        pair = misplaced(check.thresholds, values)
        if pair is None or not limits:
            return
        milder, worse = pair
        said = next(name for name in (worse, milder, *limits) if name in limits)
        self._wrong(
            (*place, said),
            f"{milder} of {check.id} is {written(values[milder])} and {worse} is {written(values[worse])}, which is "
            f"the wrong order; set both (the defaults are {written(check.thresholds[milder].default)} and "
            f"{written(check.thresholds[worse].default)})",
        )

    def _threshold(self, threshold: Threshold, value: str | int, name: str, place: Path) -> Limit | None:
        try:
            return threshold.read(str(value))
        except ValueError as error:
            self._wrong(place, f"{name} takes {error}")
            return None

    def _minimum_zones(self, value: int | None, place: Path) -> int | None:
        declared = (check.thresholds.get(MINIMUM_ZONES) for check in self._checks.values())
        threshold = next((each for each in declared if each is not None), None)
        if value is not None and threshold is not None:
            self._threshold(threshold, value, MINIMUM_ZONES, place)
        return value

    def _read[T](self, reader: "Reader[T]", value: str | None, place: Path) -> T | None:
        if value is None:
            return None
        try:
            return reader(value)
        except ValueError as error:
            self._wrong(place, f"{place[-1]} {error}")
            return None

    def _discovery(self, tags: list[str] | None, place: Path) -> tuple[str, ...] | None:
        if tags is None:
            return None
        for index, tag in enumerate(tags):
            if "," in tag:
                self._wrong((*place, index), f"discovery has a comma in {tag!r}; write each tag as an entry of its own")
        return self._read(discovery_of, ",".join(tags), place)

    def _scope(self, clusters: list[str] | None, capacities: list[str] | None, path: Path) -> Scope:
        for index, pattern in enumerate(clusters or ()):
            if not _may_meet(pattern):
                self._wrong(
                    (*path, "clusters", index),
                    f"no cluster has a name or an ARN like {pattern!r}; write a name such as prod-*, or an ARN such as "
                    f"arn:*:eks:*:111122223333:cluster/prod-*",
                )
        return Scope(
            clusters=None if clusters is None else tuple(clusters),
            capacities=None if capacities is None else tuple(capacities),
        )

    def _exemption(self, document: "ExemptionDocument", path: Path) -> ExemptionRule | None:
        scope = self._scope(document.clusters, document.capacities, path)
        for index, check_id in enumerate(document.checks):
            self._check(check_id, (*path, "checks", index), scope)
        until = self._until(document.until, (*path, "until"))
        severity = self._severity(document.severity, (*path, "severity"))
        if until is None or severity is None:
            return None
        return ExemptionRule(
            scope=scope,
            checks=frozenset(document.checks),
            exemption=Exemption(
                reason=one_line(document.reason),
                owner=one_line(document.owner),
                until=until,
                source="policy",
                severity=severity,
            ),
        )

    def _until(self, text: str, place: Path) -> date | None:
        try:
            until = day_of(text)
        except ValueError:
            self._wrong(place, f"until is {text!r}, which is no day; write a day such as 2027-03-31")
            return None
        if until > self._today + LONGEST:
            self._wrong(place, f"until is {text}, more than {LONGEST.days} days ahead; write a day within a year")
        if until < self._today:
            said = f"until was {text}: the exemption has ended; remove it, or renew it"
            self.mistakes.append(Mistake(self._text.line(place), said, warning=True))
        return until

    def _severity(self, text: str | None, place: Path) -> Severity | None:
        if text is None:
            return Severity.CRITICAL
        if text in Severity.__members__:
            return Severity[text]
        self._wrong(place, f"severity takes {', '.join(each.name for each in Severity)}, not {text!r}")
        return None

    def _accept_what_is_off(self, rules: Iterable[Rule], exemptions: Iterable[ExemptionRule]) -> None:
        """Warn of exemptions from checks that no rule lets judge anything."""
        first, *narrowed = rules
        off = {each for each, on in first.switches.items() if not on}
        off -= {each for rule in narrowed for each, on in rule.switches.items() if on}
        for index, rule in enumerate(exemptions):
            for check_id in sorted(rule.checks & off):
                said = f"{check_id} is off, so this accepts nothing of it; remove the one or the other"
                line = self._text.line(("exemptions", index, "checks"))
                self.mistakes.append(Mistake(line, said, warning=True))

    def _wrong(self, place: Path, sentence: str) -> None:
        self.mistakes.append(Mistake(self._text.line(place), sentence))


class Reader[T](Protocol):
    """Reads a setting."""

    def __call__(self, text: str, /) -> T:
        """Read it; raises ValueError with words that follow the setting's name."""


def version_of_content(plain: Plain) -> str:
    """Return the version of a file's content: the same whatever its layout, its comments and the order of its keys."""
    if not isinstance(plain, dict) or not any(value for name, value in plain.items() if name != "version"):
        return DEFAULT_POLICY
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:_VERSION_DIGITS]


def _may_meet(pattern: str) -> bool:
    """Tell whether a cluster can have a name or ARN like this."""
    if not pattern.startswith("arn:"):
        return _NAME_PATTERN.fullmatch(pattern) is not None
    if "*" in pattern:
        return True
    try:
        return _ACCOUNT.fullmatch(ClusterId.from_arn(pattern).account) is not None
    except ValueError:
        return False
