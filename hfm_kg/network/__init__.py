"""The graph as network science sees it: views in networkx, measures beside what chance gives, files and plots.

>>> from hfm_kg.network import VIEWS
>>> sorted(VIEWS)  # doctest: +NORMALIZE_WHITESPACE
['challenges-directions', 'citation', 'co-citation', 'datasets-concepts', 'everything', 'lineage', 'modality-task',
 'models-concepts']
"""

from __future__ import annotations

from hfm_kg.network.views import VIEWS, View, to_networkx

__all__ = ["VIEWS", "View", "to_networkx"]
