"""What comes in and goes between the functions: one typed shape per event source and per message."""
