"""Pictures as files, PNG or SVG: the same picture gives the same bytes."""

from __future__ import annotations

import importlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hfm_kg import atomic
from hfm_kg.errors import NotInstalledError, UsageError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS: Final = ("png", "svg")

COLOURS: Final = ("#0072b2", "#e69f00", "#009e73", "#cc79a7")
"""Of Okabe and Ito's palette, which readers with any colour vision can tell apart."""


def require(path: Path, extra: str, *packages: str) -> None:
    """Raise UsageError or NotInstalledError, rather now than after the work, if no picture can be written there.

    ``packages`` are those of the extra that drawing needs beside matplotlib.
    """
    if _format(path) not in FORMATS:
        raise UsageError(f"--plot {path}: name a file that ends in {' or '.join(f'.{name}' for name in FORMATS)}")
    if not path.parent.is_dir():
        raise UsageError(f"--plot {path}: there is no folder {path.parent}")
    require_packages(extra, *packages)


def require_packages(extra: str, *packages: str) -> None:
    """Raise NotInstalledError, with the extra that brings them, unless matplotlib and other packages are there."""
    for package in ("matplotlib", *packages):
        try:
            importlib.import_module(package)
        except ImportError:
            raise NotInstalledError(f"pictures need {package}; get it with: pip install 'hfm-kg[{extra}]'") from None


def write(path: Path, draw: Callable[[], Figure]) -> None:
    """Draw to a file, in the format that its ending tells."""
    atomic.write(path, drawn(draw, _format(path), path.stem))


def drawn(draw: Callable[[], Figure], format_name: str, name: str) -> bytes:
    """A picture's bytes; ``name`` keeps the ids of an SVG from those of others on one page. Raises UsageError."""
    if format_name not in FORMATS:
        raise UsageError(f"no picture format {format_name!r}; take one of {', '.join(FORMATS)}")
    import matplotlib as mpl

    buffer = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": name, "font.size": 9}):
        metadata = {"Date": None} if format_name == "svg" else {"Software": None}
        draw().savefig(buffer, format=format_name, dpi=120, metadata=metadata)
    return buffer.getvalue()


def _format(path: Path) -> str:
    return path.suffix.lower().removeprefix(".")
