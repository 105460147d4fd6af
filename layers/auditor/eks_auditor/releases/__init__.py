"""What AWS publishes of node images: families and their names, and how long a release has been superseded."""
