from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from eks_auditor import __version__
from eks_auditor.plan.targets import Place
from eks_auditor.wiring.accounts import Accounts
from local_aws import AuditedAws, load_fleet

OWN = Place("aws", "111122223333", "eu-west-1")
OTHER = Place("aws", "444455556666", "us-east-1")


@pytest.fixture
def session() -> boto3.Session:
    return boto3.Session(aws_access_key_id=OWN.account, aws_secret_access_key="x", region_name="eu-west-1")  # noqa: S106  no secret


def test_a_client_is_made_once_for_each_place(session: boto3.Session) -> None:
    accounts = Accounts(OWN, "read", session)
    here = accounts.client("sqs")
    assert accounts.client("sqs", OWN) is here
    there = accounts.client("sqs", Place("aws", OWN.account, "us-east-1"))
    assert there is not here
    assert (here.meta.region_name, there.meta.region_name) == ("eu-west-1", "us-east-1")


def test_clients_say_who_they_are_and_try_again_as_botocore_does(session: boto3.Session) -> None:
    config: Any = Accounts(OWN, "read", session).client("sqs").meta.config
    assert config.user_agent.startswith(f"eks-auditor/{__version__} ")
    assert config.retries["mode"] == "standard"
    assert config.max_pool_connections == 16


class RecordedSession(boto3.Session):
    """The function's own session, with STS's answers given."""

    answers: list[dict[str, Any]]
    stubber: Stubber

    def client(self, service_name: str, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  one signature for boto3's hundreds
        client = super().client(service_name, *args, **kwargs)  # type: ignore[call-overload]  # the name is a variable
        if service_name == "sts":
            self.stubber = Stubber(client)
            for answer in self.answers:
                expected = {"RoleArn": "arn:aws:iam::444455556666:role/read", "RoleSessionName": "eks-auditor"}
                self.stubber.add_response("assume_role", answer, expected)
            self.stubber.activate()
        return client


def credentials(key: str, lifetime: timedelta) -> dict[str, Any]:
    return {
        "Credentials": {
            "AccessKeyId": key.ljust(16, "0"),
            "SecretAccessKey": "x",
            "SessionToken": "x",
            "Expiration": datetime.now(UTC) + lifetime,
        }
    }


def test_another_account_is_read_with_its_role_assumed_when_first_needed_and_before_it_expires() -> None:
    session = RecordedSession(aws_access_key_id=OWN.account, aws_secret_access_key="x", region_name="eu-west-1")  # noqa: S106  no secret
    session.answers = [credentials("FIRST", timedelta(minutes=5)), credentials("SECOND", timedelta(hours=1))]
    accounts = Accounts(OWN, "read", session)
    client = accounts.client("eks", OTHER)
    assert client.meta.region_name == "us-east-1"
    held = client._request_signer._credentials  # noqa: SLF001  what it signs with
    with pytest.raises(AssertionError, match="2 responses remaining"):  # nothing is assumed before the first call
        session.stubber.assert_no_pending_responses()
    assert held.get_frozen_credentials().access_key.startswith("FIRST")
    # Five minutes left are too few: the next call brings new ones.
    assert held.get_frozen_credentials().access_key.startswith("SECOND")
    assert held.get_frozen_credentials().access_key.startswith("SECOND")
    accounts.client("ec2", OTHER)
    session.stubber.assert_no_pending_responses()


def test_the_functions_own_credentials_never_stand_in_for_a_role(
    session: boto3.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "own")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    held: Any = Accounts(OWN, "read", session).client("eks", OTHER)._request_signer._credentials  # noqa: SLF001  what it signs with
    assert held.method == "eks-auditor-assume-role"


def test_every_call_is_told_by_its_operation_and_place(session: boto3.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    with AuditedAws(
        load_fleet({"accounts": {OWN.account: {"regions": {OWN.region: {}}}}}, now=datetime.now(UTC))
    ) as aws:
        monkeypatch.setenv("AWS_ENDPOINT_URL_EKS", aws.url)
        Accounts(OWN, "read", session, told.append).client("eks").list_clusters()
    assert told == [f"eks:ListClusters in {OWN}"]
