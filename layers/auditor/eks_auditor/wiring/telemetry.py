"""What a function says of itself: log lines, one sentence each, and metrics.

Every metric has the stack as its dimension. A few are told by something else as well: gaps by their action, say. AWS
bills each combination of dimensions for the hours in which it is said, so only what is bounded may be one.
"""

import logging
from collections.abc import Iterator, Mapping
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
        self._by: dict[tuple[tuple[str, str], ...], AmazonCloudWatchEMFProvider] = {}

    @contextmanager
    def invocation(self, request_id: str) -> Iterator[None]:
        """Enclose one invocation: its lines carry its request id, and its metrics are printed at its end."""
        self._logger.clear_state()
        self._logger.append_keys(request_id=request_id)
        try:
            yield
        finally:
            for metrics in (self._metrics, *self._by.values()):
                if metrics.metric_set:
                    metrics.flush_metrics()
            self._by.clear()

    @contextmanager
    def about(self, **keys: str) -> Iterator[None]:
        """Put keys, the audit's id first of all, into every line said within; so are those that :meth:`name` adds."""
        before = frozenset(self._logger.get_current_keys())
        self._logger.append_keys(**keys)
        try:
            yield
        finally:
            self._logger.remove_keys(self._logger.get_current_keys().keys() - before)

    def name(self, **keys: str) -> None:
        """Put keys into every line from here to the end of what :meth:`about` encloses, whatever breaks until then."""
        self._logger.append_keys(**keys)

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

    def count(self, name: str, value: int = 1, **by: str) -> None:
        """Add to the stack's metric, and to what it has by another dimension, such as ``Action``."""
        self.measure(name, value)
        if by:
            self.measure(name, value, **by)

    def measure(self, name: str, value: int, unit: MetricUnit = MetricUnit.Count, /, **by: str) -> None:
        """Say a value, of the stack as a whole or by other dimensions."""
        self._metrics_by(by).add_metric(name=name, unit=unit, value=value)

    def _metrics_by(self, by: Mapping[str, str]) -> AmazonCloudWatchEMFProvider:
        """Return what prints metrics of these dimensions: one line holds one value of each."""
        if not by:
            return self._metrics
        dimensions = {**self._metrics.default_dimensions, **by}
        new = AmazonCloudWatchEMFProvider(namespace=NAMESPACE, service="", default_dimensions=dimensions)
        return self._by.setdefault(tuple(sorted(by.items())), new)


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
