import pytest

from eks_auditor.plan.targets import Place, TargetError, parse_targets
from tests.builders import CLUSTER_ID

OWN = Place("aws", "111122223333", "eu-west-1")


def test_no_target_is_the_stacks_own_place() -> None:
    assert parse_targets((), OWN) == (OWN,)


def test_targets_are_regions_or_accounts_with_regions_each_once() -> None:
    assert parse_targets(("us-east-1", "444455556666/us-east-1", "us-east-1", "111122223333/us-east-1"), OWN) == (
        Place("aws", "111122223333", "us-east-1"),
        Place("aws", "444455556666", "us-east-1"),
    )


def test_other_accounts_are_in_the_stacks_partition() -> None:
    own = Place("aws-us-gov", "111122223333", "us-gov-west-1")
    assert parse_targets(("444455556666/us-gov-east-1",), own) == (
        Place("aws-us-gov", "444455556666", "us-gov-east-1"),
    )


@pytest.mark.parametrize(
    "target", ["Ireland", "all", "12/eu-west-1", "eu-west-1/111122223333", "eu-west-1\n", "/eu-west-1"]
)
def test_a_target_that_is_none_is_named(target: str) -> None:
    with pytest.raises(TargetError) as raised:
        parse_targets((target,), OWN)
    assert repr(target) in str(raised.value)
    assert "111122223333/us-east-1" in str(raised.value), "it says how to write one"


def test_a_function_knows_its_place_by_its_arn() -> None:
    assert Place.of_function("arn:aws-cn:lambda:cn-north-1:111122223333:function:plan:live") == Place(
        "aws-cn", "111122223333", "cn-north-1"
    )
    with pytest.raises(ValueError, match="not the ARN of a Lambda function"):
        Place.of_function("plan")


def test_a_cluster_knows_its_place() -> None:
    assert Place.of(CLUSTER_ID) == OWN
