"""The words for what keeps nodes from growing again in other zones."""

DESIRED = "desired reached ({})"
"""A group's desired size is less than what it runs: the surplus is not launched again, and not missing."""

MAX_SIZE = "max size ({})"
"""A group stands in for its siblings until its maximum size."""

NO_ADDRESS = "no address in {}"
"""A subnet does not hold the addresses of one more node, or of its pods."""

NOT_OFFERED = "{} not offered in {}"
"""A zone offers none of a group's types."""

LAUNCH_SUSPENDED = "Launch suspended ({})"
"""Auto Scaling launches nothing for a group."""

STATUS = "{} is {}"
"""A managed node group is in a status in which it launches nothing."""

ALONE = "no sibling in another zone"
"""All groups of a set are bound to the lost zone."""

UNSEEN = "no other zone seen ({})"
"""All nodes of a pool are in the lost zone, and nothing shows where else it may launch."""

FOR_GOOD = "nothing launches them again"
"""Nodes belong to no group and no pool."""
