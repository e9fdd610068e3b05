"""Weights that lie in files beside a graph, as PyTorch's exporter writes them: which files, and putting them inside."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from zoo.errors import FileRefused
from zoo.graph_facts import tensors_of

if TYPE_CHECKING:
    import onnx

_LOCATION = re.compile(rb"\x0a\x08location\x12([\x01-\x7f])")  # how a tensor in another file says which


def weight_files(data: bytes) -> tuple[str, ...]:
    """Return the names of the files beside a graph in which it says that its weights are; no path leads elsewhere."""
    found = (data[each.end() : each.end() + each[1][0]] for each in _LOCATION.finditer(data))
    names = dict.fromkeys(name.decode(errors="replace") for name in found)
    return tuple(
        name for name in names if name == os.path.basename(name) and name not in ("", ".", "..") and "\\" not in name
    )


def join_weights(model: onnx.ModelProto, weights: Mapping[str, bytes]) -> bool:
    """Put the weights that lie in other files into the graph; return whether there were any."""
    import onnx

    joined = False
    for tensor in tensors_of(model):
        if tensor.data_location != onnx.TensorProto.EXTERNAL and not tensor.external_data:
            continue
        entries = {entry.key: entry.value for entry in tensor.external_data}
        name, what = str(entries.get("location", "")), f"its tensor {tensor.name[:60]!r}"
        if name not in weights:
            raise FileRefused(
                f"{what} lies in another file, {name[:60]!r}; expected it beside the graph, as a file of its own and "
                "no link: copy it there, or save the graph with its weights inside"
            )
        try:
            start = int(entries.get("offset") or 0)
            end = start + int(entries["length"]) if entries.get("length") else len(weights[name])
        except ValueError as error:
            raise FileRefused(f"{what} does not say where in {name[:60]!r} it lies") from error
        if not 0 <= start <= end <= len(weights[name]):
            raise FileRefused(f"{what} lies beyond the end of {name[:60]!r}; copy that file again")
        tensor.raw_data = weights[name][start:end]
        tensor.ClearField("external_data")
        tensor.ClearField("data_location")
        joined = True
    return joined
