"""The nouns of the auditor, typed and frozen. Nothing here reads, decides or tells."""
