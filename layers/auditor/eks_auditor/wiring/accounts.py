"""The clients of every account and Region: made when first needed, kept for the life of the process."""

import json
from collections.abc import Callable, Collection
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.credentials import CredentialProvider, CredentialResolver, DeferredRefreshableCredentials
from botocore.loaders import create_loader

from eks_auditor import __version__
from eks_auditor.plan.targets import Place
from eks_auditor.snapshot.unfinished import refuse_unfinished

if TYPE_CHECKING:
    from botocore.model import OperationModel
    from mypy_boto3_sts import STSClient
    from mypy_boto3_sts.type_defs import AssumeRoleRequestTypeDef

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

OF_SERVICE = {"iam": CONFIG.merge(Config(retries={"mode": "standard", "total_max_attempts": 3}, connect_timeout=2))}
"""Services that are called otherwise: IAM is far away, and there may be no way to it."""


class Accounts:
    """Makes clients: the function's own credentials for its own account, an assumed role for any other."""

    def __init__(  # noqa: PLR0913  all but two by name
        self,
        own: Place,
        role: str,
        session: boto3.Session | None = None,
        tell: Callable[[str], None] = lambda _: None,
        *,
        config: Config = CONFIG,
        only: Collection[str] = (),
    ) -> None:
        """Make nothing yet.

        Args:
            own: Where the function runs.
            role: The name of the role to assume in other accounts.
            session: The function's own credentials.
            tell: Is told of every call: the operation and where, nothing of what is in it.
            config: Of every client that :data:`OF_SERVICE` does not except.
            only: The actions that the role in other accounts is assumed for, if it is for fewer than it allows.
        """
        self._tell = tell
        self._own = own
        self._role = role
        self._config = config
        self._only = only
        # One for all sessions: each would parse the services' models by itself, and keep them.
        self._loader = create_loader()
        self._sessions = {own.account: session or self._new_session(botocore.session.Session())}
        self._clients: dict[tuple[str, Place], Any] = {}
        self._lock = Lock()

    def client(self, service: str, place: Place | None = None) -> Any:  # noqa: ANN401  boto3 makes the type by the name
        """Return the client of a service; without a place, of the function's own account and Region."""
        place = place or self._own
        with self._lock:  # making clients on one Session is not thread-safe
            client = self._clients.get((service, place))
            if client is None:
                session = self._session(place.account)
                config = OF_SERVICE.get(service, self._config)
                client = session.client(service, region_name=place.region, config=config)  # type: ignore[call-overload]  # the name is a variable
                client.meta.events.register("before-call", partial(self._called, place))
                refuse_unfinished(client.meta.events)
                self._clients[service, place] = client
        return client

    def _called(self, place: Place, model: "OperationModel", **_: object) -> None:
        self._tell(f"{model.service_model.service_name}:{model.name} in {place}")

    def _session(self, account: str) -> boto3.Session:
        if account not in self._sessions:
            sts = self._sessions[self._own.account].client("sts", region_name=self._own.region, config=self._config)
            role_arn = f"arn:{self._own.partition}:iam::{account}:role/{self._role}"
            self._sessions[account] = self._new_session(_core_of(_AssumedRole(sts, role_arn, self._only)))
        return self._sessions[account]

    def _new_session(self, core: botocore.session.Session) -> boto3.Session:
        core.register_component("data_loader", self._loader)
        return boto3.Session(botocore_session=core, region_name=self._own.region)


class _AssumedRole(CredentialProvider):
    """Credentials of a role, assumed at the first call and again before they expire."""

    METHOD = "eks-auditor-assume-role"

    def __init__(self, sts: "STSClient", role_arn: str, only: Collection[str]) -> None:
        super().__init__()
        self._sts = sts
        self._asked: AssumeRoleRequestTypeDef = {"RoleArn": role_arn, "RoleSessionName": "eks-auditor"}
        if only:
            # With a session policy the credentials may what both the role and it allow.
            allowed = {"Effect": "Allow", "Action": sorted(only), "Resource": "*"}
            self._asked["Policy"] = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})

    def load(self) -> DeferredRefreshableCredentials:
        return DeferredRefreshableCredentials(refresh_using=self._assume, method=self.METHOD)

    def _assume(self) -> dict[str, str]:
        answer = self._sts.assume_role(**self._asked)["Credentials"]
        return {
            "access_key": answer["AccessKeyId"],
            "secret_key": answer["SecretAccessKey"],
            "token": answer["SessionToken"],
            "expiry_time": answer["Expiration"].isoformat(),
        }


def _core_of(provider: CredentialProvider) -> botocore.session.Session:
    """Make a botocore session that asks this provider alone: the function's own credentials must not stand in."""
    core = botocore.session.Session()
    core.register_component("credential_provider", CredentialResolver(providers=[provider]))
    return core
