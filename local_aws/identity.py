"""Deterministic identifiers: the same fleet always has the same ids, so goldens and ledgers can be compared."""

from hashlib import sha256
from uuid import UUID


def digest(*names: str) -> str:
    """Hash names into hexadecimal digits; the separator keeps ("a", "bc") apart from ("ab", "c")."""
    return sha256("\x00".join(names).encode()).hexdigest()


def resource_id(prefix: str, *names: str) -> str:
    """Return an EC2 style id such as `subnet-0123456789abcdef0`."""
    return f"{prefix}-0{digest(prefix, *names)[:16]}"


def uuid_of(*names: str) -> str:
    """Return a UUID in its usual spelling."""
    return str(UUID(digest("uuid", *names)[:32]))


def account_of(*names: str) -> str:
    """Return twelve digits: the account of an image owner whose real number is not known here."""
    return str(100_000_000_000 + int(digest("account", *names)[:12], 16) % 900_000_000_000)
