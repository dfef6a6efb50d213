"""README's section "Add a model, a dataset, a concept", followed step by step."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pyoxigraph import QuerySolutions

from hfm_kg import pipeline, sparql
from hfm_kg.pipeline import Settings
from tests.conftest import ROOT
from tests.test_transcription import Folder


@pytest.fixture
def data(sandbox: Settings) -> Folder:
    return Folder(sandbox.data)


def test_a_model_is_added_by_rows_alone(data: Folder, sandbox: Settings) -> None:
    section = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Add a model")[2].partition("\n## ")[0]
    for table in ("models", "model_backbones", "model_links", "statements", "things", "datasets", "dataset_sizes"):
        assert f"`data/{table}.tsv`" in section
    data.add("sources", id="my-list", label="A list of mine", kind="list")
    data.add(
        "modalities", id="Thermography", label="thermography", broader="MedicalImage", source="hfm",
        definition="A medical image that shows the heat which a body gives off.",
    )  # fmt: skip
    data.add(
        "models", id="HeatFM", label="HeatFM", source="my-list", subfield="Vision", pretraining="ContrastiveLearning",
        adaptation="FineTuning", modalities="Thermography", tasks="ImageSegmentation", year="2025",
    )  # fmt: skip
    data.add("model_backbones", model="HeatFM", component="1", alternative="1", backbone="ViT")
    data.add(
        "model_links", model="HeatFM", kind="code", url="https://example.org/heatfm", source="my-list", place="line/7",
        status="accepted",
    )  # fmt: skip
    data.add(
        "statements", id="heatfm-technique", source="my-list", place="line/7", subject="model/HeatFM",
        property="technique", object="LowRankAdaptation", statement="HeatFM is adapted by low-rank adaptation.",
    )  # fmt: skip
    assert pipeline.check(sandbox) == []
    built = pipeline.build(replace(sandbox, shacl=False))
    found = sparql.evaluate(
        built.open(),
        """SELECT ?code WHERE {
          <https://w3id.org/hfm/model/HeatFM> a hfm:SelfSupervisedFoundationModel , hfm:VisionFoundationModel ;
            hfm:modalityTransitive hfm:MedicalImage ;
            hfm:technique hfm:LowRankAdaptation ;
            hfm:codeRepository ?code }""",
    )
    assert isinstance(found, QuerySolutions)
    assert [solution["code"].value for solution in found] == ["https://example.org/heatfm"]
