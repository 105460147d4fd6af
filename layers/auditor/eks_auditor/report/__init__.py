"""Renderers: the same findings for people and for machines."""
