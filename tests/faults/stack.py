"""What is deployed: a ledger in moto, clients whose calls are carried, and a clock."""

import itertools
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from eks_auditor.ledger.table import Ledger
from eks_auditor.plan.targets import Place
from eks_auditor.wiring.accounts import Accounts
from local_aws.protocol import wire_of
from tests.builders import NOW
from tests.faults.auditing import LATER, ONE_TRY
from tests.faults.fleet import ACCOUNT, OTHER_ACCOUNT, REGION
from tests.faults.transport import Transport
from tests.ledger.conftest import create
from tests.wiring.fakes import Heard

OWN, OTHER = Place("aws", ACCOUNT, REGION), Place("aws", OTHER_ACCOUNT, REGION)

_INSTANT = re.compile(r"(?<=#)[\d:.TZ-]+(?=#)")

_numbers = itertools.count()


class Stack:
    """What is deployed, all of it new and empty."""

    def __init__(self, transport: Transport) -> None:
        transport.start_anew()
        self.transport = transport
        self.name = f"stack-{next(_numbers)}"
        self.now = NOW + LATER
        self.heard = Heard()
        self._accounts = Accounts(OWN, "eks-auditor-read", transport.session, config=ONE_TRY)
        create(self.client("dynamodb"), self.name)
        self.ledger = Ledger(self.client("dynamodb"), self.name, lambda: self.now, lambda _: None)
        transport.instead["sts:AssumeRole"] = wire_of("sts").answer("AssumeRole", _credentials())

    def client(self, service: str, place: Place = OWN) -> Any:  # noqa: ANN401  any service's
        return self.transport.carry(self._accounts.client(service, place))

    @property
    def accounts(self) -> Accounts:
        """Whose every client is carried, too."""
        return _Carried(self)  # type: ignore[return-value]  # as far as they are used

    def clock(self) -> datetime:
        """Return the time, which goes on by a second at each look."""
        self.now += timedelta(seconds=1)
        return self.now

    def ready(self) -> None:
        """Let what follows be the function's own calls."""
        self.transport.calls.clear()
        self.transport.taken.clear()

    def items(self) -> frozenset[str]:
        """Return the keys of everything in the ledger, without the instants of audits in them."""
        found = self.client("dynamodb").scan(TableName=self.name)["Items"]
        return frozenset(f"{item['cluster']['S']} {_INSTANT.sub('', item['item']['S'])}" for item in found)

    def unrelayed(self) -> frozenset[str]:
        return frozenset(str(key) for key in self.ledger.unrelayed(self.now + LATER))


class _Carried:
    def __init__(self, stack: Stack) -> None:
        self._stack = stack

    def client(self, service: str, place: Place | None = None) -> Any:  # noqa: ANN401  any service's
        return self._stack.client(service, place or OWN)


def _credentials() -> dict[str, Any]:
    """Return keys that the local AWS takes for the other account, and that last."""
    return {
        "Credentials": {
            "AccessKeyId": OTHER_ACCOUNT,
            "SecretAccessKey": "test",
            "SessionToken": "token",
            "Expiration": datetime(2999, 1, 1, tzinfo=UTC),
        },
        "AssumedRoleUser": {
            "AssumedRoleId": "AROA:eks-auditor",
            "Arn": f"arn:aws:sts::{OTHER_ACCOUNT}:assumed-role/r/s",
        },
    }
