"""Release files: equal to the byte in another process."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys

from hfm_kg.store import Snapshot

from .conftest import ROOT


def test_another_process_makes_the_same_bytes(files: dict[str, bytes], snapshot: Snapshot) -> None:
    command = [sys.executable, "-m", "tests.exports", str(snapshot.dump), str(ROOT / "ontology" / "mappings")]
    seed = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
