"""What people decide: which checks are judged, by which thresholds, and which risks are accepted until when."""
