"""`aezoo run`: the user's own pictures through a model."""

from __future__ import annotations

import io
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from zoo import pretrained
from zoo.cli import RUNS_DEFAULT, Json, Runs, complete_runs, new_app, plain, print_json, say
from zoo.data import fit, pictures
from zoo.errors import DataError, UsageError
from zoo.image_ports import PIXELS, UNIT, InputChoice
from zoo.runs import RunFolder, atomic_write

if TYPE_CHECKING:
    from export.graph import Array, Graph

app = new_app("Put pictures through a model, and write what it makes of them.")

LIKELIEST = 3
LARGEST = 5

ModelName = Annotated[
    str,
    typer.Argument(
        metavar="MODEL", help="A run, a pretrained model, a bundle or an .onnx file.", autocompletion=complete_runs
    ),
]
Pictures = Annotated[list[Path], typer.Argument(metavar="PICTURE…", help="Picture files, or folders of them.")]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="DIR", file_okay=False, help="Where pictures are written.")
]
Noise = Annotated[
    float, typer.Option("--noise", min=0, metavar="σ", help="Standard deviation of noise to add first, of [0, 1].")
]
Invert = Annotated[bool, typer.Option("--invert", help="Take dark for light first: ink on paper for MNIST's digits.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Write over pictures that are there.")]
Pixels = Annotated[
    str, typer.Option("--pixels", metavar="RANGE", help=f"What somebody's graph takes: {', '.join(PIXELS)}.")
]


@dataclass
class Answer:
    """What a model made of one picture: the files written, and figures beside the picture that was wanted."""

    picture: str
    fitted: str
    output: str | None = None
    noisy: str | None = None
    mse: float | None = None
    psnr: float | None = None
    classes: dict[str, float] = field(default_factory=dict)
    largest: dict[str, float] = field(default_factory=dict)  # of a row of values that nobody says is of classes

    def as_text(self) -> str:
        parts = [self.picture]
        if self.classes:
            parts.append(", ".join(f"{name} {share:.1%}".replace("%", " %") for name, share in self.classes.items()))
        if self.largest:
            parts.append(", ".join(f"value {place} {value:.4g}" for place, value in self.largest.items()))
        if self.mse is not None:
            parts.append(f"mse {self.mse:.3g}, psnr {self.psnr:.1f} dB" if self.mse else "mse 0, no difference")
        parts += [f"wrote {self.output}"] if self.output else []
        return "  ".join([*parts, f"({self.fitted})"])


@app.command()
def main(
    model: ModelName,
    files: Pictures,
    output: Output = None,
    noise: Noise = 0.0,
    invert: Invert = False,
    pixels: Pixels = UNIT,
    runs: Runs = RUNS_DEFAULT,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Reconstruct, denoise, colour or name pictures: `aezoo run purdue/denoise digit.png -o out --noise 0.3`."""
    graph, title = _open(model, runs, InputChoice(pixels))
    if graph.card is not None and graph.card.task == "recall":
        raise UsageError(f"{title} takes a class and no picture; look at it with `aezoo view`")
    makes_pictures = _picture_output(graph) is not None
    if makes_pictures and output is None:
        raise UsageError(f"{title} makes pictures; name the folder that they go to with -o DIR")
    if not as_json:
        print(plain(f"{title}: {_does(graph)}"))
    paths, answers, failed, names = list(pictures.listed(files)), [], 0, _Names(output, overwrite)
    random = np.random.default_rng(0)
    for path in paths:
        try:
            picture = pictures.read(path)
            graph = graph.at_size(*picture.shape[:2])
            answers.append(_answer(graph, path, 1 - picture if invert else picture, noise, random, names))
        except DataError as error:
            say(str(error))
            failed += 1
            continue
        if not as_json:
            print(plain(answers[-1].as_text()))
    if as_json:
        print_json([asdict(answer) for answer in answers])
    sys.exit(1 if failed else 0)


def _open(model: str, runs: Path, choice: InputChoice) -> tuple[Graph, str]:
    """Return the model graph that is named, and what it is called."""
    from export.graph import Graph
    from zoo import targets

    target = targets.one(model, runs)
    if isinstance(target, Path):
        return Graph.read(target, choice=choice), str(target)
    if pretrained.holds(target.path):
        return Graph(pretrained.read_model(target), str(target.graph("model"))), pretrained.title(target.path)
    return Graph.read(target.graph("model")), _name_of(target, runs)


def _name_of(run: RunFolder, runs: Path) -> str:
    return f"{run.path.relative_to(runs)} (in {runs})" if run.path.is_relative_to(runs) else str(run.path)


def _does(graph: Graph) -> str:
    from zoo import tasks

    facts = graph.facts
    if graph.card is not None and (does := tasks.does(graph.card.task)):
        return does
    if facts.takes_any_size:  # the first note says the size that was chosen, and each picture is given its own
        return "; ".join(["takes images of any size", *facts.notes[1:]])
    return "; ".join([f"takes {'×'.join(map(str, facts.image_shape or graph.input.shape))}", *facts.notes])


def _picture_output(graph: Graph) -> str | None:
    """Return the output that holds pictures: 'reconstruction', or the first with 1 or 3 channels; None for none."""
    from export.graph import RECONSTRUCTION

    fitting = [port.name for port in graph.facts.outputs if len(port.shape) == 4 and port.shape[1] in (1, 3)]
    return RECONSTRUCTION if RECONSTRUCTION in fitting else next(iter(fitting), None)


def _answer(
    graph: Graph, path: Path, picture: Array, noise: float, random: np.random.Generator, names: _Names
) -> Answer:
    """Put one picture through the graph, write what it makes, and compare it with the picture."""
    shape = graph.facts.image_shape
    if shape is None:
        raise UsageError(f"{graph.source} takes {graph.input.shape}, which is no batch of grey or colour images")
    image, fitted = fit.fit_to_shape(picture, shape)
    answer, clean = Answer(str(path), fitted), image
    if noise:
        image = (image + noise * random.standard_normal(image.shape)).clip(0, 1).astype(np.float32)
        answer.noisy = names.write(path, image, "-noisy")
    outputs, name = graph(image[None]), _picture_output(graph)
    if name is not None:
        made = outputs[name][0].clip(0, 1)
        if made.shape[1:] == image.shape[1:] and (graph.card is None or graph.card.task != "translate"):
            wanted = clean if len(made) == len(clean) else fit.fit_to_shape(picture, made.shape)[0]
            answer.mse = float(np.mean((made - wanted) ** 2, dtype=np.float64))
            answer.psnr = float(-10 * np.log10(answer.mse)) if answer.mse else None
        answer.output = names.write(path, made, "")
    else:
        answer.classes = _likeliest(graph, outputs) if graph.card else {}
        answer.largest = {} if graph.card else _largest(next(iter(outputs.values()))[0])
    return answer


def _largest(values: Array) -> dict[str, float]:
    """Return the largest values of a row, by their place in it."""
    row = values.ravel().astype(np.float64)
    return {str(place): float(row[place]) for place in np.argsort(-row, kind="stable")[:LARGEST]}


def _likeliest(graph: Graph, outputs: dict[str, Array]) -> dict[str, float]:
    """Return the classes with the largest logits, and the share that softmax gives each."""
    from export.graph import LOGITS

    logits = outputs[LOGITS if LOGITS in outputs else next(iter(outputs))][0].ravel().astype(np.float64)
    shares = np.exp(logits - logits.max())
    shares /= shares.sum()
    port = next((port for port in graph.card.outputs if port.get("classes")), {}) if graph.card else {}
    names = port.get("classes") or [str(number) for number in range(len(shares))]
    return {names[index]: float(shares[index]) for index in np.argsort(-shares, kind="stable")[:LIKELIEST]}


class _Names:
    """Writes PNG files of the pictures' names into a folder, no two alike, none over a file that is there."""

    def __init__(self, folder: Path | None, overwrite: bool) -> None:
        self.folder, self.overwrite = folder, overwrite
        self.taken: set[Path] = set()

    def write(self, source: Path, image: Array, mark: str) -> str | None:
        """Write an image, float32 (C, H, W) in [0, 1]; return where, None without a folder. Raises WriteError."""
        if self.folder is None:
            return None
        from PIL import Image

        path, number = self.folder / f"{source.stem}{mark}.png", 2
        while path in self.taken:
            path, number = self.folder / f"{source.stem}{mark}-{number}.png", number + 1
        self.taken.add(path)
        if path.exists() and (not self.overwrite or path.resolve() == source.resolve()):
            raise UsageError(f"{path} is there already; name another folder with -o DIR, or add --overwrite")
        values = np.round(image * 255).astype(np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(values[0] if len(values) == 1 else values.transpose(1, 2, 0)).save(buffer, "PNG")
        atomic_write(path, buffer.getvalue())
        return str(path)
