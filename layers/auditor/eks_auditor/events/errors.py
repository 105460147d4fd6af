"""What is wrong with an event or a message, in one sentence: what, where, what to do."""


class EventError(Exception):
    """An event or a message that is not what it should be; the text is for people."""


class NewerMessageError(EventError):
    """A message that a newer version of the auditor wrote: it waits for that version, nobody drops it."""


def require_schema(found: object, known: int, what: str) -> None:
    """Accept the schema versions 1 up to the one known here.

    Raises:
        NewerMessageError: If the version is newer than what is known here.
        EventError: If it is no version at all.
    """
    if not isinstance(found, int) or isinstance(found, bool) or found < 1:
        message = f"{what} has schema_version {found!r}, which is none; send a whole number from 1 to {known}"
        raise EventError(message)
    if found > known:
        message = (
            f"{what} has schema_version {found} and this version of eks-auditor knows {known} at most; "
            f"it is left alone until the stack is updated"
        )
        raise NewerMessageError(message)
