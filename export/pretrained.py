"""Builds `zoo/pretrained` from a folder of runs: `make pretrained RUNS=DIR`; the same runs give the same bytes.

Without a folder it only writes the cards and histories anew, with what recipes say of their networks and the optimiser,
and thinned again; the graphs stay as they are, byte for byte.

Of a run is kept what is looked at: the model graph (encoder and decoder are cut out of it), of more than 1 MB with
float16 weights where they keep its digits, of more than 8 MB always; a thinned history; two images with what torch
computes for them. CIFAR-10 states no licence, so none of its pixels are shipped: its models show the embedded
photographs.
"""

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from export.publish import export
from export.published import listing
from export.trained import Trained, load_trained, one_thread
from zoo import card, pretrained, registry, runs, studies
from zoo.data import sets
from zoo.data.fit import luma
from zoo.errors import CheckFailed
from zoo.layers import layers_of_recipe
from zoo.ownership import CARD
from zoo.recipe import OPTIMISER, Recipe
from zoo.runs import FP16_MODEL, History, RunFolder, atomic_write, find_runs, pack_history
from zoo.variants import MARK

PICTURED_EPOCHS = 10
STEP_POINTS = 250
FP16_FROM, FP16_ALWAYS = 1 << 20, 8 << 20  # bytes of model.onnx


def main() -> None:
    if not sys.argv[1:]:
        for run in find_runs(pretrained.FOLDER):
            for file, data in described(run).items():
                atomic_write(run.path / file, data)
        return
    root = Path(sys.argv[1])
    for path in sorted(root.glob(f"*/{studies.NAME}")):
        atomic_write(pretrained.FOLDER / path.relative_to(root), path.read_bytes())
    for run in find_runs(root):
        name = run.path.relative_to(root).as_posix()
        if MARK in name or name.startswith("plus/"):
            continue  # kept as numbers, in a study
        history = run.read_history()
        if history.meta["state"] == "training":
            print(f"{name}: still in training, left out")
            continue
        files = files_of(registry.load(name), run, history)
        for file, data in files.items():
            atomic_write(pretrained.FOLDER / name / file, data)
        print(f"{name}: {sum(map(len, files.values())):,} bytes, history {len(files['history.h5']):,}")


def described(run: RunFolder) -> dict[str, bytes]:
    """Return history.h5 and card.json of a pretrained model with its optimiser, initial weights and layers."""
    recipe = registry.load(run.path.relative_to(pretrained.FOLDER).as_posix())
    history, text = run.read_history(), run.card.read_text("utf-8")
    facts = {"optimiser": OPTIMISER, "initialisation": recipe.network.initialisation}
    layers = layers_of_recipe(recipe)
    meta = {**history.meta, **facts, "layers": layers}
    data = pack_history(thinned(replace(history, meta=meta)), level=9)
    own = card.from_json(text, source=str(run.card))
    own = replace(own, training={**own.training, **facts}, layers=layers)
    listed = {**card.files_of(text), **listing({"history.h5": data})}
    return {"history.h5": data, CARD: own.to_file(listed)}


@one_thread()
def files_of(recipe: Recipe, run: RunFolder, history: History) -> dict[str, bytes]:
    """Return the files of a pretrained model by name."""
    trained = load_trained(recipe, run, epochs=history.epochs)
    kept = thinned(history)
    if recipe.data.name == "cifar10":
        kept = with_photographs(kept, trained)
    done = export(trained, run, kept, fp16=True)
    model, vectors = done.files["model.onnx"], done.vectors
    if len(model) > FP16_ALWAYS and done.refused:
        raise CheckFailed(f"{recipe.name} loses too much with float16 weights: {done.refused}")
    if len(model) > FP16_FROM and not done.refused:
        model = done.files[FP16_MODEL]
        vectors = replace(vectors, graphs=_of_fp16(vectors.graphs))
    files = {"model.onnx": model, "history.h5": pack_history(kept, level=9), **vectors.as_files()}
    return {**files, CARD: done.card.to_file(listing(files))}


def _of_fp16(graphs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the tolerances of vectors where model.onnx has float16 weights, and what is cut out of it too."""
    port, outputs = graphs[FP16_MODEL]
    halves = {
        name: (port, {output: outputs.get(output, most) for output, most in those.items()})
        for name, (port, those) in graphs.items()
        if name != FP16_MODEL
    }
    return {**halves, "model.onnx": (port, outputs)}


def thinned(history: History) -> History:
    """Keep the pictures of at most 10 epochs, evenly in log time, and at most 250 means of the steps' losses."""
    arrays, meta = dict(history.arrays), dict(history.meta)
    pictures = arrays.get(runs.EPOCH_RECONSTRUCTIONS)
    if pictures is not None:
        epochs = np.array(meta.get(runs.PICTURED_EPOCHS) or range(1, len(pictures) + 1))
        wanted = np.geomspace(1, epochs[-1], PICTURED_EPOCHS).round()
        chosen = np.unique(np.abs(epochs - wanted[:, None]).argmin(axis=1))
        arrays[runs.EPOCH_RECONSTRUCTIONS] = pictures[chosen]
        meta[runs.PICTURED_EPOCHS] = epochs[chosen].tolist()
    return with_fewer_steps(History(meta, arrays))


def with_fewer_steps(history: History) -> History:
    """Keep at most 250 means of the steps' losses."""
    losses = history.arrays[runs.STEP_LOSS]
    if len(losses) <= STEP_POINTS:
        return history
    parts = np.array_split(losses, STEP_POINTS)
    means = np.array([part.mean(dtype=np.float64) for part in parts], losses.dtype)
    return History(history.meta, {**history.arrays, runs.STEP_LOSS: means})


def with_photographs(history: History, trained: Trained) -> History:
    """Show what the network makes of embedded photographs, instead of pictures of its own data set."""
    photographs = sets.load(trained.recipe.data.name, "test", sets.SAMPLE)
    targets = photographs.pixels[: runs.SAMPLES]
    inputs = targets
    if trained.recipe.task.input == "grey":
        inputs = np.round(luma(targets.transpose(0, 2, 3, 1))).astype(np.uint8)[:, None]
    made = trained.compute("model", inputs.astype(np.float32) / 255)["reconstruction"]
    arrays = {
        **history.arrays,
        runs.SAMPLE_INPUTS: inputs,
        runs.SAMPLE_TARGETS: targets,
        runs.SAMPLE_RECONSTRUCTIONS: np.round(made.clip(0, 1) * 255).astype(np.uint8),
    }
    del arrays[runs.EPOCH_RECONSTRUCTIONS]
    meta = {key: value for key, value in history.meta.items() if key != runs.PICTURED_EPOCHS}
    return History({**meta, runs.SAMPLES_PROVENANCE: photographs.provenance}, arrays)


if __name__ == "__main__":
    main()
