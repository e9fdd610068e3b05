"""The model card: one JSON object inside every graph's metadata, and `card.json` beside it.

Whoever has only the .onnx file learns from it what goes in, what comes out and how good it is. The text is compact, its
keys sorted, and holds no date, path or host name, so that exporting again gives the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from zoo.errors import FileRefused

FORMAT = "aezoo/1"
METADATA_KEY = "aezoo.card"
MAX_TEXT = 1 << 18
MAX_NUMBER = 1 << 53

_PLAIN = {"str": str, "int": int, "dict": dict, "list": list}


@dataclass(frozen=True, kw_only=True)
class Card:
    """What a graph is.

    graph       'model', 'encoder' or 'decoder'
    task        'reconstruct', 'denoise', 'colourise', 'generate', 'translate', 'recall' or 'classify'
    inputs, outputs     [{name, kind: image|bottleneck|logvar|logits|features, dtype, shape}], a symbol for the batch;
                        of images also layout and range, of logits classes
    bottleneck  {shape, size, view: (rows, columns) or None, compression: pixels a bottleneck value}; {} of a classifier
    objective   {name, noise: standard deviation on [0, 1] pixels}
    data        {name, train, validation, test: number of images, split, provenance, sha256, licence}
    training    {epochs, batch_size, learning_rate, seed, precision, needs, state}; needs: {recipe that
                taught, judged or gave its decoder: sha256 of its weights}
    metrics     {mse, psnr, ssim, bce, …} on the test split;  baselines  {name: the same}
    tools       {package: version}
    choices     what the sheet leaves open and we chose, in sentences
    published   {metric: the sheet's own figure}
    """

    name: str
    assignment: str
    graph: str
    task: str
    summary: str
    inputs: list[dict[str, Any]]
    outputs: list[dict[str, Any]]
    bottleneck: dict[str, Any]
    objective: dict[str, Any]
    data: dict[str, Any]
    training: dict[str, Any]
    metrics: dict[str, float]
    baselines: dict[str, dict[str, float]]
    parameters: int
    tools: dict[str, str]
    choices: list[str]
    published: dict[str, float]

    def to_json(self) -> str:
        """Return the card as the text that goes into the metadata."""
        return _dump({"format": FORMAT, **asdict(self)})

    def to_file(self, files: Mapping[str, tuple[str, int]]) -> bytes:
        """Return card.json: the card plus sha256 and bytes of each file; `files` maps names to the two."""
        listing = {name: {"sha256": sha256, "bytes": size} for name, (sha256, size) in files.items()}
        return (_dump({"format": FORMAT, **asdict(self), "files": listing}) + "\n").encode()


def _dump(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def from_metadata(metadata: Mapping[str, str]) -> Card | None:
    """Return the card in a graph's metadata, or None for a graph that is not ours. Raises FileRefused."""
    text = metadata.get(METADATA_KEY)
    return None if text is None else from_json(text)


def from_json(text: str) -> Card:
    """Parse a card; `files` of a card.json is passed over. Raises FileRefused for anything else than a card."""
    try:
        value = json.loads(text, parse_int=_number, parse_float=_number) if len(text) <= MAX_TEXT else None
    except (ValueError, RecursionError) as error:
        raise FileRefused("its card is not JSON with plain numbers; export the run again") from error
    if not isinstance(value, dict) or not isinstance(value.get("format"), str):
        raise FileRefused("its card is not a card of aezoo; export the run again")
    if value["format"] != FORMAT:
        raise FileRefused(f"its card has format {value['format'][:40]!r}, this program reads {FORMAT!r}: update aezoo")
    chosen = {}
    for field in fields(Card):
        kind = _PLAIN[str(field.type).split("[")[0]]
        if not isinstance(value.get(field.name), kind):
            raise FileRefused(f"its card has no proper {field.name!r}; export the run again")
        chosen[field.name] = value[field.name]
    return Card(**chosen)


def _number(text: str) -> int | float:
    """Read a number that a program may reckon with; 10**400 and 1e999 are none."""
    value = float(text)
    if abs(value) > MAX_NUMBER:
        raise ValueError(text[:20])
    return value if any(mark in text for mark in ".eE") else int(text)


def files_of(text: str) -> dict[str, tuple[str, int]]:
    """Return {file name: (sha256, bytes)} of a card.json; empty where it lists none."""
    try:
        listing = json.loads(text).get("files", {})
        return {str(name): (str(entry["sha256"]), int(entry["bytes"])) for name, entry in listing.items()}
    except (ValueError, AttributeError, KeyError, TypeError, RecursionError) as error:
        raise FileRefused("card.json does not list its files properly; export the run again") from error
