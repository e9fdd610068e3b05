"""What the modules of export import: nothing in a circle, and torch only where there is a network."""

from __future__ import annotations

import ast
import graphlib
import subprocess
import sys
from pathlib import Path

import pytest

from zoo.runs import RunFolder

ROOT = Path(__file__).parents[2]
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in (ROOT / "export").rglob("*.py")
    if "kit" not in path.parts
}


def imported_by(path: Path) -> set[str]:
    """Every module of export that a file imports, also inside functions and for types only."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return names & MODULES.keys() - {"export"}


def test_no_import_goes_in_a_circle() -> None:
    graph = {name: imported_by(path) for name, path in MODULES.items()}
    assert sum(map(len, graph.values())) > 30
    order = list(graphlib.TopologicalSorter(graph).static_order())  # raises CycleError
    assert order.index("export.report") < order.index("export.publish") < order.index("export.bundle")


WITHOUT_TORCH = """
import sys
from zoo.cli import main
sys.argv[1:] = {words!r}
try:
    main()
finally:
    assert "torch" not in sys.modules, "torch was loaded"
"""


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["card", "MODEL"], 0),
        (["verify", "ENCODER"], 0),
        (["card", "--help"], 0),
        (["verify", "--help"], 0),
        (["export", "--help"], 0),
        (["export", "--kit", "purdue/conv"], 2),
        (["verify", "--runtimes", "openvino", "MODEL"], 2),
        (["verify", "no/such/file.onnx"], 2),
        (["card", "--nonsense"], 2),
    ],
)
def test_what_needs_no_network_loads_no_torch(words: list[str], code: int, conv_run: RunFolder) -> None:
    paths = {"MODEL": str(conv_run.graph("model")), "ENCODER": str(conv_run.graph("encoder"))}
    script = WITHOUT_TORCH.format(words=[paths.get(word, word) for word in words])
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == code, done.stderr
    assert "torch was loaded" not in done.stderr
