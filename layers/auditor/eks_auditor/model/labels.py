"""Labels of nodes that are nobody's declaration."""

TOOL_PREFIXES = ("eks.amazonaws.com/", "alpha.eksctl.io/")
"""Labels that EKS and eksctl put on nodes by themselves, to tell their groups apart."""
