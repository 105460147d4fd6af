"""One cluster, read from AWS's APIs into a frozen snapshot: one module per AWS service, IAM actions beside calls."""
