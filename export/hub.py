"""The front matter of a bundle's README: with it a bundle is a repository of the Hugging Face Hub as it is.

https://huggingface.co/docs/hub/model-cards: YAML between two lines of three dashes, `model-index` with our figures.
"""

import json
from typing import Any

from zoo.card import Card
from zoo.runs import QUICK

_TASKS = {  # the Hub's names
    "classify": "image-classification",
    "generate": "unconditional-image-generation",
    "recall": "unconditional-image-generation",
}
_DATA_SETS = {"mnist": "ylecun/mnist", "cifar10": "uoft-cs/cifar10"}  # those that are on the Hub, whole


def front_matter(card: Card) -> str:
    """Return the lines before the README's first heading."""
    task, data = _TASKS.get(card.task, "image-to-image"), str(card.data.get("name"))
    values: dict[str, Any] = {
        "library_name": "onnx",
        "license": "mit",
        "pipeline_tag": task,
        "tags": ["aezoo", *(["autoencoder"] if card.bottleneck else []), "onnxruntime", card.task],
    }
    if data in _DATA_SETS:
        values["datasets"] = [_DATA_SETS[data]]
    if card.metrics and card.training.get("state") != QUICK:
        provenance = str(card.data.get("provenance"))
        result = {
            "task": {"type": task, "name": card.task},
            "dataset": {"type": _DATA_SETS.get(data, data), "name": provenance, "split": "test"},
            "metrics": [{"type": name, "name": name, "value": value} for name, value in card.metrics.items()],
        }
        values["metrics"] = list(card.metrics)
        values["model-index"] = [{"name": card.name, "results": [result]}]
    return "\n".join(["---", *_yaml(values), "---", "", ""])


def _yaml(value: object) -> list[str]:
    """Return lists, mappings, texts and numbers as lines of YAML; a text is quoted as in JSON, which YAML reads too."""
    lines = []
    if isinstance(value, dict):
        for key, each in value.items():
            nested = isinstance(each, dict | list)
            lines += [f"{key}:", *(f"  {line}" for line in _yaml(each))] if nested else [f"{key}: {_scalar(each)}"]
    elif isinstance(value, list):
        for each in value:
            first, *rest = _yaml(each)
            lines += [f"- {first}", *(f"  {line}" for line in rest)]
    else:
        return [_scalar(value)]
    return lines


def _scalar(value: object) -> str:
    if not isinstance(value, str):
        number = json.dumps(value)
        return number if "." in number else number.replace("e", ".0e")  # YAML takes 1e-05 for a text
    text = "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in " ".join(value.split()))
    return json.dumps(text, ensure_ascii=False)
