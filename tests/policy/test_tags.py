"""What tags accept, and what is told of those that cannot be understood."""

from datetime import date

import pytest

from eks_auditor.model.finding import Exemption
from eks_auditor.model.verdict import Severity
from eks_auditor.policy.tags import TagError, TagExemption, exemption_by_tags
from tests.policy.build import NOW

GOOD = {
    "eks-auditor/exempt": "AMI001 ZONE002",
    "eks-auditor/exempt-until": "2027-03-31",
    "eks-auditor/exempt-reason": "Replaced in spring",
    "eks-auditor/exempt-owner": "team-a@example.com",
}


def read(**deviations: str) -> TagExemption | None:
    tags = GOOD | {f"eks-auditor/{name.replace('_', '-')}": value for name, value in deviations.items()}
    return exemption_by_tags(tags, "node group web", known={"AMI001", "ZONE002"}, worst=Severity.HIGH, now=NOW)


def test_four_tags_accept() -> None:
    assert read() == TagExemption(
        frozenset({"AMI001", "ZONE002"}),
        Exemption(
            reason="Replaced in spring",
            owner="team-a@example.com",
            until=date(2027, 3, 31),
            source="tag of node group web",
            severity=Severity.HIGH,
        ),
    )


@pytest.mark.parametrize("text", ["AMI001+ZONE002", "AMI001,ZONE002", " AMI001  ZONE002 ", "AMI001 + ZONE002"])
def test_ids_stand_apart_by_what_tags_may_hold(text: str) -> None:
    found = read(exempt=text)
    assert found is not None
    assert found.checks == {"AMI001", "ZONE002"}


def test_other_tags_say_nothing() -> None:
    tags = {"team": "a", "eks-auditor/other": "x"}
    assert exemption_by_tags(tags, "x", known=(), worst=Severity.HIGH, now=NOW) is None


@pytest.mark.parametrize(
    ("deviation", "sentence"),
    [
        ({"exempt": "AMI999"}, "it names AMI999, which is no check; write check ids with spaces between them"),
        ({"exempt": "ami001"}, "it names ami001, which is no check"),
        ({"exempt": "+"}, "it names nothing, which is no check"),
        ({"exempt_until": "soon"}, "is 'soon', which is no day, so it accepts nothing; write 2027-03-31"),
        ({"exempt_until": "2028-01-01"}, "more than 366 days ahead"),
        ({"exempt_owner": " "}, "eks-auditor/exempt-owner is missing or empty; set all four, or none"),
        ({"exempt": ""}, "eks-auditor/exempt is missing or empty"),
    ],
)
def test_what_cannot_be_understood_accepts_nothing_and_is_told(deviation: dict[str, str], sentence: str) -> None:
    with pytest.raises(TagError) as caught:
        read(**deviation)
    assert sentence in str(caught.value)
    assert "node group web" in str(caught.value)
