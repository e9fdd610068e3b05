"""From a report to cells, as values: nbformat is not needed here."""

from __future__ import annotations

import ast
import base64
import itertools
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from viewer.figures.theme import LIGHT
from viewer.report.document import Block, FigureBlock, Heading, Report, TableBlock, TextBlock
from viewer.report.notebook.training import DATA, PIECES, NetworkCode, text_of
from viewer.report.notes import embedded, standing
from viewer.report.painting import to_png
from viewer.report.pictures import quoted
from viewer.report.reader import Reader, ReportRun
from zoo.data import sample, sets
from zoo.source import Definition

_RUN = re.compile(r"runs(?:\[|\.get\()\"([^\"]+)\"")
_SPECIAL = re.compile(r"([\\*_\[\]<>$#|~])")
_COMMAND = re.compile("(`[^`]+`)")


@dataclass(frozen=True)
class NotebookCell:
    """Markdown with its pictures, or code."""

    text: str
    is_code: bool = False
    pictures: dict[str, str] = field(default_factory=dict)  # file name → PNG in base64


@dataclass(frozen=True)
class NotebookSettings:
    """Where a notebook finds runs and data, as it writes them, and the runs that it can read."""

    runs: str
    data: str
    seed: int
    readable: frozenset[str]


def settings_of(reader: Reader, runs: Path, data: str | None, folder: Path, assignment: str) -> NotebookSettings:
    """Return the settings of a notebook that lies in a folder."""
    there = [run for run in reader.known if run.is_there and run.name.startswith(f"{assignment}/")]
    is_sample = any(run.history.dataset.endswith(f"-{sets.SAMPLE}") for run in there)
    data = None if data == sets.SAMPLE else data  # runs on real data have nothing of the sample
    images = sample.FOLDER if is_sample else sets.folder_of(data)
    assert images is not None
    found = is_sample or data or (there and not isinstance(reader.images(there[0], "train"), str))
    seed = max((run.count("seed") for run in there), default=0)
    readable = frozenset(run.name for run in there if run.file and not run.graph_error and run.history.samples)
    return NotebookSettings(_from(folder, runs), _from(folder, images) if found else "data", seed, readable)


def _from(folder: Path, path: Path) -> str:
    """Return a path as it is written in a file of a folder: relative for what lies in it."""
    absolute = path.expanduser().absolute()
    return os.path.relpath(absolute, folder.absolute()) if absolute.is_relative_to(folder.absolute()) else str(absolute)


def cells_of(report: Report, reader: Reader, settings: NotebookSettings, author: str) -> list[NotebookCell]:
    """Return a report's cells: what must be known first, the set-up, and what the sheet asks for in its order."""
    code = NetworkCode(report.assignment)
    body = list(_body(report, code, settings))
    own = [run for run in reader.known if run.name.startswith(f"{report.assignment}/")]
    setup = _setup(code, settings, [cell.text for cell in body if cell.is_code])
    return _joined([_head(report, own, author), *setup, *body])


def _head(report: Report, runs: Sequence[ReportRun], author: str) -> NotebookCell:
    lines = [*(f"**{_prose(text)}**" for text in warnings(runs)), f"# {escaped(report.title)}"]
    lines += [escaped(author)] if author else []
    lines += [
        escaped(report.lead),
        "With `TRAIN = False` this notebook reads what `aezoo train` made of the networks below, with `TRAIN = True` "
        "it trains them by the loop that stands here. Answers and tables are of the runs' measured figures.",
    ]
    return NotebookCell("\n\n".join(lines))


def warnings(runs: Sequence[ReportRun]) -> list[str]:
    """Return what must be known before anything is believed, a sentence each."""
    found = [embedded(runs), *(each.text for each in standing(*runs) if isinstance(each, TextBlock))]
    absent = ", ".join(run.name for run in runs if run.is_absent)
    return [*filter(None, found), *([f"Not there when this was made: {absent}."] if absent else [])]


# ---- what the sheet asks for ---------------------------------------------------------------------------------


def _body(report: Report, code: NetworkCode, settings: NotebookSettings) -> Iterator[NotebookCell]:
    known: set[str] = set()
    defined: set[Definition] = set()
    for section in _sections(report.blocks):
        cells = [_cell(block, settings) for block in section]
        names = [name for name in code.with_needs(_named(code, section, cells)) if name not in known]
        opening = _opening(section)
        yield from cells[:opening]
        if names:
            yield from _training(code, names, defined, settings)
            known.update(names)
        yield from cells[opening:]


def _opening(section: Sequence[Block]) -> int:
    """Count a part's heading and the paragraphs below it: the sheet's words and our choices."""
    texts = (isinstance(block, TextBlock) and block.kind in ("quote", "plain") for block in section[1:])
    return 1 + sum(1 for _ in itertools.takewhile(bool, texts))


def _sections(blocks: Sequence[Block]) -> list[list[Block]]:
    """Return the blocks part by part, each with its heading first."""
    sections: list[list[Block]] = [[]]
    for block in blocks:
        if isinstance(block, Heading) and block.level == 2:
            sections.append([])
        sections[-1].append(block)
    return [section for section in sections if section]


def _named(code: NetworkCode, section: Sequence[Block], cells: Sequence[NotebookCell]) -> list[str]:
    """Return the recipes that a part names, in its code or in what it says."""
    texts = [cell.text for cell in cells] + [block.cell for block in section if isinstance(block, FigureBlock)]
    words = set(re.findall(rf"{code.assignment}/[a-z0-9.-]*[a-z0-9]", " ".join(texts).replace("\\", "")))
    return [name for name in code.recipes if name in words]


def _training(
    code: NetworkCode, names: Sequence[str], defined: set[Definition], settings: NotebookSettings
) -> Iterator[NotebookCell]:
    """The networks of a part that are not defined yet, and their training."""
    functions = [code.recipes[name].network for name in names]
    networks = [each for each in code.source.needed(functions, defined) if each in code.own]
    if networks:
        defined.update(networks)
        yield NotebookCell("The network:" if len(functions) == 1 else "The networks:")
        yield NotebookCell(text_of(networks), is_code=True)
    there = [code.learn(name) for name in names if name in settings.readable]
    absent = [code.learn(name) for name in names if name not in settings.readable]
    if there:
        yield NotebookCell("\n".join(there), is_code=True)
    if absent:
        body = "\n".join(f"    {line}" for line in "\n".join(absent).splitlines())
        yield NotebookCell(f"if TRAIN:  # could not be read when this notebook was made\n{body}", is_code=True)


def _cell(block: Block, settings: NotebookSettings) -> NotebookCell:
    if isinstance(block, Heading):
        return NotebookCell(f"{'#' * block.level} {escaped(block.text)}")
    if isinstance(block, TextBlock):
        text = _prose(block.text)
        return NotebookCell({"quote": f"> {text}", "note": f"*Note.* {text}"}.get(block.kind, text))
    if _can_run(block.cell, settings):
        return NotebookCell(block.cell, is_code=True)
    if isinstance(block, TableBlock):
        return NotebookCell(_table(block))
    file = f"{block.name}.png"
    png = base64.b64encode(to_png(block, LIGHT)).decode()
    return NotebookCell(f"![{escaped(block.caption)}](attachment:{file})", pictures={file: png})


def _can_run(code: str, settings: NotebookSettings) -> bool:
    return bool(code) and set(_RUN.findall(re.sub(r"runs\.get\([^)]*\)", "", code))) <= settings.readable


def _table(table: TableBlock) -> str:
    heading, *rows = [[escaped(cell) or " " for cell in row] for row in table.rows]
    rule = [":---" if index < table.text_columns else "---:" for index in range(len(heading))]
    lines = "\n".join(f"| {' | '.join(row)} |" for row in (heading, rule, *rows))
    return f"{_prose(table.caption)}\n\n{lines}"


def escaped(text: str) -> str:
    """Return text in which nothing is markdown."""
    return re.sub(r"\s+", " ", _SPECIAL.sub(r"\\\1", text)).replace("`", "\\`")


def _prose(text: str) -> str:
    """Return text in which commands alone are markdown."""
    parts = _COMMAND.split(text)
    return "".join(part if _COMMAND.fullmatch(part) else escaped(part) for part in parts)


def _joined(cells: Iterable[NotebookCell]) -> list[NotebookCell]:
    """Return cells with markdown that follows markdown in one."""
    joined: list[NotebookCell] = []
    for cell in cells:
        if joined and not cell.is_code and not joined[-1].is_code:
            last = joined.pop()
            cell = NotebookCell(f"{last.text}\n\n{cell.text}", pictures={**last.pictures, **cell.pictures})
        joined.append(cell)
    return joined


# ---- the set-up ----------------------------------------------------------------------------------------------


def _setup(code: NetworkCode, settings: NotebookSettings, cells: Sequence[str]) -> list[NotebookCell]:
    """Settings, imports, data, and all functions that the sheet's cells need."""
    source = code.source
    names = [name for name in code.recipes if any(f'"{name}"' in text for text in cells)]
    data = code.data(names)
    loading = "\n".join(f"{name} = {load} if TRAIN or DATA.is_dir() else None" for name, load in data.items())
    read = {"np", "plt", *_names([*cells, loading]), *(code.recipes[name].objective for name in names)}
    networks = [each for each in source.needed(code.recipes[name].network for name in names) if each in code.own]
    needed = source.needed([*read, *(name for each in networks for name in each.reads)])
    shared = [each for each in needed if each not in code.own]
    pieces = {title: code.pieces(path) for title, path in PIECES.items()}
    rest = frozenset(shared).difference(*pieces.values())
    imports = source.imports_of([*needed, *networks], read)
    files = "; ".join(dict.fromkeys(DATA[code.recipes[name].settings["data"]].files for name in names))
    found = [NotebookCell("## Set-up"), NotebookCell(_settings(settings, files), is_code=True)]
    found.append(NotebookCell("\n".join(["from __future__ import annotations", "", *imports]), is_code=True))
    for title, own in {"What networks are made of, and what they lose:": rest, **pieces}.items():
        definitions = [each for each in shared if each in own]
        if definitions:
            found += [NotebookCell(title), NotebookCell(text_of(definitions), is_code=True)]
    return [*found, NotebookCell(f"{loading}\nruns = {{}}", is_code=True)]


def _settings(settings: NotebookSettings, files: str) -> str:
    return f"""\
from pathlib import Path

TRAIN = False  # True: train every network here. False: read what was trained
RUNS = Path({quoted(settings.runs)})  # holds a folder for each network, with history.h5 and model.onnx
DATA = Path({quoted(settings.data)})  # holds {files}
EPOCHS = None  # a number: train every network so long, and not as long as its recipe says
SEED = {settings.seed}"""


def _names(cells: Iterable[str]) -> set[str]:
    return {node.id for text in cells for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}
