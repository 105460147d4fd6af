"""How nodes lie over zones: which sources of nodes are siblings, and which are just changing."""
