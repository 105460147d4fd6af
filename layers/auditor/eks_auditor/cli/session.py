"""AWS with the caller's own credentials, profile and Region, as the AWS CLI finds them."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, UnknownRegionError

from eks_auditor import __version__
from eks_auditor.cli.errors import NO_REGION, UsageError, worded
from eks_auditor.snapshot.clients import Clients
from eks_auditor.snapshot.unfinished import NO_ANSWER, refuse_unfinished

if TYPE_CHECKING:
    from botocore.parsers import ResponseParserError

WORKERS = 16
"""Reads at the same time, and pooled connections of each client."""

CONFIG = Config(
    user_agent=f"eks-auditor/{__version__}",
    retries={"mode": "standard", "total_max_attempts": 5},
    max_pool_connections=WORKERS,
    connect_timeout=5,
    read_timeout=30,
)


@dataclass(slots=True)
class Access:
    """One account, through one boto3 Session; clients are made once a Region.

    Attributes:
        session: The Session.
        account: Whose credentials it has, 12 digits.
    """

    session: boto3.Session
    account: str
    _clients: dict[str, Clients] = field(default_factory=dict)

    def clients(self, region: str) -> Clients:
        """Return the clients of a Region.

        Raises:
            UsageError: If no Region can be called so.
        """
        if region not in self._clients:
            self._clients[region] = Clients(
                eks=self.session.client("eks", region_name=region, config=CONFIG),
                autoscaling=self.session.client("autoscaling", region_name=region, config=CONFIG),
                ec2=self.session.client("ec2", region_name=region, config=CONFIG),
                ssm=self.session.client("ssm", region_name=region, config=CONFIG),
                iam=self.session.client("iam", region_name=region, config=CONFIG),
                account=self.account,
                region=region,
                partition=partition_of(self.session, region),
            )
        return self._clients[region]


def open_session(profile: str | None) -> boto3.Session:
    """Return a Session of a profile; of the configured one for None.

    Raises:
        UsageError: If there is no such profile, or the configuration cannot be read.
    """
    # The AWS CLI and the other SDKs read AWS_REGION first; botocore alone reads AWS_DEFAULT_REGION only.
    region = ("region", ["AWS_REGION", "AWS_DEFAULT_REGION"], None, None)
    try:
        core = botocore.session.Session(session_vars={"region": region})
        session = boto3.Session(botocore_session=core, profile_name=profile)
    except BotoCoreError as error:
        raise worded(error) from error
    refuse_unfinished(session.events)
    return session


def open_access(session: boto3.Session, regions: list[str]) -> Access:
    """Find out whose credentials these are, in the first of the Regions that answers.

    Asking STS needs no permission, so that what fails here is the credentials or the network, and the sentence can
    say so. A Region that is not enabled answers nobody: the next one is asked.

    Raises:
        NothingReadError: If there are no credentials, or none that AWS takes.
        UsageError: If a Region's name cannot be one.
    """
    failure: BotoCoreError | ClientError | ResponseParserError | None = None
    for region in regions:
        partition_of(session, region)
        try:
            sts = session.client("sts", region_name=region, config=CONFIG)
            return Access(session, sts.get_caller_identity()["Account"])
        except NO_ANSWER as error:
            failure = failure or error
        except ValueError as error:
            message = f"{error}: AWS_ENDPOINT_URL and its kin take http://… or https://…"
            raise UsageError(message) from error
    if failure is None:
        raise UsageError(NO_REGION)
    raise worded(failure) from failure


def default_region(session: boto3.Session) -> str:
    """Return the Region that the environment or the profile names.

    Raises:
        UsageError: If neither does.
    """
    if session.region_name is None:
        raise UsageError(NO_REGION)
    return session.region_name


def partition_of(session: boto3.Session, region: str) -> str:
    """Return ``aws``, ``aws-cn`` and so on.

    Raises:
        UsageError: If no partition has Regions that are called like this.
    """
    try:
        return session.get_partition_for_region(region)
    except UnknownRegionError as error:
        message = f"{region!r} is not the name of a Region: write one such as eu-west-1, or `all`"
        raise UsageError(message) from error
