"""Files that pages load: our own styles and scripts, and the third-party code that the build fetched.

The address of a file holds a digest of its content, so that it may be kept for ever.
"""

from __future__ import annotations

import hashlib
import mimetypes
from functools import cache
from pathlib import Path
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hfm_kg.server.answers import ready_made
from hfm_kg.server.cache import Cached

FOLDERS: Final = (Path(__file__).parent / "static", Path(__file__).parent / "vendor")
"""Our own files, and what the build made of npm packages (``assets/build.py``); the latter need not be there."""
SCRIPT: Final = "text/javascript; charset=utf-8"
KEPT: Final = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}


@cache
def files() -> dict[str, tuple[str, Cached]]:
    """Each file's address and content, by its name."""
    found = {}
    for folder in FOLDERS:
        for path in sorted(folder.glob("*.*")) if folder.is_dir() else ():
            body = path.read_bytes()
            digest = hashlib.sha256(body).hexdigest()
            kind = SCRIPT if path.suffix == ".js" else mimetypes.guess_type(path.name)[0] or "application/octet-stream"
            kind = f"{kind}; charset=utf-8" if kind in ("text/css", "text/plain") else kind
            address = f"/static/{path.stem}.{digest[:12]}{path.suffix}"
            found[path.name] = address, Cached.of(kind, body)
    return found


def there(name: str) -> bool:
    """Whether a file is there: third-party code may not have been fetched."""
    return name in files()


EXPECTED: Final = ("editor.js", "yasqe.css", "bars.js", "web.js", "licences.txt")
"""Third-party code, and what is bundled with it."""


def missing() -> list[str]:
    """Files that the build should have made and did not."""
    return [name for name in EXPECTED if not there(name)]


def address(name: str) -> str:
    """Where a file is served."""
    return files()[name][0]


async def respond(request: Request) -> Response:
    """A file by its address."""
    for known, content in files().values():
        if known == request.url.path:
            return ready_made(request, content, KEPT)
    raise HTTPException(404)


ROUTES: Final = [Route("/static/{file}", respond, methods=["GET"])]
