"""Goldens are what the command line prints."""

from tests.cli.conftest import aws, command

__all__ = ["aws", "command"]
