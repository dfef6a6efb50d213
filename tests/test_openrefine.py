"""OpenRefine itself reconciles a column with our service and fetches values; skipped where it is not installed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from hfm_kg.terms import BASE, SKOS

pytestmark = pytest.mark.skipif(shutil.which("openrefine") is None, reason="OpenRefine is not installed")

WAIT = 120
"""Seconds after which a Java program that does not answer is given up."""


class OpenRefine:
    """The commands that OpenRefine's pages send to its server, for one project."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client
        self.project = ""

    def post(self, command: str, **data: str) -> httpx.Response:
        """The answer to a command, with the token that it demands."""
        token = self.client.get("/command/core/get-csrf-token").json()["token"]
        answer = self.client.post(
            f"/command/core/{command}", params={"project": self.project, "csrf_token": token, **data}
        )
        assert answer.status_code < 400, answer.text
        return answer

    def create(self, text: str) -> None:
        """Make a project of a table."""
        token = self.client.get("/command/core/get-csrf-token").json()["token"]
        options = {"csrf_token": token, "options": '{"separator": ","}', "format": "text/line-based/*sv"}
        answer = self.client.post(
            "/command/core/create-project-from-upload",
            params=options,
            files={"project-file": ("scans.csv", text, "text/csv")},
            data={"project-name": "scans"},
        )
        self.project = answer.headers["location"].partition("project=")[2]

    def settle(self) -> None:
        """Wait until nothing runs any more."""
        until = time.monotonic() + WAIT
        while self.client.get("/command/core/get-processes", params={"project": self.project}).json()["processes"]:
            assert time.monotonic() < until, "OpenRefine does not come to an end"
            time.sleep(0.1)


@pytest.fixture(scope="module")
def refine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenRefine]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [
        "openrefine",
        "-p",
        str(port),
        "-i",
        "127.0.0.1",
        "-d",
        str(tmp_path_factory.mktemp("refine")),
        "-m",
        "512M",
    ]
    with (tmp_path_factory.mktemp("log") / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "-x", "refine.headless=true"], stdout=log, stderr=log, start_new_session=True
        )
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=WAIT) as client:
                until = time.monotonic() + WAIT
                while not answers(client):
                    assert process.poll() is None, Path(log.name).read_text()
                    assert time.monotonic() < until, Path(log.name).read_text()
                    time.sleep(0.2)
                yield OpenRefine(client)
        finally:
            os.killpg(process.pid, signal.SIGTERM)  # the script, and the Java program that it started
            process.wait()


def answers(client: httpx.Client) -> bool:
    try:
        return client.get("/command/core/get-version").status_code == 200
    except httpx.TransportError:
        return False


def test_openrefine_guesses_types_reconciles_and_extends(refine: OpenRefine, endpoint: str) -> None:
    service = f"{endpoint}/reconcile"
    refine.create("scan,year\nComputed Tomography,2020\nendoscopic images,2021\nqwxzv,2022\n")
    guessed = refine.post("guess-types-of-column", columnName="scan", service=service).json()
    assert guessed["types"][0]["id"] == f"{BASE}Modality"

    config: dict[str, Any] = {
        "mode": "standard-service",
        "service": service,
        "identifierSpace": BASE,
        "schemaSpace": SKOS.Concept.value,
        "type": {"id": f"{BASE}Modality", "name": "modality"},
        "autoMatch": True,
        "columnDetails": [],
        "limit": 0,
    }
    engine = json.dumps({"facets": [], "mode": "row-based"})
    refine.post("reconcile", columnName="scan", config=json.dumps(config), engine=engine)
    refine.settle()
    got = refine.post("get-rows", start="0", limit="10", engine=engine).json()
    found = {}
    for row in got["rows"]:
        judged = got["pool"]["recons"][row["cells"][0]["r"]]
        found[row["cells"][0]["v"]] = judged["m"]["id"] if judged["j"] == "matched" else None
    assert found == {"Computed Tomography": f"{BASE}CT", "endoscopic images": f"{BASE}Endoscopy", "qwxzv": None}

    extension = {"properties": [{"id": SKOS.altLabel.value, "name": "also"}]}
    shown = refine.post(
        "preview-extend-data", columnName="scan", rowIndices="[0]", extension=json.dumps(extension)
    ).json()
    assert shown["columns"][0]["id"] == SKOS.altLabel.value
    assert "CAT scan" in [row[1] for row in shown["rows"]]
