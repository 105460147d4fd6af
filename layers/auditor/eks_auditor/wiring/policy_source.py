"""Where the deployed policy is: a parameter of Systems Manager, or an object of S3."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import ClientError

from eks_auditor.model.gap import Gap
from eks_auditor.policy.mistakes import Mistake, PolicyError
from eks_auditor.policy.yaml_text import LARGEST
from eks_auditor.settings import Settings
from eks_auditor.snapshot.reading import read

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

_NOT_MODIFIED = frozenset({"304", "NotModified"})
_NO_OBJECT = frozenset({"NoSuchKey", "NoSuchBucket"})


@dataclass(frozen=True, slots=True)
class Deployed:
    """A policy as it is deployed.

    Attributes:
        version: What changes with it: the parameter's version, or the object's ETag.
        text: The file.
    """

    version: str
    text: str


class UnreadPolicyError(Exception):
    """The policy could not be read, which says nothing of what is in it."""

    def __init__(self, gap: Gap) -> None:
        """Carry the gap."""
        super().__init__(str(gap))
        self.gap = gap


class PolicySource(Protocol):
    """Where a policy is deployed."""

    @property
    def name(self) -> str:
        """What people call the place, as a log line begins with it."""

    def read(self, known: str | None) -> Deployed | None:
        """Return the policy; None if it is still of a known version.

        Raises:
            PolicyError: If there is evidently none, or none that is a text.
            UnreadPolicyError: If it could not be read.
        """


class ParameterSource:
    """A String parameter of Systems Manager, of 4 KB or, of the advanced tier, 8 KB."""

    ACTIONS = frozenset({"ssm:GetParameter"})
    """On the one parameter."""

    def __init__(self, client: "SSMClient", parameter: str) -> None:
        """Take the parameter's name, and a client of its Region."""
        self._client = client
        self._parameter = parameter
        self.name = f"parameter {parameter}"

    def read(self, known: str | None) -> Deployed | None:
        """Return the policy; see :class:`PolicySource`."""
        answer = _asked("ssm:GetParameter", self._parameter, self._get)
        if answer is None:
            raise PolicyError([Mistake(1, f"there is no {self.name}; put the policy there, as a String")])
        parameter = answer["Parameter"]
        if parameter["Type"] == "SecureString":
            raise PolicyError([Mistake(1, f"{self.name} is a SecureString; a policy is no secret: make it a String")])
        version = str(parameter["Version"])
        return None if version == known else Deployed(version, parameter["Value"])

    def _get(self) -> Any:  # noqa: ANN401  an answer of botocore, or None
        try:
            return self._client.get_parameter(Name=self._parameter)
        except self._client.exceptions.ParameterNotFound:
            return None


class ObjectSource:
    """An object of S3."""

    ACTIONS = frozenset({"s3:GetObject"})
    """On the one object."""

    def __init__(self, client: Any, bucket: str, key: str) -> None:  # noqa: ANN401  our stubs lack this service
        """Take the object's bucket and key, and a client of its Region."""
        self._client = client
        self._bucket = bucket
        self._key = key
        self.name = f"object s3://{bucket}/{key}"

    def read(self, known: str | None) -> Deployed | None:
        """Return the policy; see :class:`PolicySource`."""
        answer = _asked("s3:GetObject", f"s3://{self._bucket}/{self._key}", lambda: self._get(known))
        if answer is None:
            raise PolicyError([Mistake(1, f"there is no {self.name}; put the policy there")])
        version, content = answer
        if version == known:
            return None
        if len(content) > LARGEST:
            raise PolicyError(
                [Mistake(1, f"{self.name} has more than {LARGEST} bytes, which are the most; shorten it")]
            )
        try:
            return Deployed(version, content.decode())
        except UnicodeDecodeError:
            raise PolicyError([Mistake(1, f"{self.name} is no UTF-8 text; write it as one")]) from None

    def _get(self, known: str | None) -> tuple[str, bytes] | None:
        condition: dict[str, Any] = {} if known is None else {"IfNoneMatch": known}
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=self._key, **condition)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in _NOT_MODIFIED and known is not None:
                return known, b""
            if code in _NO_OBJECT:
                return None
            raise
        return answer["ETag"], answer["Body"].read(LARGEST + 1)


ACTIONS = ParameterSource.ACTIONS | ObjectSource.ACTIONS
"""Of a stack with a policy the one or the other."""


def source_of(settings: Settings, client: Callable[[str], Any]) -> PolicySource | None:
    """Return where the stack's policy is; None where it has none.

    Args:
        settings: What the function was told.
        client: Makes the client of a service, in the stack's account and Region.
    """
    if settings.policy_parameter:
        return ParameterSource(client("ssm"), settings.policy_parameter)
    if settings.policy_bucket:
        return ObjectSource(client("s3"), settings.policy_bucket, settings.policy_key)
    return None


def _asked[T](action: str, resource: str, call: Callable[[], T]) -> T:
    """Make a read.

    Raises:
        UnreadPolicyError: If AWS does not answer it.
    """
    answer = read(action, resource, call)
    if isinstance(answer, Gap):
        raise UnreadPolicyError(answer)
    return answer
