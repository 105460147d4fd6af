"""From an event to the clusters to audit: pure."""
