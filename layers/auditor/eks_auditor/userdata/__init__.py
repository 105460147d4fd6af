"""User data: in which cluster, and with which labels and taints, a node registers. Nothing else of it leaves here.

User data is other people's input and full of secrets. What is read is bounded in size, depth and time, and neither
what is returned nor what is raised quotes it.
"""

from eks_auditor.userdata.joining import Joining, UnreadableUserDataError
from eks_auditor.userdata.reading import joined_clusters, read_user_data

__all__ = ["Joining", "UnreadableUserDataError", "joined_clusters", "read_user_data"]
