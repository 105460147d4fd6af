"""Who is told: one topic for everybody, and Security Hub behind a queue of its own."""
