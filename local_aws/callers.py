"""Who calls: the access key of a signed request says which account and role it comes from.

Signatures are not verified (any secret will do), but a key that nobody issued is refused as AWS refuses it.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from local_aws.errors import AwsError
from local_aws.identity import digest

_CREDENTIAL = re.compile(r"AWS4-HMAC-SHA256 Credential=([^/,\s]+)/\d{8}/([^/,\s]+)/([^/,\s]+)/aws4_request")
_ACCOUNT = re.compile(r"\d{12}")


@dataclass(frozen=True, slots=True)
class Caller:
    """The account of a request, and the role and session if it was made by one."""

    account: str
    role: str | None = None
    session: str | None = None

    def arn(self, partition: str) -> str:
        """Return the caller's ARN as `sts:GetCallerIdentity` words it."""
        if self.role is None:
            return f"arn:{partition}:iam::{self.account}:root"
        return f"arn:{partition}:sts::{self.account}:assumed-role/{self.role}/{self.session}"


@dataclass(frozen=True, slots=True)
class Scope:
    """What a signature is for: key, Region and service."""

    access_key: str
    region: str
    service: str


type Resolver = Callable[[str], Caller | None]


def scope_of(authorization: str | None) -> Scope | None:
    """Read the credential scope of a SigV4 Authorization header; None if the request is not signed."""
    found = _CREDENTIAL.match(authorization or "")
    return Scope(*found.groups()) if found else None


class Callers:
    """Every access key that means something here."""

    def __init__(self, resolver: Resolver | None = None) -> None:
        """Take a resolver that is asked about keys which were not issued here."""
        self.resolver = resolver
        self._issued: dict[str, Caller] = {}
        self._foreign: dict[str, Caller] = {}

    def issue(self, caller: Caller) -> str:
        """Make a temporary access key for an assumed role."""
        number = len(self._issued)
        key = "ASIA" + digest(caller.account, caller.role or "", caller.session or "", str(number))[:16].upper()
        self._issued[key] = caller
        return key

    def resolve(self, service: str, access_key: str) -> Caller:
        """Return the caller behind a key, or raise the error by which the service refuses unknown ones."""
        if _ACCOUNT.fullmatch(access_key):
            return Caller(access_key)
        caller = self._issued.get(access_key) or self._foreign.get(access_key)
        if caller is None and self.resolver is not None:
            caller = self.resolver(access_key)
            if caller is not None:
                self._foreign[access_key] = caller
        if caller is None:
            raise refused_credentials(service)
        return caller

    def is_foreign(self, access_key: str) -> bool:
        """Say whether a key was issued elsewhere: to a function of the stack, or for a role that one assumed."""
        return access_key in self._foreign


def refused_credentials(service: str) -> AwsError:
    """Return the error for an unknown key or a Region that is not enabled: each protocol has its own words."""
    if service == "ec2":
        return AwsError("AWS was not able to validate the provided access credentials", code="AuthFailure", status=401)
    message = "The security token included in the request is invalid."
    if service in {"autoscaling", "iam", "sts"}:
        return AwsError(message, code="InvalidClientTokenId", status=403)
    return AwsError(message, code="UnrecognizedClientException", status=400 if service == "ssm" else 403)
