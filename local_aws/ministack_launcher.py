"""Runs ministack with the few changes that make it a fit place to deploy this stack to.

A program of ministack's own environment, started by `local_aws.deployment`; it imports nothing else of this project.
What it changes, and why:

* **A clean interpreter for functions.** ministack runs every Python function with its own interpreter, whose packages
  would hide one that the layer lacks.
* **Events of AWS services may be put.** PutEvents refuses `aws.*` sources, rightly; here nobody else can send them.
* **A changed schedule starts anew.** ministack remembers that a schedule has run, and so never runs a `rate()` one
  that became an `at()` one; and it looks every ten seconds, which is long for a demo.
* **Concurrency is a number.** A parameter reaches `MaximumConcurrency` as text, which its queue poller cannot take.
* **A batch of queue messages is authorised as each of them**, as on AWS: `sqs:SendMessage`, not `sqs:SendMessageBatch`.
* **Conditions on what an event says and on which items a request is about are evaluated.** ministack knows the keys
  `events:source`, `events:detail-type` and `dynamodb:LeadingKeys` of no request: a statement that allows by the first
  two would never apply, and one that allows by the third always.
* **A failure queue can be redriven.** SQS lacks StartMessageMoveTask; here it moves every message back at once.
* **A session's `aws:PrincipalArn` is its role's ARN**, as on AWS; ministack compares the session's own.
* **Every request counts as TLS.** The listener is plain HTTP on the loopback; the stack's policies deny that.
* **A route that says who is behind an access key**, so that the audited AWS can tell the functions' roles apart; one
  that says what a key may, by the policies as they are now; one that hands out a function's credentials; and one that
  says which process answers.
* **It ends with whoever started it**, also when that was killed: the starter holds standard input's other end.
"""

# mypy runs in another environment than this file, and most names used here are not ministack's public interface.
# mypy: disable-error-code="import-not-found"
# ruff: noqa: SLF001

import functools
import json
import os
import re
import shutil
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from ministack import app as gateway
from ministack.core import iam_actions, iam_evaluator, lambda_runtime
from ministack.services import dynamodb, eventbridge, lambda_svc, scheduler, sqs, sts

type Message = MutableMapping[str, Any]
type Receive = Callable[[], Awaitable[Message]]
type Send = Callable[[Message], Awaitable[None]]
type Application = Callable[[Message, Receive, Send], Awaitable[None]]

ROUTES = "/_deployment/"


def use_clean_interpreter(interpreter: str) -> None:
    """Run Python functions with an interpreter that has no packages but the function's own."""
    detect = lambda_runtime._detect_runtime_binary

    def clean(runtime: str) -> tuple[str, str]:
        binary, worker = detect(runtime)
        return (interpreter, worker) if runtime.startswith("python") else (binary, worker)

    lambda_runtime._detect_runtime_binary = clean


def allow_aws_events() -> None:
    """Let PutEvents send events in the name of AWS services."""
    eventbridge._put_events = functools.partial(eventbridge._put_events, allow_aws_source=True)


def restart_changed_schedules() -> None:
    """Forget that a schedule has run when it is changed, and look every second whether one is due."""
    update = scheduler._update_schedule

    def restarted(name: str, body: dict[str, Any]) -> object:
        key = f"{body.get('GroupName', 'default')}/{name}"
        for fired in [fired for fired in scheduler._schedule_last_fired if fired[-1] == key]:
            del scheduler._schedule_last_fired[fired]
        return update(name, body)

    scheduler._update_schedule = restarted
    scheduler._SCHEDULE_TICK_INTERVAL = 1


def count_concurrency() -> None:
    """Make a number of a queue's maximum concurrency."""
    concurrency = lambda_svc._sqs_esm_concurrency

    def counted(mapping: dict[str, Any], *arguments: object, **options: object) -> object:
        scaling = mapping.get("ScalingConfig") or {}
        if "MaximumConcurrency" in scaling:
            scaling["MaximumConcurrency"] = int(scaling["MaximumConcurrency"])
        return concurrency(mapping, *arguments, **options)

    lambda_svc._sqs_esm_concurrency = counted


def authorise_batches() -> None:
    """Ask for the action that IAM knows where SQS takes a batch."""
    extract = iam_actions.extract_iam_action

    def of_each(service: str, *request: object) -> str | None:
        action: str | None = extract(service, *request)
        return action.removesuffix("Batch") if action and service == "sqs" else action

    iam_actions.extract_iam_action = of_each


def know_events_and_leading_keys() -> None:
    """Give PutEvents and DynamoDB's requests the condition keys that the stack's policies use."""
    of_tags, of_dynamodb = iam_actions.request_tag_context, iam_actions.dynamodb_service_context

    def of_request(service: str, action: str, body: bytes, *arguments: object) -> dict[str, Any]:
        context: dict[str, Any] = of_tags(service, action, body, *arguments)
        return {**context, **event_keys(json.loads(body))} if action == "events:PutEvents" else context

    def of_items(body: bytes) -> dict[str, Any]:
        # Of a call that names no item, such as Scan, the key is absent.
        return {**of_dynamodb(body), "dynamodb:LeadingKeys": leading_keys(json.loads(body)) or None}

    iam_actions.request_tag_context = of_request
    iam_actions.dynamodb_service_context = of_items


def event_keys(request: dict[str, Any]) -> dict[str, Any]:
    """Return what a PutEvents request says its events are; AWS asks for each, here all must be of one kind."""
    found = {}
    for key, member in (("events:source", "Source"), ("events:detail-type", "DetailType")):
        values = sorted({entry.get(member, "") for entry in request["Entries"]})
        found[key] = values[0] if len(values) == 1 else values
    return found


def leading_keys(request: dict[str, Any]) -> list[str]:
    """Return the values of the partition key in a DynamoDB request, of the forms that the stack's functions send."""
    parts = [request, *(part for action in request.get("TransactItems", []) for part in action.values())]
    parts += [{"TableName": table, "Key": key} for table, wanted in batched_keys(request) for key in wanted]
    return sorted({value for part in parts if "TableName" in part for value in partition_values(part)})


def batched_keys(request: dict[str, Any]) -> list[tuple[str, list[dict[str, Any]]]]:
    """Return the keys of a BatchGetItem by table."""
    return [(table, wanted.get("Keys", [])) for table, wanted in request.get("RequestItems", {}).items()]


def partition_values(part: dict[str, Any]) -> list[str]:
    """Return the values of the partition key in one request or one action of a transaction."""
    described = dynamodb._tables.get(part["TableName"].rpartition("/")[2]) or {}
    indexes = {index["IndexName"]: index for index in described.get("GlobalSecondaryIndexes") or []}
    schema = indexes.get(part.get("IndexName"), described).get("KeySchema", [])
    hashes = [key["AttributeName"] for key in schema if key["KeyType"] == "HASH"]
    values = [part[member][name] for member in ("Item", "Key") for name in hashes if name in part.get(member, {})]
    names, given = part.get("ExpressionAttributeNames", {}), part.get("ExpressionAttributeValues", {})
    for name, value in re.findall(r"([#\w]+)\s*=\s*(:\w+)", part.get("KeyConditionExpression", "")):
        if names.get(name, name) in hashes:
            values.append(given[value])
    return [str(text) for value in values for text in value.values()]


def move_messages() -> None:
    """Give SQS its StartMessageMoveTask, out of a queue that is another queue's failure queue into that one."""
    ask = sqs._dispatch

    async def start(request: dict[str, Any], _url: str) -> dict[str, str]:
        queues: dict[str, dict[str, str]] = {}
        for url in (await ask("ListQueues", {}, "")).get("QueueUrls", []):
            found = await ask("GetQueueAttributes", {"QueueUrl": url, "AttributeNames": ["All"]}, url)
            queues[url] = found["Attributes"]
        arn = request["SourceArn"]
        fed = [url for url, each in queues.items() if arn in each.get("RedrivePolicy", "")]
        source = [url for url, each in queues.items() if each["QueueArn"] == arn]
        if not (fed and source):
            code = "ResourceNotFoundException"
            raise sqs._Err(code, f"{arn} is the failure queue of no queue.")
        every = {"QueueUrl": source[0], "MaxNumberOfMessages": 10, "WaitTimeSeconds": 0}
        while messages := (await ask("ReceiveMessage", dict(every), source[0])).get("Messages"):
            for message in messages:
                await ask("SendMessage", {"QueueUrl": fed[0], "MessageBody": message["Body"]}, fed[0])
                done = {"QueueUrl": source[0], "ReceiptHandle": message["ReceiptHandle"]}
                await ask("DeleteMessage", done, source[0])
        return {"TaskHandle": arn}

    sqs._HANDLERS["StartMessageMoveTask"] = start


def compare_roles() -> None:
    """Resolve `aws:PrincipalArn` of a session to its role."""
    resolve = iam_evaluator._resolve_condition_key

    def of_role(key: str, context: Any) -> Any:  # noqa: ANN401 - ministack's own types
        value = resolve(key, context)
        if key.lower() != "aws:principalarn":
            return value
        return re.sub(r":sts::(\d+):assumed-role/([^/]+)/.*", r":iam::\1:role/\2", str(value))

    iam_evaluator._resolve_condition_key = of_role


def answer(path: str, query: dict[str, list[str]]) -> object:
    """Answer one of the routes that `local_aws.deployment` and `local_aws.policies` ask."""
    topic, _, subject = path.removeprefix(ROUTES).partition("/")
    if topic == "process":
        return os.getpid()
    if topic == "caller":
        session = sts._sessions.get(subject)
        return None if session is None or sts._session_expired(session) else session["Arn"]
    if topic == "authorize":
        return authorize(query["key"][0], query["action"][0], query["region"][0], query["resource"])
    if topic == "credentials":
        return credentials(query["function"][0])
    return None


def authorize(key: str, action: str, region: str, resources: list[str]) -> object:
    """Say whether a key may do something with each resource, or else with which it may not; None: no such session."""
    session = sts._sessions.get(key)
    if session is None or sts._session_expired(session):
        return None
    account = session["Arn"].split(":")[4]
    principal = iam_evaluator.resolve_principal(key, account)
    for resource in resources:
        context = iam_evaluator.EvalContext(
            principal_arn=principal.arn,
            principal_type=principal.type,
            principal_account=principal.account,
            action=action,
            resource_arn=resource,
            region=region,
            secure_transport=True,
            service_context=function_keys(session),
            principal_keys=principal.keys,
        )
        decided = iam_evaluator.evaluate(context, principal.policies, *principal.limits)
        if decided.decision != "Allow":
            explicit = decided.decision == "Deny"
            return {"allowed": False, "principal": principal.arn, "resource": resource, "explicit": explicit}
    return {"allowed": True}


def function_keys(session: dict[str, Any]) -> dict[str, str]:
    """Return the condition key that calls of a function's code carry: of the sessions that never end."""
    if "Expiration" in session:
        return {}
    _, _, _, _, account, resource = session["Arn"].split(":", 5)
    function = resource.rpartition("/")[2]
    region = os.environ["MINISTACK_REGION"]
    return {"lambda:sourcefunctionarn": f"arn:aws:lambda:{region}:{account}:function:{function}"}


def credentials(function: str) -> object:
    """Return the credentials that a function of the deployment's account has in its environment; None: no function."""
    found = lambda_svc._functions.get_scoped(
        os.environ["MINISTACK_ACCOUNT_ID"], os.environ["MINISTACK_REGION"], function
    )
    return None if found is None else lambda_runtime.execution_credentials(found["config"])


def with_routes(application: Application) -> Application:
    """Wrap the gateway: answer the routes of this file, and let everything else pass as if it had come by TLS."""

    async def wrapped(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            if scope["path"].startswith(ROUTES):
                body = json.dumps(answer(scope["path"], parse_qs(scope["query_string"].decode()))).encode()
                await send({"type": "http.response.start", "status": 200, "headers": []})
                await send({"type": "http.response.body", "body": body})
                return
            scope["headers"] = [*scope["headers"], (b"x-forwarded-proto", b"https")]
        await application(scope, receive, send)

    return wrapped


def end_with_starter() -> None:
    """End the whole process group, functions included, when the starter closes its end of standard input."""
    sys.stdin.buffer.read()
    shutil.rmtree(Path.cwd(), ignore_errors=True)
    os.killpg(0, signal.SIGKILL)


def main() -> None:
    """Start ministack, changed as the module says; the one argument is the interpreter of the functions."""
    use_clean_interpreter(sys.argv.pop())
    allow_aws_events()
    restart_changed_schedules()
    count_concurrency()
    authorise_batches()
    know_events_and_leading_keys()
    move_messages()
    compare_roles()
    gateway.app = with_routes(gateway.app)
    threading.Thread(target=end_with_starter, daemon=True).start()
    gateway.main()


if __name__ == "__main__":
    main()
