"""The events that tell of another policy: the stack's rule lets those of its own parameter or object through alone."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from eks_auditor.events.requests import Request, SweepRequest

_Text = Annotated[str, Field(min_length=1)]


class _Model(BaseModel):
    """Frozen; members that AWS adds later are no error."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class _Parameter(_Model):
    name: _Text
    operation: _Text


class ParameterChangedEvent(_Model):
    """The parameter that holds the policy was written or deleted.

    https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-cwe.html
    """

    source: Literal["aws.ssm"]
    detail_type: Literal["Parameter Store Change"] = Field(alias="detail-type")
    detail: _Parameter

    def request(self) -> Request:
        """Say what it asks for."""
        return SweepRequest(policy=f"policy changed: parameter {self.detail.name}, {self.detail.operation}")


class _Bucket(_Model):
    name: _Text


class _Object(_Model):
    key: _Text


class _Stored(_Model):
    bucket: _Bucket
    object: _Object


class ObjectCreatedEvent(_Model):
    """The object that holds the policy was written.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
    """

    source: Literal["aws.s3"]
    detail_type: Literal["Object Created"] = Field(alias="detail-type")
    detail: _Stored

    def request(self) -> Request:
        """Say what it asks for."""
        return SweepRequest(policy=f"policy changed: s3://{self.detail.bucket.name}/{self.detail.object.key}")
