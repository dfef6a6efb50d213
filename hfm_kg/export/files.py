"""A file of a release: its content, and what the release's descriptions say about it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property


@dataclass(frozen=True)
class ReleaseFile:
    """A file of a release."""

    name: str
    content: bytes = field(repr=False)
    media_type: str
    """The media type of the content, without compression."""
    title: str
    """What the file holds, as a phrase for people."""
    conforms_to: str = ""
    """The IRI of the specification that the file follows, where its media type does not tell."""

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the content, in hexadecimal digits."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def is_compressed(self) -> bool:
        """Whether the content is a gzip file."""
        return self.name.endswith(".gz")
