"""The clients of every account and Region: made when first needed, kept for the life of the process."""

from collections.abc import Callable
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.credentials import CredentialProvider, CredentialResolver, DeferredRefreshableCredentials

from eks_auditor import __version__
from eks_auditor.plan.targets import Place

if TYPE_CHECKING:
    from botocore.model import OperationModel
    from mypy_boto3_sts import STSClient

ACTIONS = frozenset({"sts:AssumeRole"})

WORKERS = 16
"""Calls in flight at once: more bind nothing but the CPU."""

CONFIG = Config(
    retries={"mode": "standard", "max_attempts": 5},
    # A text that is always the same: building botocore's own costs a fifth of the CPU of a call.
    user_agent=f"eks-auditor/{__version__}",
    max_pool_connections=WORKERS,
    connect_timeout=5,
    read_timeout=20,
)


class Accounts:
    """Makes clients: the function's own credentials for its own account, an assumed role for any other."""

    def __init__(
        self, own: Place, role: str, session: boto3.Session | None = None, tell: Callable[[str], None] = lambda _: None
    ) -> None:
        """Make nothing yet.

        Args:
            own: Where the function runs.
            role: The name of the role to assume in other accounts.
            session: The function's own credentials.
            tell: Is told of every call: the operation and where, nothing of what is in it.
        """
        self._tell = tell
        self._own = own
        self._role = role
        self._sessions = {own.account: session or boto3.Session(region_name=own.region)}
        self._clients: dict[tuple[str, Place], Any] = {}
        self._lock = Lock()

    def client(self, service: str, place: Place | None = None) -> Any:  # noqa: ANN401  boto3 makes the type by the name
        """Return the client of a service; without a place, of the function's own account and Region."""
        place = place or self._own
        with self._lock:  # making clients on one Session is not thread-safe
            client = self._clients.get((service, place))
            if client is None:
                session = self._session(place.account)
                client = session.client(service, region_name=place.region, config=CONFIG)  # type: ignore[call-overload]  # the name is a variable
                client.meta.events.register("before-call", partial(self._called, place))
                self._clients[service, place] = client
        return client

    def _called(self, place: Place, model: "OperationModel", **_: object) -> None:
        self._tell(f"{model.service_model.service_name}:{model.name} in {place}")

    def _session(self, account: str) -> boto3.Session:
        if account not in self._sessions:
            sts = self._sessions[self._own.account].client("sts", region_name=self._own.region, config=CONFIG)
            role_arn = f"arn:{self._own.partition}:iam::{account}:role/{self._role}"
            self._sessions[account] = boto3.Session(
                botocore_session=_session_of(_AssumedRole(sts, role_arn)), region_name=self._own.region
            )
        return self._sessions[account]


class _AssumedRole(CredentialProvider):
    """Credentials of a role, assumed at the first call and again before they expire."""

    METHOD = "eks-auditor-assume-role"

    def __init__(self, sts: "STSClient", role_arn: str) -> None:
        super().__init__()
        self._sts = sts
        self._role_arn = role_arn

    def load(self) -> DeferredRefreshableCredentials:
        return DeferredRefreshableCredentials(refresh_using=self._assume, method=self.METHOD)

    def _assume(self) -> dict[str, str]:
        answer = self._sts.assume_role(RoleArn=self._role_arn, RoleSessionName="eks-auditor")["Credentials"]
        return {
            "access_key": answer["AccessKeyId"],
            "secret_key": answer["SecretAccessKey"],
            "token": answer["SessionToken"],
            "expiry_time": answer["Expiration"].isoformat(),
        }


def _session_of(provider: CredentialProvider) -> botocore.session.Session:
    """Make a botocore session that asks this provider alone: the function's own credentials must not stand in."""
    session = botocore.session.Session()
    session.register_component("credential_provider", CredentialResolver(providers=[provider]))
    return session
