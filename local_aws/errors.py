"""Refusals: what an AWS service answers instead of a result."""


class AwsError(Exception):
    """An error answer with AWS's code, words and HTTP status."""

    def __init__(self, message: str, *, code: str, status: int = 400) -> None:
        """Keep the three things that a client sees of an error."""
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


class FleetError(ValueError):
    """A fleet description that cannot be used; the message is one sentence that says where and why."""
