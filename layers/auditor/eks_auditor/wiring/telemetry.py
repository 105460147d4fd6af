"""What a function says of itself: log lines, one sentence each, and metrics with the stack as their one dimension."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider

NAMESPACE = "EksAuditor"
SERVICE = "eks-auditor"


class Telemetry:
    """Says what happens in one function."""

    def __init__(self, logger: Logger, metrics: AmazonCloudWatchEMFProvider) -> None:
        """Take Powertools' own; see :func:`make_telemetry`."""
        self._logger = logger
        self._metrics = metrics

    @contextmanager
    def invocation(self, request_id: str) -> Iterator[None]:
        """Enclose one invocation: its lines carry its request id, and its metrics are printed at its end."""
        self._logger.clear_state()
        self._logger.append_keys(request_id=request_id)
        try:
            yield
        finally:
            if self._metrics.metric_set:
                self._metrics.flush_metrics()

    @contextmanager
    def about(self, **keys: str) -> Iterator[None]:
        """Put keys, the audit's id first of all, into every line said within."""
        with self._logger.append_context_keys(**keys):
            yield

    def info(self, sentence: str) -> None:
        """Say what was done."""
        self._logger.info(sentence)

    def detail(self, sentence: str) -> None:
        """Say what only somebody who looks for a fault wants to know."""
        self._logger.debug(sentence)

    def warning(self, sentence: str) -> None:
        """Say what could not be done, where, and what to do."""
        self._logger.warning(sentence)

    def exception(self, sentence: str) -> None:
        """Say that something broke, with the trace of the exception being handled."""
        self._logger.exception(sentence)  # noqa: LOG004  called by handlers of exceptions only

    def count(self, name: str, value: int = 1) -> None:
        """Add to a metric."""
        self._metrics.add_metric(name=name, unit=MetricUnit.Count, value=value)


class Context(Protocol):
    """What is used of Lambda's context."""

    aws_request_id: str
    invoked_function_arn: str

    def get_remaining_time_in_millis(self) -> int:
        """Return how long the function may still run."""


def make_telemetry(stack: str) -> Telemetry:
    """Build it; the log level is Powertools' own environment variable.

    The service is no dimension: an alarm on the stack alone would never match a metric that has two.
    """
    for library in ("boto3", "botocore", "urllib3"):
        # At DEBUG they print whole answers: user data, and the keys of assumed roles.
        logging.getLogger(library).setLevel(logging.INFO)
    metrics = AmazonCloudWatchEMFProvider(namespace=NAMESPACE, service="", default_dimensions={"Stack": stack})
    return Telemetry(Logger(service=SERVICE, utc=True), metrics)
