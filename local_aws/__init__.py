"""The AWS this project runs on when there is none: a described fleet, answered for as AWS would answer."""

from local_aws.audited_aws import AuditedAws
from local_aws.callers import Caller
from local_aws.errors import FleetError
from local_aws.fleet import Fleet, load_fleet

__all__ = ["AuditedAws", "Caller", "Fleet", "FleetError", "load_fleet"]
