"""The pages of things: one for every IRI of the graph."""
