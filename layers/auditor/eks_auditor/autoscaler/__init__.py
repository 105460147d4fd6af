"""Cluster Autoscaler as it really behaves on AWS: what it discovers, how it reads tags, and whether it runs here."""
