"""Every way a command can fail, as an exit code and one sentence: what, where, what to do."""

from typing import ClassVar

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConfigNotFound,
    ConfigParseError,
    CredentialRetrievalError,
    HTTPClientError,
    InvalidConfigError,
    InvalidRegionError,
    LoginError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
    UnknownRegionError,
)
from botocore.exceptions import ConnectionError as BotoConnectionError
from botocore.parsers import ResponseParserError

from eks_auditor.model.gap import Gap

NO_REGION = "no Region is configured: give --region, set AWS_REGION, or set `region` in the profile"
NETWORK = "check the Region's name, the network, and AWS_ENDPOINT_URL if it is set"

OTHER_ACCOUNT = "OtherAccount"
"""The code of a gap for a cluster, named by its ARN, of another account than the credentials'."""

_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
_INVALID = frozenset(
    {
        "AuthFailure",
        "IncompleteSignature",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_UNREACHABLE = frozenset({"ConnectTimeoutError", "EndpointConnectionError", "ProxyConnectionError", "SSLError"})
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation"})


class CommandError(Exception):
    """Ends the command; its text is the one sentence for standard error."""

    exit_code: ClassVar[int]


class UsageError(CommandError):
    """Wrong usage or configuration."""

    exit_code = 2


class NothingReadError(CommandError):
    """Nothing could be read: credentials, permissions, no such cluster."""

    exit_code = 3


_WORDING: tuple[tuple[tuple[type[BotoCoreError], ...], type[CommandError], str], ...] = (
    ((ProfileNotFound,), UsageError, "name one of `aws configure list-profiles` with --profile or AWS_PROFILE"),
    ((NoRegionError,), UsageError, "give --region, set AWS_REGION, or set `region` in the profile"),
    (
        (ConfigNotFound, ConfigParseError, InvalidConfigError, InvalidRegionError, UnknownRegionError),
        UsageError,
        "correct the AWS configuration or the option",
    ),
    ((NoCredentialsError,), NothingReadError, "give --profile, or run `aws login` or `aws configure`"),
    ((SSOError, TokenRetrievalError), NothingReadError, "run `aws sso login` for this profile"),
    ((LoginError,), NothingReadError, "run `aws login` for this profile"),
    ((CredentialRetrievalError, PartialCredentialsError), NothingReadError, "mend the credentials of this profile"),
    ((BotoConnectionError, HTTPClientError), NothingReadError, NETWORK),
)


def worded(error: BotoCoreError | ClientError | ResponseParserError) -> CommandError:
    """Return what an error of AWS or of its client means for who typed the command."""
    if isinstance(error, ClientError):
        said = error.response.get("Error", {})
        code, message = said.get("Code", "Unknown"), said.get("Message", "")
        what = " ".join(f"{error.operation_name} failed with {code}: {message}".split()).rstrip(" .:")
        return NothingReadError(f"{what}; {advice(code, error.operation_name)}")
    if isinstance(error, ResponseParserError):
        return NothingReadError("an answer of AWS was cut off on its way: run the command again")
    sentence = " ".join(str(error).split()).rstrip(".")
    for kinds, outcome, what in _WORDING:
        if isinstance(error, kinds):
            return outcome(f"{sentence}: {what}")
    return NothingReadError(f"{type(error).__name__}: {sentence}")


def unread(gaps: list[Gap]) -> NothingReadError:
    """Return the error of a command for which every read failed."""
    first, *others = gaps
    more = f" (and {len(others)} more reads failed)" if others else ""
    return NothingReadError(f"nothing could be read: {in_a_sentence(first)}{more}")


def in_a_sentence(gap: Gap) -> str:
    """Return what could not be read, why, and what to do."""
    code = gap.error.partition(":")[0]
    if code == OTHER_ACCOUNT:
        return f"{str(gap).rstrip(' .')}; give --profile of account {gap.resource.split(':')[4]}"
    return f"{str(gap).rstrip(' .')}; {advice(code, gap.action)}"


def advice(code: str, action: str = "") -> str:
    """Return what to do about an error code of AWS, or about the name of an error of its client."""
    if code in _DENIED:
        return f"allow {action or 'the action'} for these credentials, or use others (--profile)"
    if code in _EXPIRED:
        return "renew the credentials and run the command again"
    if code in _INVALID:
        return "check the credentials, and that the Region is enabled in this account"
    if code in _UNREACHABLE:
        return NETWORK
    return "run the command again, or with other credentials (--profile)"
