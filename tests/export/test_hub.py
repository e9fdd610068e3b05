"""A bundle's README begins with what the Hugging Face Hub reads: valid YAML, in the structure of its model cards."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from export.describe import as_markdown
from export.hub import front_matter
from tests.conftest import Exported
from zoo.card import Card, from_json
from zoo.runs import QUICK, RunFolder


def parsed(text: str) -> dict[str, Any]:
    before, matter, _ = text.split("---\n", 2)
    assert before == ""
    found: dict[str, Any] = yaml.safe_load(matter)
    return found


def finished(card: Card) -> Card:
    """The card of a quick run as that of a whole one."""
    return replace(card, training={**card.training, "state": "finished"})


@pytest.fixture
def conv_card(exported: Exported) -> Card:
    return finished(exported("purdue/conv").card)


@pytest.mark.parametrize(
    "name", ["freiburg/lr-0.1", "purdue/denoise", "hesso/vae-2-10", "hesso/classifier", "letters/class"]
)
def test_the_front_matter_is_a_model_card_of_the_hub(name: str, pretrained_folder: Path) -> None:
    """`huggingface_hub.ModelCard` makes one EvalResult of each metric, and refuses a result that lacks one of these."""
    shipped = from_json(RunFolder.of(pretrained_folder, name).card.read_text(), source=name)
    card = replace(shipped, data={**shipped.data, "name": "mnist-sample"})
    found = parsed(as_markdown(card, ["model.onnx"], 2))
    assert (found["library_name"], found["license"]) == ("onnx", "mit")
    assert card.task in found["tags"] and ("autoencoder" in found["tags"]) == bool(card.bottleneck)
    (model,) = found["model-index"]
    (result,) = model["results"]
    assert model["name"] == name and result["task"] == {"type": found["pipeline_tag"], "name": card.task}
    assert result["dataset"]["type"] == card.data["name"] and result["dataset"]["name"] == card.data["provenance"]
    assert {metric["type"]: metric["value"] for metric in result["metrics"]} == card.metrics
    assert found["metrics"] == list(card.metrics) and card.metrics
    assert "datasets" not in found, "the sample is not on the Hub"


def test_a_data_set_that_is_on_the_hub_is_named_as_there(conv_card: Card) -> None:
    found = parsed(front_matter(replace(conv_card, data={**conv_card.data, "name": "mnist"})))
    assert found["datasets"] == ["ylecun/mnist"]
    assert found["model-index"][0]["results"][0]["dataset"]["type"] == "ylecun/mnist"


def test_figures_that_say_nothing_are_not_published(conv_card: Card) -> None:
    quick = replace(conv_card, training={**conv_card.training, "state": QUICK})
    for card in (quick, replace(conv_card, metrics={})):
        assert "model-index" not in parsed(front_matter(card))


@pytest.mark.parametrize(
    "text",
    ["---\nlicense: other", 'a "quoted": text', "- [x]: {y} # z", "\u2028\x85\x7f\x00", "№ 1 – ümlaut 🙂", "1e5", ""],
)
def test_a_text_of_a_card_stays_a_text(text: str, conv_card: Card) -> None:
    found = parsed(front_matter(replace(conv_card, data={**conv_card.data, "provenance": text, "name": text})))
    name = found["model-index"][0]["results"][0]["dataset"]["name"]
    assert isinstance(name, str) and (name == text or not text.isprintable())
    assert found["license"] == "mit"


@pytest.mark.parametrize("value", [1e-05, 3.36e-05, 0.0, 12.5, 1e20, 7])
def test_a_figure_stays_a_number(value: float, conv_card: Card) -> None:
    found = parsed(front_matter(replace(conv_card, metrics={"mse": value})))
    assert found["model-index"][0]["results"][0]["metrics"] == [{"type": "mse", "name": "mse", "value": value}]
