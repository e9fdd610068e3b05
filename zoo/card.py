"""The model card: one JSON object inside every graph's metadata, and `card.json` beside it.

Whoever has only the .onnx file learns from it what goes in, what comes out and how good it is. The text is compact, its
keys sorted, and holds no date, path or host name, so that exporting again gives the same bytes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from zoo.errors import FileRefused

FORMAT = "aezoo/1"
METADATA_KEY = "aezoo.card"
WEIGHTS_KEY = "aezoo.weights"  # in a graph's metadata: "float16" where weights are stored so
MAX_TEXT = 1 << 18
MAX_NUMBER = 1 << 53
FILE = re.compile(r"(test/)?[A-Za-z0-9][A-Za-z0-9_.-]*")  # what a card.json may list: a name, or one in `test`


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
    training    {epochs, batch_size, learning_rate, optimiser, initialisation, seed, precision, needs, state}; needs:
                {recipe whose classifier or decoder was used: sha256 of its weights}
    metrics     {mse, psnr, ssim, bce, …} on the test split;  baselines  {name: the same}
    tools       {package: version}
    choices     what the sheet leaves open and we chose, in sentences
    published   {metric: the sheet's own figure}
    layers      [{type, shape, parameters, frozen}], see zoo/layers.py; empty in older cards
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
    layers: list[dict[str, Any]] = field(default_factory=list)

    def to_json(self) -> str:
        """Return the card as the text that goes into the metadata."""
        return dump({"format": FORMAT, **asdict(self)})

    def to_file(self, files: Mapping[str, tuple[str, int]]) -> bytes:
        """Return card.json: the card plus sha256 and bytes of each file; `files` maps names to the two."""
        listing = {name: {"sha256": sha256, "bytes": size} for name, (sha256, size) in files.items()}
        return (dump({"format": FORMAT, **asdict(self), "files": listing}) + "\n").encode()


def dump(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def from_metadata(metadata: Mapping[str, str], *, source: str = "") -> Card | None:
    """Return the card in a graph's metadata, or None for a graph that aezoo did not write. Raises FileRefused."""
    text = metadata.get(METADATA_KEY)
    return None if text is None else from_json(text, source=source)


def from_json(text: str, *, source: str = "") -> Card:
    """Parse a card; `files` of a card.json is passed over. Raises FileRefused for anything else than a card."""
    whose = f"{source}: its card" if source else "its card"
    try:
        value = _parse(text) if len(text) <= MAX_TEXT else None
        dump(value).encode()  # half a surrogate pair cannot be written again
    except (ValueError, RecursionError) as error:
        raise FileRefused(f"{whose} is not JSON with plain numbers; export the run again") from error
    if not isinstance(value, dict) or not isinstance(value.get("format"), str):
        raise FileRefused(f"{whose} is not a card of aezoo; export the run again")
    if value["format"] != FORMAT:
        raise FileRefused(f"{whose} has format {value['format'][:40]!r}, this program reads {FORMAT!r}: update aezoo")
    chosen, kinds = {}, {"str": str, "int": int, "dict": dict, "list": list}
    value.setdefault("layers", [])  # older than they are
    for each in fields(Card):
        kind = kinds[str(each.type).split("[")[0]]
        if not isinstance(value.get(each.name), kind):
            raise FileRefused(f"{whose} has no proper {each.name!r}; export the run again")
        chosen[each.name] = value[each.name]
    for name, sound in _SOUND.items():
        if not sound(chosen[name]):
            raise FileRefused(f"{whose} has no proper {name!r}; export the run again")
    return Card(**chosen)


def _parse(text: str) -> Any:
    return json.loads(text, parse_int=_number, parse_float=_number, parse_constant=_number)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _are_numbers(value: dict[str, Any]) -> bool:
    return all(map(_is_number, value.values()))


def _are(value: object, kind: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, kind) for each in value)


def _is_port(port: Any) -> bool:
    if not isinstance(port, dict):
        return False
    low_high = port.get("range", [0, 1])
    return (
        _are([port.get("name"), port.get("kind", "")], str)
        and _are(port.get("shape", []), int | str)
        and _are(port.get("classes", []), str)
        and isinstance(low_high, list)
        and len(low_high) == 2
        and all(map(_is_number, low_high))
    )


_SOUND: dict[str, Callable[[Any], bool]] = {
    "inputs": lambda value: all(map(_is_port, value)),
    "outputs": lambda value: all(map(_is_port, value)),
    "metrics": _are_numbers,
    "published": _are_numbers,
    "baselines": lambda value: all(isinstance(each, dict) and _are_numbers(each) for each in value.values()),
    "choices": lambda value: _are(value, str),
    "layers": lambda value: _are(value, dict),
    "tools": lambda value: _are([*value.values()], str),
}


def _number(text: str) -> int | float:
    """Read a number that a program may reckon with; 10**400 and 1e999 are none."""
    value = float(text)
    if abs(value) > MAX_NUMBER:
        raise ValueError(text[:20])
    return value if any(mark in text for mark in ".eE") else int(text)


def files_of(text: str) -> dict[str, tuple[str, int]]:
    """Return {file name: (sha256, bytes)} of a card.json; empty where it lists none."""
    try:
        listing = _parse(text).get("files", {})
        return {str(name): (str(entry["sha256"]), int(entry["bytes"])) for name, entry in listing.items()}
    except (ValueError, AttributeError, KeyError, TypeError, RecursionError) as error:
        raise FileRefused("card.json does not list its files properly; export the run again") from error
