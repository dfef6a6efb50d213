"""Release files and other exports: deterministic to the byte, since nothing in them depends on place or time.

``ontology`` makes the two OWL files, ``graphs`` writes RDF; every other module makes one kind of file from them.
"""
