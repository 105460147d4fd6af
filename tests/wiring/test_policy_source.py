"""Where the deployed policy is: what each place answers, and what that says."""

import io
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ConnectTimeoutError
from botocore.stub import Stubber

from eks_auditor.policy.mistakes import PolicyError
from eks_auditor.policy.yaml_text import LARGEST
from eks_auditor.settings import Settings
from eks_auditor.wiring.policy_source import (
    Deployed,
    ObjectSource,
    ParameterSource,
    PolicySource,
    UnreadPolicyError,
    source_of,
)

type Place = tuple[PolicySource, Stubber]


def stubbed(service: str) -> tuple[Any, Stubber]:
    client = boto3.client(service, region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x")  # type: ignore[call-overload]  # noqa: S106  nobody's; the name is a variable
    return client, Stubber(client)


@pytest.fixture
def parameter() -> Iterator[Place]:
    client, stubber = stubbed("ssm")
    with stubber:
        yield ParameterSource(client, "/eks-auditor/policy"), stubber


@pytest.fixture
def stored() -> Iterator[Place]:
    client, stubber = stubbed("s3")
    with stubber:
        yield ObjectSource(client, "policies", "a/policy.yaml"), stubber


def value(text: str = "version: 1\n", number: int = 3, kind: str = "String") -> dict[str, Any]:
    return {"Parameter": {"Name": "/eks-auditor/policy", "Type": kind, "Value": text, "Version": number}}


def content(data: bytes, etag: str = '"e1"') -> dict[str, Any]:
    return {"ETag": etag, "Body": io.BytesIO(data)}


class TestParameter:
    def test_its_version_is_the_parameters(self, parameter: Place) -> None:
        source, aws = parameter
        aws.add_response("get_parameter", value(), {"Name": "/eks-auditor/policy"})
        assert source.read(None) == Deployed("3", "version: 1\n")
        assert source.name == "parameter /eks-auditor/policy"

    def test_of_a_known_version_there_is_nothing_new(self, parameter: Place) -> None:
        source, aws = parameter
        aws.add_response("get_parameter", value())
        assert source.read("3") is None

    def test_none_is_a_mistake(self, parameter: Place) -> None:
        source, aws = parameter
        aws.add_client_error("get_parameter", "ParameterNotFound", http_status_code=400)
        with pytest.raises(PolicyError, match="there is no parameter /eks-auditor/policy; put the policy there"):
            source.read("3")

    def test_a_secret_is_a_mistake(self, parameter: Place) -> None:
        source, aws = parameter
        aws.add_response("get_parameter", value(kind="SecureString"))
        with pytest.raises(PolicyError, match="a policy is no secret"):
            source.read(None)

    @pytest.mark.parametrize(
        ("code", "status", "retryable"),
        [("AccessDeniedException", 400, False), ("ThrottlingException", 400, True), ("InternalServerError", 500, True)],
    )
    def test_a_failure_says_nothing_of_the_policy(
        self, parameter: Place, code: str, status: int, *, retryable: bool
    ) -> None:
        source, aws = parameter
        aws.add_client_error("get_parameter", code, http_status_code=status)
        with pytest.raises(UnreadPolicyError, match=code) as caught:
            source.read(None)
        assert caught.value.gap.action == "ssm:GetParameter"
        assert caught.value.gap.retryable is retryable


class TestObject:
    def test_its_version_is_its_etag(self, stored: Place) -> None:
        source, aws = stored
        aws.add_response("get_object", content(b"version: 1\n"), {"Bucket": "policies", "Key": "a/policy.yaml"})
        assert source.read(None) == Deployed('"e1"', "version: 1\n")

    def test_of_a_known_version_the_content_is_not_even_sent(self, stored: Place) -> None:
        source, aws = stored
        asked = {"Bucket": "policies", "Key": "a/policy.yaml", "IfNoneMatch": '"e1"'}
        aws.add_client_error("get_object", "304", http_status_code=304, expected_params=asked)
        assert source.read('"e1"') is None

    @pytest.mark.parametrize("code", ["NoSuchKey", "NoSuchBucket"])
    def test_none_is_a_mistake(self, stored: Place, code: str) -> None:
        source, aws = stored
        aws.add_client_error("get_object", code, http_status_code=404)
        with pytest.raises(PolicyError, match="there is no object s3://policies/a/policy"):
            source.read(None)

    @pytest.mark.parametrize(
        ("data", "sentence"), [(b"\xff\xfe", "is no UTF-8 text"), (b"#" * (LARGEST + 1), "which are the most")]
    )
    def test_what_is_no_policy_of_ours_is_a_mistake(self, stored: Place, data: bytes, sentence: str) -> None:
        source, aws = stored
        aws.add_response("get_object", content(data))
        with pytest.raises(PolicyError, match=sentence):
            source.read(None)

    def test_a_failure_says_nothing_of_the_policy(self, stored: Place) -> None:
        source, aws = stored
        aws.add_client_error("get_object", "AccessDenied", http_status_code=403)
        with pytest.raises(UnreadPolicyError, match=r"s3:GetObject on s3://policies/a/policy\.yaml: AccessDenied"):
            source.read(None)


def test_a_connection_that_fails_says_nothing_of_the_policy() -> None:
    class Client:
        def get_object(self, **_: str) -> None:
            raise ConnectTimeoutError(endpoint_url="https://s3")

    with pytest.raises(UnreadPolicyError) as caught:
        ObjectSource(Client(), "policies", "key").read(None)
    assert caught.value.gap.retryable


@pytest.mark.parametrize(
    ("environment", "name"),
    [
        ({}, None),
        ({"POLICY_KEY": "eks-auditor/policy.yaml"}, None),
        ({"POLICY_PARAMETER": "/p"}, "parameter /p"),
        ({"POLICY_BUCKET": "b", "POLICY_KEY": "k"}, "object s3://b/k"),
    ],
)
def test_the_environment_says_where_it_is(environment: dict[str, str], name: str | None) -> None:
    source = source_of(Settings.from_environment(environment), lambda _: None)
    assert (None if source is None else source.name) == name
