"""Event-driven, serverless auditor of the reliability of Amazon EKS data planes."""

__version__ = "0.1.0"
