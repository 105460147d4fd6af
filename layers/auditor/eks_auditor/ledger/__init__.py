"""What is remembered of every cluster, written once, together with its announcement."""
