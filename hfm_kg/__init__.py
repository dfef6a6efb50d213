"""The knowledge graph of healthcare foundation models."""

__version__ = "0.1.0"
