"""What an export made, as a value; torch is not needed for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from export import vectors
from export.graph import BOTTLENECK, Graph
from export.report import check_as_json
from export.vectors import Vectors
from export.verify import Check
from zoo import card, gate, pretrained
from zoo.card import Card
from zoo.errors import CheckFailed
from zoo.graphs import halves
from zoo.ownership import CARD, sha256_of
from zoo.runs import RunFolder


@dataclass(frozen=True)
class Published:
    """What an export wrote, and the checks that it passed.

    refused     the checks of an fp16 graph that was not written, since one of them failed
    """

    name: str
    run: RunFolder
    files: dict[str, bytes]
    checks: list[Check]
    card: Card
    vectors: Vectors
    refused: list[Check]

    @property
    def sizes(self) -> dict[str, int]:
        return {name: len(data) for name, data in self.files.items()}

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "files": {name: {"path": str(self.run.path / name), "bytes": size} for name, size in self.sizes.items()},
            "checks": [check_as_json(check) for check in self.checks],
            "refused": [check_as_json(check) for check in self.refused],
        }


def listing(files: Mapping[str, bytes]) -> dict[str, tuple[str, int]]:
    """Return {name: (sha256, bytes)} for a card.json."""
    return {name: (sha256_of(data), len(data)) for name, data in files.items()}


def of_vectors(name: str, run: RunFolder) -> Published:
    """Return a run that comes with test vectors as if it had just been exported, its halves cut out and all checked.

    Raises FileRefused where a file was changed since, CheckFailed where a graph does not compute what torch computed.
    """
    text = gate.read_bytes(run.card, limit=card.MAX_TEXT).decode(errors="replace")
    own = card.from_json(text, source=str(run.card))
    data = pretrained.read_model(run)
    model = Graph(data, "model.onnx")
    cut = halves(data, source=name) if BOTTLENECK in model.outputs else {}
    graphs = {"model.onnx": model, **{name: Graph(half, name) for name, half in cut.items()}}
    proofs = vectors.read(run.path)
    checks = vectors.check(proofs, graphs)
    if not all(check.passed for check in checks):
        raise CheckFailed(f"{name} does not compute here what torch computed: see `aezoo verify {name}`")
    files = {name: graph.data for name, graph in graphs.items()}
    files[CARD] = own.to_file(listing(files))
    return Published(name, run, files, checks, own, proofs, [])
