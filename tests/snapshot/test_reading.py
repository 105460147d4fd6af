from dataclasses import replace

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)
from botocore.parsers import ResponseParserError

from eks_auditor.model.gap import Gap
from eks_auditor.snapshot.reading import LONGEST_ERROR, code_of, gaps_in, one_line, perhaps_no_way, read


def raising(error: Exception) -> Gap:
    def call() -> str:
        raise error

    answer = read("eks:DescribeNodegroup", "shop/web", call)
    assert isinstance(answer, Gap)
    return answer


def refused(code: str, message: str = "no", status: int = 400) -> ClientError:
    answer = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "DescribeNodegroup")  # type: ignore[arg-type]  # only what matters of a response


def test_an_answer_is_passed_on() -> None:
    assert read("eks:DescribeNodegroup", "shop/web", lambda: 7) == 7


@pytest.mark.parametrize(
    "error",
    [
        refused("ThrottlingException"),
        refused("RequestLimitExceeded", status=503),
        refused("TooManyRequests", status=429),
        refused("Anything", status=500),
        refused("InternalError"),
        refused("ExpiredTokenException"),
        ReadTimeoutError(endpoint_url="https://eks"),
        ConnectTimeoutError(endpoint_url="https://eks"),
        EndpointConnectionError(endpoint_url="https://eks"),
        ResponseParserError("truncated"),
    ],
)
def test_what_may_pass_is_retryable(error: Exception) -> None:
    assert raising(error).retryable


@pytest.mark.parametrize(
    "error",
    [
        refused("AccessDeniedException", status=403),
        refused("UnauthorizedOperation", status=403),
        refused("ResourceNotFoundException", status=404),
        refused("UnrecognizedClientException", status=403),
        refused("InvalidParameterException"),
        NoCredentialsError(),
    ],
)
def test_what_stays_is_not_retryable(error: Exception) -> None:
    assert not raising(error).retryable


@pytest.mark.parametrize("error", [ConnectTimeoutError, EndpointConnectionError])
def test_no_connection_out_of_the_region_is_not_retryable(error: type[ConnectTimeoutError]) -> None:
    gap = raising(error(endpoint_url="https://iam"))
    assert perhaps_no_way(gap) == replace(gap, retryable=False)


@pytest.mark.parametrize("error", [refused("Throttling"), ReadTimeoutError(endpoint_url="https://iam")])
def test_a_connection_that_was_there_is_worth_another_try(error: Exception) -> None:
    assert perhaps_no_way(raising(error)).retryable


def test_a_gap_says_what_was_asked_and_what_came_back() -> None:
    gap = raising(refused("AccessDeniedException", "User is not authorized"))
    assert gap == Gap("eks:DescribeNodegroup", "shop/web", "AccessDeniedException: User is not authorized")
    assert code_of(gap) == "AccessDeniedException"


def test_an_error_is_one_short_printable_line() -> None:
    gap = raising(refused("UnauthorizedOperation", "first\nsecond\r\x1b[31m " + "x" * 5000))
    assert gap.error.startswith("UnauthorizedOperation: first second [31m xx")
    assert gap.error.isprintable()
    assert len(gap.error) == LONGEST_ERROR
    assert one_line("a\n b") == "a b"


def test_an_answer_that_lacks_what_it_must_have_is_a_gap() -> None:
    gap = read("eks:DescribeNodegroup", "shop/web", lambda: {"a": 1}["nodegroup"])
    assert gap == Gap("eks:DescribeNodegroup", "shop/web", "UnexpectedAnswer: the answer has no 'nodegroup'")


def test_an_error_of_our_own_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        read("eks:DescribeNodegroup", "shop/web", lambda: 1 // 0)


def test_gaps_are_found_alone_and_among_the_values_of_a_mapping() -> None:
    gap = Gap("ec2:DescribeImages", "ami-1", "no")
    assert list(gaps_in(gap)) == [gap]
    assert list(gaps_in({"ami-1": gap, "ami-2": 1})) == [gap]
    assert list(gaps_in(("other",))) == []
