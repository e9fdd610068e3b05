"""The source of networks, losses and what they are given, as text that stands without aezoo: for the sheets' notebooks.

A definition is taken as it stands in its file, with its comments. What names our modules or our registry is taken out:
`blocks.conv_relu` becomes `conv_relu`, `base = Network(lambda: …, "…")` a function. Nothing here loads torch.
"""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

ZOO = Path(__file__).parent
SHARED = ("blocks", "data/images", "inputs", "objectives", "layers", "data/comnist")  # files of zoo/
_OURS = ("zoo", "train", "export", "viewer")


@dataclass(frozen=True)
class Definition:
    """A function, class or constant of a module: its names, its text, and the names that it reads."""

    names: tuple[str, ...]
    text: str
    reads: frozenset[str]
    is_constant: bool = False


@dataclass(frozen=True)
class Source:
    """The definitions of some files in their order, and the imports by the names that they bind."""

    definitions: tuple[Definition, ...]
    imports: Mapping[str, str]

    @classmethod
    def of(cls, paths: Iterable[Path]) -> Source:
        """Read files; each must define names of its own."""
        definitions: list[Definition] = []
        imports: dict[str, str] = {}
        for path in paths:
            text = path.read_text(encoding="utf-8")
            for node in ast.parse(text).body:
                imports |= dict(_imports(node))
                found = _definition(node, text.splitlines())
                definitions += [found] if found else []
        return cls(tuple(definitions), imports)

    def needed(self, names: Iterable[str], known: Iterable[Definition] = ()) -> list[Definition]:
        """Return the definitions of some names and of all that they read, in their order, save those known already."""
        by_name = {name: definition for definition in self.definitions for name in definition.names}
        wanted: set[Definition] = set()
        open_names = [name for name in names if name in by_name]
        while open_names:
            definition = by_name[open_names.pop()]
            if definition not in wanted:
                wanted.add(definition)
                open_names += [name for name in definition.reads if name in by_name]
        return [each for each in self.definitions if each in wanted and each not in set(known)]

    def imports_of(self, definitions: Sequence[Definition], more: Iterable[str] = ()) -> list[str]:
        """Return the import statements that some definitions need, and those of more names, sorted."""
        own = {name for each in definitions for name in each.names}
        read = set(more).union(*(each.reads for each in definitions)) - own
        return _joined({name: self.imports[name] for name in read if name in self.imports})


def _joined(imports: Mapping[str, str]) -> list[str]:
    """Return statements by the names they bind as lines, `from` imports of one module together."""
    plain = sorted({text for text in imports.values() if text.startswith("import ")})
    by_module: dict[str, set[str]] = {}
    for text in imports.values():
        if match := re.fullmatch(r"from (\S+) import (.+)", text):
            by_module.setdefault(match[1], set()).add(match[2])
    return plain + [f"from {module} import {', '.join(sorted(names))}" for module, names in sorted(by_module.items())]


def _imports(node: ast.stmt) -> Iterator[tuple[str, str]]:
    """Yield the names that an import binds, each with the statement for it alone; none of our own modules'."""
    for each in node.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING" else [node]:
        module = each.module or "" if isinstance(each, ast.ImportFrom) else ""
        if isinstance(each, ast.Import | ast.ImportFrom) and module.split(".")[0] not in (*_OURS, "__future__"):
            for alias in each.names:
                text = f"{alias.name} as {alias.asname}" if alias.asname else alias.name
                statement = f"from {module} import {text}" if module else f"import {text}"
                yield alias.asname or alias.name.split(".")[0], statement
        elif module == "zoo.lazy":
            yield "nn", "from torch import nn"


def _definition(node: ast.stmt, lines: Sequence[str]) -> Definition | None:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return Definition((node.name,), _function(node, lines), _reads(node))
    if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
        return None
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    names = tuple(name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name))
    built = _network(node.value)
    if built is None:
        text = _text(node, node.lineno, lines)
        return Definition(names, text, _reads(node), is_constant=True)
    build, summary = built
    text = f'def {names[0]}():\n    """{summary}"""\n    return {_without_ours(ast.unparse(build))}'
    return Definition(names, text, _reads(build))


def _function(node: ast.FunctionDef | ast.ClassDef, lines: Sequence[str]) -> str:
    """Return a function or class; of its decorators `@network(…)` alone, which is ours, is left out."""
    decorators = [each for each in node.decorator_list if not ast.unparse(each).startswith("network(")]
    first = min([each.lineno for each in decorators], default=node.lineno)
    return _text(node, first, lines)


def _text(node: ast.stmt, first: int, lines: Sequence[str]) -> str:
    """Return a definition from its first line on, with the comments that stand right above it."""
    above = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", []))])
    comments: list[str] = []
    while above >= 2 and lines[above - 2].startswith("#") and not lines[above - 2].startswith("# ---"):
        above -= 1
        comments.insert(0, lines[above - 1])
    assert node.end_lineno is not None
    last = lines[node.end_lineno - 1]
    return _without_ours("\n".join([*comments, *lines[first - 1 : node.end_lineno - 1], last]))


def _without_ours(text: str) -> str:
    return re.sub(r"\bblocks\.", "", text)


def _network(value: ast.expr) -> tuple[ast.expr, str] | None:
    """Return what `Network(lambda: …, "summary", …)` builds and its summary; None for any other value."""
    if isinstance(value, ast.Call) and ast.unparse(value.func) == "Network" and isinstance(value.args[0], ast.Lambda):
        assert isinstance(value.args[1], ast.Constant), ast.unparse(value)
        return value.args[0].body, str(value.args[1].value)
    return None


def _reads(node: ast.AST) -> frozenset[str]:
    """Return every name that a definition reads, those behind `blocks.` too."""
    skipped = {
        id(inner)
        for each in getattr(node, "decorator_list", [])
        if ast.unparse(each).startswith("network(")
        for inner in ast.walk(each)
    }
    inner = [each for each in ast.walk(node) if id(each) not in skipped]
    names = {each.id for each in inner if isinstance(each, ast.Name)}
    ours = {each.attr for each in inner if isinstance(each, ast.Attribute) and ast.unparse(each.value) == "blocks"}
    return frozenset((names | ours) - {"blocks"})


def paths_of(assignment: str) -> list[Path]:
    """Return the files that an assignment's networks, their losses and what they are given are written in."""
    return [*(ZOO / f"{name}.py" for name in SHARED), ZOO / "assignments" / f"{assignment}.py"]


@dataclass(frozen=True)
class TrainingCode:
    """What the code of a recipe's training names: functions by their names, and settings.

    network, objective      names of functions in the source
    settings                those of the recipe's data and schedule that are not their defaults
    """

    name: str
    network: str
    objective: str
    summary: str
    settings: Mapping[str, Any]
    needs: tuple[str, ...] = ()


@cache
def training_code(assignment: str) -> dict[str, TrainingCode]:
    """Return the code of every recipe of an assignment by the recipe's name."""
    registry = importlib.import_module("zoo.registry")  # which the viewer, that reads this module, never loads
    recipes: Mapping[str, Any] = registry.recipes()
    module = importlib.import_module(f"zoo.assignments.{assignment}")
    builders = {name: getattr(value, "build", None) for name, value in vars(module).items()}
    return {
        name: _training_code(recipe, network)
        for name, recipe in recipes.items()
        if recipe.assignment == assignment
        for network, build in builders.items()
        if build is recipe.network.build  # which another's recipe of that name is not
    }


def _training_code(recipe: Any, network: str) -> TrainingCode:
    data, schedule, selection = recipe.data, recipe.schedule, recipe.data.selection
    settings = {
        "data": data.name,
        "split": data.split,
        "label": selection.label if selection else None,
        "count": selection.count if selection else None,
        "noise": data.noise,
        "noise_class": data.noise_class,
        "augment": data.augment,
        "targets": data.targets,
        "target_letters": data.target_letters,
        "input": recipe.task.input,
        "epochs": schedule.epochs,
        "batch_size": schedule.batch_size,
        "learning_rate": schedule.learning_rate,
        "steps": schedule.steps,
        "teacher": recipe.needs.teacher,
        "parent": recipe.needs.parent,
    }
    objective = recipe.objective.replace("-", "_")
    return TrainingCode(recipe.name, network, objective, recipe.network.summary, settings, tuple(recipe.needs))
