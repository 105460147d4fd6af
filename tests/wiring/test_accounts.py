import json
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.loaders import JSONFileLoader
from botocore.stub import Stubber

from eks_auditor import __version__
from eks_auditor.plan.targets import Place
from eks_auditor.snapshot.pointers import ACTIONS as READING
from eks_auditor.wiring.accounts import CONFIG, Accounts
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


def test_iam_is_given_up_soon_for_there_may_be_no_way_to_it(session: boto3.Session) -> None:
    accounts = Accounts(OWN, "read", session)
    iam, ec2 = (accounts.client(service, OWN).meta.config for service in ("iam", "ec2"))
    assert (iam.retries["total_max_attempts"], iam.connect_timeout) == (3, 2)
    assert ec2.retries["total_max_attempts"] > 3
    assert iam.user_agent == ec2.user_agent


def test_clients_are_made_as_who_asks_for_them_wants(session: boto3.Session) -> None:
    accounts = Accounts(OWN, "read", session, config=CONFIG.merge(Config(read_timeout=7)))
    assert [accounts.client("eks", place).meta.config.read_timeout for place in (OWN, OTHER)] == [7, 7]


def test_services_models_are_parsed_once_for_all_accounts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", OWN.account)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    parsed: list[str] = []
    load = JSONFileLoader.load_file

    def noted(self: JSONFileLoader, path: str) -> Any:  # noqa: ANN401  whatever is in it
        content = load(self, path)
        if content is not None and path.endswith("service-2"):
            parsed.append(path)
        return content

    monkeypatch.setattr(JSONFileLoader, "load_file", noted)
    accounts = Accounts(OWN, "read")
    for place in (OWN, OTHER, Place("aws", "777788889999", "eu-west-1")):
        accounts.client("ssm", place)
    assert len([path for path in parsed if "/ssm/" in path]) == 1
    assert len([path for path in parsed if "/sts/" in path]) == 1


class RecordedSession(boto3.Session):
    """The function's own session, with STS's answers given."""

    answers: list[dict[str, Any]]
    also: dict[str, Any] = {}  # noqa: RUF012  never changed
    stubber: Stubber

    def client(self, service_name: str, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  one signature for boto3's hundreds
        client = super().client(service_name, *args, **kwargs)  # type: ignore[call-overload]  # the name is a variable
        if service_name == "sts":
            self.stubber = Stubber(client)
            for answer in self.answers:
                asked = {"RoleArn": "arn:aws:iam::444455556666:role/read", "RoleSessionName": "eks-auditor"}
                self.stubber.add_response("assume_role", answer, asked | self.also)
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


def test_a_role_is_assumed_for_no_more_than_it_is_needed_for() -> None:
    """The local AWS of the end-to-end tests heeds such a policy; here it counts that it is sent."""
    session = RecordedSession(aws_access_key_id=OWN.account, aws_secret_access_key="x", region_name="eu-west-1")  # noqa: S106  no secret
    session.answers = [credentials("FIRST", timedelta(hours=1))]
    allowed = {"Effect": "Allow", "Action": ["eks:DescribeClusterVersions", "ssm:GetParameters"], "Resource": "*"}
    session.also = {"Policy": json.dumps({"Version": "2012-10-17", "Statement": [allowed]})}
    accounts = Accounts(OWN, "read", session, only=READING)
    held = accounts.client("eks", OTHER)._request_signer._credentials  # noqa: SLF001  what it signs with
    assert held.get_frozen_credentials().access_key.startswith("FIRST")
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
