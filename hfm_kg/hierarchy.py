"""The hierarchies of broader concepts, as networkx graphs."""

from __future__ import annotations

from collections.abc import Iterator

from hfm_kg.errors import Finding
from hfm_kg.graph import CONCEPT_CLASSES
from hfm_kg.tables import Tables


def check(tables: Tables) -> Iterator[Finding]:
    """Broader concepts must not lead in a circle."""
    import networkx  # a sixth of a second, which a query should not wait for

    for name, rows in tables.rows.items():
        by_id = {row.text("id"): row for row in rows if row.optional("broader")} if name in CONCEPT_CLASSES else {}
        hierarchy: networkx.DiGraph[str] = networkx.DiGraph(
            (identifier, row.text("broader")) for identifier, row in by_id.items()
        )
        for loop in networkx.simple_cycles(hierarchy):
            start = loop.index(min(loop))
            path = [*loop[start:], *loop[:start], loop[start]]
            yield by_id[path[0]].finding("broader", "broader-loop", f"broader: {' → '.join(path)}; break the loop")
