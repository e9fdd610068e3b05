"""Autoencoders of university courses: recipes, pretrained models, data, the run format, and the `aezoo` command.

    import zoo

    model = zoo.load("purdue/conv")                         # a run, a bundle, a file or a pretrained model; no torch
    reconstruction = model.reconstruct(images)              # see zoo.model.Model for what it can do
    network = zoo.network("purdue/conv", pretrained=True)   # the torch module; needs aezoo[train]
    run = zoo.train("purdue/conv", images=array, epochs=3)  # needs aezoo[train]

Importing this package loads neither torch nor onnx nor Qt: each function loads what it needs. What a caller can get
wrong raises a subclass of zoo.errors.AezooError, whose text is one sentence.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo import errors as errors

if TYPE_CHECKING:
    from zoo.blocks import Autoencoder, Classifier
    from zoo.model import Model

__version__ = "0.1.0"


def load(
    name: str | Path,
    *,
    runs: str | Path | None = None,
    pixels: str = "0..1",
    size: tuple[int, int] | None = None,
) -> Model:
    """Open a model to use: a recipe's run, a run folder, a bundle, an .onnx file or a pretrained model.

    name    'purdue/conv' is looked up in the runs folder, then among the pretrained models; a path is taken as it is
    runs    the runs folder; by default AEZOO_RUNS, or 'runs'. 'pretrained': the models that come with the package
    pixels  what somebody else's graph takes for black and white: '0..1', '0..255', '-1..1' or 'imagenet'; what goes in
            here is always in [0, 1]
    size    (H, W) of the images where the graph takes any; by default the first of 64, 224 and 28 that fits inside

    It runs in onnxruntime on the CPU. Raises UsageError for what is not there, FileRefused for a file that must not
    or cannot be run.
    """
    from zoo import model
    from zoo.image_ports import InputChoice

    return model.load(name, runs, InputChoice(pixels, size))


def list_models(pattern: str = "*", *, pretrained: bool = False) -> list[str]:
    """Return the names of recipes that fit a pattern ('*denoise*', an assignment, 'all'), in the zoo's order.

    pretrained  only those whose trained model comes with the package
    """
    from fnmatch import fnmatchcase

    from zoo import pretrained as shipped
    from zoo import registry
    from zoo.runs import RunFolder

    names = registry.names()
    if pretrained:
        names = tuple(name for name in names if RunFolder.of(shipped.FOLDER, name).is_run)
    return [name for name in names if fnmatchcase(name, pattern) or pattern in ("all", name.split("/")[0])]


def network(
    name: str | Path, *, pretrained: bool = False, runs: str | Path | None = None, seed: int | None = None
) -> Autoencoder | Classifier:
    """Return a network as a torch module: float32 images (B, C, H, W) in [0, 1] → zoo.blocks.Output.

    pretrained  with the weights of the model that `zoo.load(name)` opens; otherwise fresh ones. A path, of a run
                folder, a bundle or a file, always has its weights
    seed        of fresh weights; by default torch's own state

    With weights it is at rest, `eval()`, and computes what the graph computes; call `.train()` to train it further.
    From a run they are its newest checkpoint's. From a graph they are the graph's: batch normalisation, which the
    exporter folds into the layers before, is then an identity, and weights stored as float16 are float32 again.
    Raises UsageError where torch is missing or nothing has that name, RunError and FileRefused where no weights fit.
    """
    from zoo.cli import naming_what_is_missing
    from zoo.model import runs_folder

    with naming_what_is_missing("zoo.network"):
        from zoo import weights

        if pretrained or Path(name).expanduser().exists():
            return weights.trained(str(Path(name).expanduser()), runs_folder(runs))
        return weights.fresh(str(name), seed)


def train(
    name: str,
    *,
    images: Any = None,
    labels: Any = None,
    data: str | Path | None = None,
    epochs: int | None = None,
    seed: int = 0,
    runs: str | Path | None = None,
    device: str = "auto",
    precision: str = "auto",
    overwrite: bool = False,
    resume: bool = False,
    quiet: bool = False,
) -> Model:
    """Train a recipe, and first those that it needs; measure, export and verify it; return it as `zoo.load` does.

    name        a recipe, one with settings, 'purdue/conv@learning_rate=0.01,seed=3', or one of a file, 'mine.py:small'
    images      your own, instead of the recipe's data set: a path, as --images takes it, or images as
                `Model.reconstruct(fit=True)` takes them: uint8 or floats in [0, 1], an array or a list. They are
                cropped and scaled to the recipe's shape; 80 % are trained on, 10 % watched, 10 % tested.
                The run is called 'purdue/conv@images=array', or after the path
    labels      of a classifier's array of images, whole numbers (N,)
    data        the folder of the data sets, or 'sample', the embedded one; by default AEZOO_DATA, or else your cache
                folder, into which the set is fetched where it is not there yet
    epochs      by default the recipe's own
    runs        where its run goes; by default AEZOO_RUNS, or 'runs'
    device      'auto', 'cpu' or 'cuda';  precision  'auto', 'fp32' (repeatable bit for bit) or 'bf16'
    overwrite   begin anew where a run is there;  resume  go on with it. They are the command's --overwrite and --resume
    quiet       no progress on stderr

    Raises UsageError where torch is missing or a name or value is wrong, DataError for the data, RunError for a run
    that is there already, WriteError, CheckFailed where its loss is not finite, and Interrupted after Ctrl-C: every
    finished epoch is then saved.
    """
    import os

    from zoo.cli import naming_what_is_missing
    from zoo.model import runs_folder

    with naming_what_is_missing("zoo.train"):
        options, api = _room("train.options"), _room("train.api")
    chosen = options.Options(
        data=str(data) if data is not None else os.environ.get("AEZOO_DATA"),
        epochs=epochs,
        seed=seed,
        runs=runs_folder(runs),
        device=device,
        precision=precision,
        overwrite=overwrite,
        resume=resume,
        launcher=(),
        resumes_own=False,
    )
    return load(api.train(name, chosen, images=images, labels=labels, quiet=quiet))


def _room(name: str) -> Any:
    """Return a module of `train`, which is imported here alone. Raises UsageError where another `train` hides it."""
    import importlib
    from importlib.util import find_spec

    found, own = find_spec("train"), Path(__file__).parents[1] / "train" / "__init__.py"
    if found is None or found.origin is None or Path(found.origin).resolve() != own.resolve():
        hiding = found.origin if found is not None and found.origin else "nothing"
        raise errors.UsageError(
            f"'train' is {hiding} here, expected {own}: rename your own train.py, or start elsewhere"
        )
    return importlib.import_module(name)
