"""The policies that are deployed, asked about one call at a time: PutRolePolicy counts from the next call on.

ministack's evaluator answers, through a route that `ministack_launcher` adds: it is what decides about every call to
the deployment itself, and it knows the sessions of functions and of assumed roles, the roles' inline and managed
policies, boundaries, session policies and conditions. Of the libraries that were looked at, moto's own takes a
condition that does not hold for a denial and a dot in an ARN for any character; policyuniverse and parliament lint,
iam-ape expands actions, and PrincipalMapper ended with Python 3.9.

Its quirks, each with a test in tests/local_aws/test_authorization_quirks.py:

* A service's own condition keys have no value here: a condition on one, such as `ec2:Region`, holds for nothing (and
  `...IfExists`, `Null` and `ForAllValues` of it hold for everything).
* `lambda:SourceFunctionArn` is known of calls of the functions' code and of nothing else.
* A `*` in `Resource` crosses `:` wherever it stands; on AWS only one at the end of a part of the ARN does.
* Policy variables such as `${aws:PrincipalAccount}` are text, so a resource that has one matches nothing.
* Policies of the audited side's own resources are none: what a role's policies say decides.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

import urllib3

from local_aws.authorization import Denial, Question

_CONNECTIONS = 32


class DeployedPolicies:
    """Asks a running deployment what its roles may; close it at the end."""

    def __init__(self, endpoint: Callable[[], str]) -> None:
        """Take what tells the deployment's address, which it has once it runs."""
        self._endpoint = endpoint
        # No retries: a deployment that does not answer has ended, and so have its sessions.
        self._pool = urllib3.PoolManager(maxsize=_CONNECTIONS, retries=False)

    def denied(self, question: Question) -> Denial | None:
        """Return why a call is refused, or None if the caller may.

        A session that the deployment does not know may nothing.
        """
        asked = [("key", question.access_key), ("action", question.action), ("region", question.region)]
        answer = self._ask(f"authorize?{urlencode(asked + [('resource', arn) for arn in question.resources])}")
        if answer is None:
            return Denial("unknown", question.resources[0])
        if answer["allowed"]:
            return None
        return Denial(answer["principal"], answer["resource"], answer["explicit"])

    def credentials_of(self, function: str) -> dict[str, str]:
        """Return the credentials that a deployed function runs with, named as in its environment.

        Raises:
            ValueError: If there is no such function.
        """
        answer = self._ask(f"credentials?{urlencode({'function': function})}")
        if answer is None:
            message = f"no function is named {function}"
            raise ValueError(message)
        return dict(answer)

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()

    def _ask(self, route: str) -> Mapping[str, Any] | None:
        try:
            response = self._pool.request("GET", f"{self._endpoint()}/_deployment/{route}")
        except urllib3.exceptions.HTTPError:
            return None
        answer: Mapping[str, Any] | None = json.loads(response.data)
        return answer
