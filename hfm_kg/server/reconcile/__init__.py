"""The Reconciliation Service API of the W3C Entity Reconciliation Community Group, versions 0.1, 0.2 and 1.0-draft."""

from hfm_kg.server.reconcile.routes import Reconciliation as Reconciliation
