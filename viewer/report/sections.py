"""What each sheet asks for, built from its runs: sentences are worded from the numbers, never beside them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from viewer.figures import colours, curves
from viewer.figures.mosaic import MosaicFigure, Row, Scale
from viewer.figures.overlap import Case, OverlapFigure
from viewer.figures.plane import PlaneFigure
from viewer.figures.theme import LIGHT
from viewer.figures.trade_off import Point, TradeOffFigure, rank_correlation
from viewer.report.page import Picture, Section, Table
from viewer.report.reader import Reader, Run
from viewer.state import noise, numbers, tiles, words
from viewer.state.grids import PictureGrid
from zoo import transposed

RECONSTRUCTION = "reconstruction"
WIDE = (960, 0)


def of(assignment: str, reader: Reader) -> list[Section]:
    """Return the sections of an assignment's report."""
    sections = _SHEETS[assignment](reader)
    broken = Section("Files that could not be read", tuple(dict.fromkeys(reader.troubles)))
    return [broken, *sections] if broken.text else sections


# ---- pieces that several sheets share ------------------------------------------------------------------------


def _runs(reader: Reader, assignment: str, names: Iterable[str]) -> tuple[dict[str, Run], list[str]]:
    """Return the runs that are there, by their names in the assignment, and one sentence for those that are not."""
    found = {name: reader.run(f"{assignment}/{name}") for name in names}
    missing = [name for name, run in found.items() if run is None]
    line = " ".join(f"{assignment}/{name}" for name in missing)
    told = f"Not trained yet: {', '.join(missing)} (`aezoo train {line}`)." if missing else ""
    return {name: run for name, run in found.items() if run is not None}, [told] if told else []


def _data(runs: Iterable[Run]) -> list[str]:
    """Say on what the runs were trained, and how far those are that stand below."""
    runs = list(runs)
    short = [run for run in runs if run.history.state == "quick"]
    told = [f"Data: {_sources(runs)}."] if runs else []
    if short:
        told.append(f"Trained for a few steps only (--quick), so that the figures tell nothing: {_names(short)}.")
    return told


def _sources(runs: Iterable[Run]) -> str:
    return "; ".join(dict.fromkeys(run.history.provenance for run in runs))


def _names(runs: Iterable[Run]) -> str:
    return ", ".join(run.name for run in runs)


def _curves(name: str, runs: dict[str, Run], y_label: str, caption: str, *, log: bool = True) -> tuple[Picture, ...]:
    series = [
        (label, run.history.train_loss, run.history.val_loss) for label, run in runs.items() if run.history.epochs_done
    ]
    if not series:
        return ()
    figure = curves.of_runs(LIGHT, series, y_label=y_label, log=log)
    return (Picture(name, figure, (960, 420), caption, _sources(runs.values())),)


def _figures(runs: dict[str, Run], metrics: Sequence[str], rivals: Sequence[str]) -> Table:
    """One row a run: its metrics, those of its baselines, and how it was trained."""
    heading = ["run", *metrics, *(f"{rival} {metrics[0]}" for rival in rivals), "sheet", "epochs", "state"]
    rows = []
    for label, run in runs.items():
        told = run.history
        cells = [_cell(told.metrics.get(metric)) for metric in metrics]
        cells += [_cell(told.baselines.get(rival, {}).get(metrics[0])) for rival in rivals]
        rows.append((label, *cells, _cell(told.published.get(metrics[0])), str(told.epochs_done), told.state))
    return (tuple(heading), *rows)


def _cell(value: float | None) -> str:
    return words.MISSING if value is None else f"{value:.3g}"


def _rows(
    name: str,
    runs: Iterable[Run],
    rows: Sequence[tuple[str, np.ndarray]],
    caption: str,
    captions: Sequence[str] = (),
) -> Picture:
    """A mosaic of labelled rows of images, float32 (N, C, H, W) each, at twice their size."""
    size = max(images.shape[2:] for _, images in rows)
    pictures = tuple(Row(label, colours.fitted(colours.from_images(images), size)) for label, images in rows)
    figure = MosaicFigure(theme=LIGHT, rows=pictures, captions=tuple(captions))
    tall = 36 + len(rows) * (2 * size[0] + 6) + (24 if captions else 0)
    wide = 160 + len(rows[0][1]) * (2 * size[1] + 4)
    return Picture(name, figure, (wide, tall), caption, _sources(runs))


def _sample_rows(run: Run) -> list[tuple[str, np.ndarray]]:
    samples = run.history.samples
    if samples is None or samples.reconstructions is None:
        return []
    rows = [("input", samples.inputs), ("output", samples.reconstructions)]
    if not np.array_equal(samples.inputs, samples.targets):
        rows.append(("target", samples.targets))
    return rows


def _samples(name: str, run: Run | None, caption: str) -> tuple[Picture, ...]:
    rows = _sample_rows(run) if run else []
    if not rows or run is None or run.history.samples is None:
        return ()
    errors = numbers.mse(run.history.samples.targets, rows[1][1])
    return (_rows(name, [run], rows, caption, [words.error(float(error)) for error in errors]),)


# ---- freiburg ------------------------------------------------------------------------------------------------


def _freiburg(reader: Reader) -> list[Section]:
    runs, missing = _runs(reader, "freiburg", ("lr-0.1", "lr-0.01", "lr-0.001"))
    alive = {
        label: run for label, run in runs.items() if run.history.state != "failed" and "mse" in run.history.metrics
    }
    best = min(alive, key=lambda label: alive[label].history.metrics["mse"]) if alive else ""
    sections = [
        Section(
            "Learning curves of the three learning rates",
            (*_data(runs.values()), *missing, *_which_rate(runs, best)),
            (_figures(runs, ("mse", "psnr", "ssim"), ("pca", "black")),) if runs else (),
            _curves(
                "freiburg-curves", runs, "squared error a pixel", "Training (dashed) and validation loss by epoch."
            ),
        )
    ]
    if best:
        caption = (
            f"The first ten test digits and what the network makes of them at learning rate {best[3:]}; mse below."
        )
        pictures = _samples("freiburg-samples", runs[best], caption)
        sections.append(Section("Samples", pictures=pictures))
        sections.append(_noise_of_plain_network(reader, runs[best]))
    return sections


def _which_rate(runs: dict[str, Run], best: str) -> list[str]:
    told = [f"The lowest error has the learning rate {best[3:]}."] if best else []
    for label, run in runs.items():
        if run.history.state != "failed":
            continue
        diverged = not np.isfinite(run.history.metrics.get("mse", np.nan))
        what = "diverged (its error is not a number)" if diverged else "collapsed and answers every image alike"
        told.append(f"At {label[3:]} the network {what}: the steps are too large.")
    return told


def _noise_of_plain_network(reader: Reader, plain: Run) -> Section:
    """The sheet's optional task: noisy digits for a network that never saw noise, beside one that was trained on it."""
    samples, denoiser = plain.history.samples, reader.run("purdue/denoise")
    if samples is None or plain.graph is None:
        return Section("Noisy digits", ("The graph is not exported yet: `aezoo export 'freiburg/*'`.",))
    heading = ["noise σ", "noisy, dB", f"{plain.name}, dB", *(["purdue/denoise, dB"] if denoiser else [])]
    table, pictures, gains = [tuple(heading)], [], []
    for sigma in (0.1, 0.2, 0.3):
        noisy = noise.add(samples.targets, sigma)
        made = {run.name: reader.outputs(run, noisy, RECONSTRUCTION) for run in (plain, denoiser) if run}
        outputs = {name: images for name, images in made.items() if images is not None}
        before = numbers.mean_psnr(samples.targets, noisy)
        after = {name: numbers.mean_psnr(samples.targets, images) for name, images in outputs.items()}
        gains.append({name: value - before for name, value in after.items()})
        table.append((f"{sigma:g}", f"{before:.1f}", *(f"{value:.1f}" for value in after.values())))
        rows = [("noisy", noisy), *((name.split("/")[0], images) for name, images in outputs.items())]
        pictures.append(_rows(f"freiburg-noise-{sigma:g}", [plain], rows, f"Noise of σ = {sigma:g}."))
    text = [_why_noise_stays(plain.name, gains)]
    if denoiser is None:
        text.append(
            "purdue/denoise, which was trained on noise, is not there to compare: `aezoo train purdue/denoise`."
        )
    return Section("Noisy digits, fed to a network that never saw noise", tuple(text), (tuple(table),), tuple(pictures))


def _why_noise_stays(name: str, gains: list[dict[str, float]]) -> str:
    own = [gain[name] for gain in gains]
    trained = [gain["purdue/denoise"] for gain in gains if "purdue/denoise" in gain]
    told = f"{name} changes the PSNR of noisy digits by {_range(own)} dB"
    if trained:
        told += f", purdue/denoise by {_range(trained)} dB"
    return (
        f"{told}. Nothing ever asked a network that was trained to repeat clean digits to tell noise from stroke: "
        f"what its bottleneck can hold of the noise is drawn as strokes. Training on noisy inputs asks just that."
    )


def _range(values: Sequence[float]) -> str:
    low, high = min(values), max(values)
    return f"{low:+.1f} to {high:+.1f}"


# ---- letters -------------------------------------------------------------------------------------------------

STRATEGIES = ("class", "class-noise", "random", "representative", "mean")


def _letters(reader: Reader) -> list[Section]:
    runs, missing = _runs(reader, "letters", (*STRATEGIES, "latent"))
    classifiers, absent = _runs(reader, "letters", ("classifier", "classifier-noise"))
    strategies = {name: runs[name] for name in STRATEGIES if name in runs}
    sections = [_exercise_1()]
    table = _figures(classifiers, ("accuracy", "cross_entropy"), ("majority", "nearest-mean", "nearest-example"))
    told = (*_data(classifiers.values()), *absent)
    sections.append(Section("The classifiers of Latin letters", told, (table,) if classifiers else ()))
    text = [*_data(strategies.values()), *missing, *_readable(strategies)]
    tables = (_figures(strategies, ("accuracy", "mse", "psnr"), ("nearest-example", "pca", "copied-input")),)
    sections.append(
        Section(
            "Cyrillic in, Latin out: the five strategies",
            tuple(text),
            tables if strategies else (),
            _strategies(strategies),
        )
    )
    if "latent" in runs:
        grid = runs["latent"].history.grids.get("letters")
        rows = [("wanted", grid.targets), ("found", grid.images)] if grid and grid.targets is not None else []
        caption = "The letter of each class that 512 values, sought for it through the frozen decoder, give."
        known = [(label, images) for label, images in rows if images is not None]
        pictures = (_rows("letters-latent", [runs["latent"]], known, caption, _called(grid)),) if grid and known else ()
        table = _figures({"latent": runs["latent"]}, ("accuracy", "mse", "psnr"), ("class-mean", "mean-image"))
        sections.append(Section("The optimised latent letters", (), (table,), pictures))
    return sections


def _called(grid: PictureGrid | None) -> list[str]:
    """What the classifier calls each picture, where it errs."""
    if grid is None or grid.verdicts is None or grid.labels is None:
        return []
    latin = "BDGFIJLNPSRUVZ"
    return [
        f"{latin[label]}" if label == verdict else f"{latin[label]}→{latin[verdict] if verdict < len(latin) else '?'}"
        for label, verdict in zip(grid.labels.tolist(), grid.verdicts.tolist(), strict=True)
        if 0 <= label < len(latin)
    ]


def _strategies(runs: dict[str, Run]) -> tuple[Picture, ...]:
    grids = {name: run.history.grids.get("letters") for name, run in runs.items()}
    known = {name: grid for name, grid in grids.items() if grid is not None}
    if not known:
        return ()
    first = next(iter(known.values()))
    rows = [("Cyrillic", first.inputs), *((name, grid.images) for name, grid in known.items()), ("mean", first.targets)]
    named = [(label, images) for label, images in rows if images is not None]
    named[-1] = ("class mean", named[-1][1])
    return (
        _rows(
            "letters-strategies",
            runs.values(),
            named,
            "The first test letter of each class, and what each strategy makes of it.",
        ),
    )


def _readable(runs: dict[str, Run]) -> list[str]:
    """Which outputs the classifier accepts, and which are near the letters that were wanted."""
    told = []
    for name, run in runs.items():
        accuracy, error = run.history.metrics.get("accuracy"), run.history.metrics.get("mse")
        rival = run.history.baselines.get("mean-image", {}).get("mse")
        if accuracy is None or error is None or rival is None:
            continue
        near = "more" if error > rival else "less"
        told.append(
            f"{name}: the classifier names {accuracy:.1%} of the outputs rightly; their mse to the mean letter of "
            f"the class is {error:.3f}, {near} than that of one picture for all ({rival:.3f})."
        )
    return told


def _exercise_1() -> Section:
    """Transposed convolution: the sheet's a, b and c, and what stride, padding and overlap do."""
    one = transposed.same_output_size((64, 48), (3, 2))
    two = transposed.same_output_size(one, (2, 6))
    sizes = transposed.input_sizes((4, 4), (3, 3), (2, 2), (1, 1))
    text = (
        f"a) Kernels [3, 3, 17, 15] with stride (3, 2) bring 64×48×17 to {one[0]}×{one[1]}×15, and kernels [3, 3, "
        f"15, 13] with stride (2, 6) bring that to {two[0]}×{two[1]}×13: with 'same' padding the size is divided by "
        f"the stride and rounded up.",
        f"b) Mirrored, the same kernels and strides in the other order: {two[0]}×{two[1]}×13 → {one[0]}×{one[1]}×15 → "
        f"64×48×17. The matrix of each is the transpose of the convolution's, so the shapes change places.",
        f"c) The output shape must be told, since a convolution brings several sizes to one: with a 3×3 kernel, "
        f"stride 2 and padding 1, 4×4 comes from {', '.join(f'{height}×{width}' for height, width in sizes)}.",
    )
    return Section("Exercise 1: transposed convolutions", text, pictures=(_overlap_picture(),))


_SETTINGS: tuple[tuple[transposed.Pair, transposed.Pair, transposed.Pair], ...] = (  # kernel, stride, padding
    ((3, 3), (1, 1), (0, 0)),
    ((2, 2), (2, 2), (0, 0)),
    ((3, 3), (2, 2), (0, 0)),
    ((3, 3), (2, 2), (1, 1)),
    ((4, 4), (2, 2), (1, 1)),
    ((3, 3), (3, 2), (0, 0)),
)


def _overlap_picture() -> Picture:
    cases = []
    for kernel, stride, padding in _SETTINGS:
        full = transposed.input_sizes((4, 4), kernel, stride)[0]
        counts = transposed.overlap(full, kernel, stride)
        title = f"kernel {kernel[0]}×{kernel[1]}, stride {stride[0]}" + (
            f", {stride[1]}" if stride[0] != stride[1] else ""
        )
        cases.append(Case(f"{title}, padding {padding[0]}", counts, padding, kernel))
    caption = (
        "Transposed convolutions of 4×4 values: how many are summed at each place of the output. Red: where the "
        "first value's kernel lies. Crossed: what the padding cuts off. Where the stride divides the kernel, the "
        "inner counts are even; where it does not, a checkerboard shows."
    )
    return Picture("letters-transposed", OverlapFigure(LIGHT, tuple(cases)), (960, 620), caption)


# ---- purdue --------------------------------------------------------------------------------------------------


def _purdue(reader: Reader) -> list[Section]:
    runs, missing = _runs(reader, "purdue", ("dense", "conv", "denoise"))
    titles = {
        "dense": "Part 1: fully connected autoencoder",
        "conv": "Part 2: convolutional autoencoder",
        "denoise": "Part 3: denoising autoencoder",
    }
    sections = [
        Section("All three", (*_data(runs.values()), *missing), (_figures(runs, ("mse", "psnr", "ssim"), ("pca",)),))
    ]
    for name, run in runs.items():
        caption = "Model loss by epoch, training (dashed) and validation."
        pictures = _curves(f"purdue-{name}-loss", {name: run}, "binary cross-entropy, nats a pixel", caption, log=False)
        pictures += _bottlenecks(reader, name, run)
        pictures += _samples(
            f"purdue-{name}-samples", run, "The first ten test digits and their reconstructions; mse below."
        )
        sections.append(Section(titles[name], pictures=pictures))
    return sections


def _bottlenecks(reader: Reader, name: str, run: Run) -> tuple[Picture, ...]:
    samples = run.history.samples
    values = reader.outputs(run, samples.inputs, "bottleneck") if samples is not None else None
    if values is None:
        return ()
    grid = tiles.grid_of(values.shape[1:], {"dense": (10, 10)}.get(name, (28, 14)))
    low, high = tiles.value_range(values)
    table = colours.sequential()
    figure = MosaicFigure(
        theme=LIGHT,
        rows=(Row("bottleneck", colours.apply(tiles.tile(values, grid), low, high, table)),),
        scale=Scale(words.number(low, 3), words.number(high, 3), table, "value"),
    )
    caption = f"The bottleneck of the first ten test digits as {grid.shape[0]}×{grid.shape[1]}."
    return (Picture(f"purdue-{name}-bottleneck", figure, (820, 170), caption, _sources([run])),)


# ---- hesso ---------------------------------------------------------------------------------------------------

DIGITS, COUNTS = (2, 3, 8), ("10", "100", "1000", "all")


def _hesso(reader: Reader) -> list[Section]:
    plain, missing = _runs(reader, "hesso", ("conv", "denoise-0.5", "denoise-0.7", "denoise-0.9"))
    text = [*_data(plain.values()), *missing, *_cost_of_noise(plain)]
    pictures = _curves(
        "hesso-loss", plain, "binary cross-entropy, nats a pixel", "Training (dashed) and validation loss."
    )
    for name, run in plain.items():
        pictures += _samples(f"hesso-{name}", run, f"{name}: the first ten test digits; mse below.")
    rivals = ("noisy-input", "pca", "nearest-example")
    tables = (_figures(plain, ("bce", "mse", "psnr", "ssim"), rivals),) if plain else ()
    sections = [Section("Denoising at three levels", tuple(text), tables, pictures)]
    sections += [section for digit in DIGITS for section in _generators(reader, digit)]
    return sections


def _cost_of_noise(runs: dict[str, Run]) -> list[str]:
    losses = [
        (name[8:], run.history.metrics["bce"])
        for name, run in runs.items()
        if name.startswith("denoise") and "bce" in run.history.metrics
    ]
    if len(losses) < 2:
        return []
    told = ", ".join(f"{loss:.3f} at {factor}" for factor, loss in losses)
    rising = all(one[1] <= two[1] for one, two in itertools.pairwise(losses))
    verdict = "More noise, more loss." if rising else "It does not grow with the noise."
    return [f"Binary cross-entropy on the test split: {told}. {verdict}"]


def _generators(reader: Reader, digit: int) -> list[Section]:
    runs, missing = _runs(reader, "hesso", (f"vae-{digit}-{count}" for count in COUNTS))
    if not runs:
        return [Section(f"Generated digits: {digit}", tuple(missing))]
    pictures: tuple[Picture, ...] = ()
    for grid, what in (("plane", "the middle of the plane"), ("extreme", "out to ±4")):
        pictures += tuple(_plane(name, run, grid, what) for name, run in runs.items() if grid in run.history.grids)
    caption = f"Loss of the four numbers of digits {digit}: training dashed, test digits solid."
    pictures += _curves(f"hesso-vae-{digit}-loss", runs, "negative evidence lower bound, nats an image", caption)
    text = (*_data(runs.values()), *missing, *_diversity(runs))
    return [Section(f"Generated digits: {digit}", text, (_diversity_table(runs),), pictures)]


def _plane(name: str, run: Run, grid: str, what: str) -> Picture:
    found = run.history.grids[grid]
    digit = name.split("-")[1]
    verdicts = found.verdicts.tolist() if found.verdicts is not None else []
    marks = tuple("" if str(verdict) == digit else str(verdict) for verdict in verdicts)
    wrong = sum(map(bool, marks))
    title = f"{name}, {what}: {wrong} of {len(marks)} taken for another"
    figure = PlaneFigure(LIGHT, title, colours.from_images(found.images), marks)
    caption = f"{name}, {what}; green: what the classifier calls the wrong ones."
    return Picture(f"hesso-{name}-{grid}", figure, (444, 470), caption, _sources([run]))


_MEASURES = ("wrong-plane", "wrong-extreme", "pairwise", "distinct", "nearest")


def _diversity_table(runs: dict[str, Run]) -> Table:
    rows = []
    for name, run in runs.items():
        rows.append(
            (
                name,
                *(_cell(run.history.metrics.get(metric)) for metric in _MEASURES),
                _cell(run.history.metrics.get("mse")),
            )
        )
        real = run.history.baselines.get("real", {})
        rows.append(("  real test digits", *(_cell(real.get(metric)) for metric in _MEASURES), words.MISSING))
    return (
        (
            "run",
            "wrong, plane",
            "wrong, ±4",
            "pairwise distance",
            "distinct patterns",
            "to nearest training image",
            "mse",
        ),
        *rows,
    )


def _diversity(runs: dict[str, Run]) -> list[str]:
    """The sheet's question in numbers: does diversity grow with the digits seen, or are they only repeated?"""
    told = []
    for name, run in runs.items():
        own, real = run.history.metrics, run.history.baselines.get("real", {})
        if not own.keys() >= {"distinct", "nearest"} or not real.keys() >= {"distinct", "nearest"}:
            continue
        share = own["nearest"] / real["nearest"] if real["nearest"] else float("nan")
        told.append(
            f"{name}: {own['distinct']:.0f} distinct patterns where real digits have {real['distinct']:.0f}; a "
            f"generated digit is {own['nearest']:.2f} from the nearest training image, an unseen real one "
            f"{real['nearest']:.2f} ({share:.0%}){': it repeats what it was shown' if share < 0.6 else ''}."
        )
    return told


# ---- maastricht ----------------------------------------------------------------------------------------------

MODELS = tuple(f"model-{number}" for number in range(1, 8))
TWINS = ("model-1-as-trained", "model-4-as-trained", "model-5-as-trained")


def _maastricht(reader: Reader) -> list[Section]:
    base, missing = _runs(reader, "maastricht", ("base",))
    caption = "Evolution of the error with the epochs: training dashed, validation solid."
    pictures = _curves("maastricht-base-loss", base, "mean squared error", caption)
    pictures += _samples(
        "maastricht-base-samples", base.get("base"), "The first ten test images of the base network; mse below."
    )
    sections = [
        Section(
            "Image reconstruction: the base network",
            (*_data(base.values()), *missing),
            (_figures(base, ("mse", "psnr", "ssim"), ("pca", "nearest-example")),) if base else (),
            pictures,
        )
    ]
    models, missing = _runs(reader, "maastricht", (*MODELS, *TWINS))
    shown = {**base, **models}
    if shown:
        text = (*_data(shown.values()), *missing, *_correlation(shown))
        figure = TradeOffFigure(LIGHT, _points(shown))
        caption = "Size of the bottleneck against the error."
        picture = Picture("maastricht-trade-off", figure, (960, 560), caption, _sources(shown.values()))
        sections.append(Section("Latent space: size against error", text, (_size_table(shown),), (picture,)))
    sections.append(_colourisation(reader))
    return sections


def _size_table(runs: dict[str, Run]) -> Table:
    heading = ("model", "shape", "values", "parameters", "mse", "sheet", "pca mse", "epochs")
    rows = [
        (
            name,
            words.shape(run.history.bottleneck),
            f"{int(np.prod(run.history.bottleneck)):,}",
            f"{run.history.parameters:,}",
            _cell(run.history.metrics.get("mse")),
            _cell(run.history.published.get("mse")),
            _cell(run.history.baselines.get("pca", {}).get("mse")),
            str(run.history.epochs_done),
        )
        for name, run in runs.items()
    ]
    return (heading, *rows)


def _points(runs: dict[str, Run]) -> tuple[Point, ...]:
    return tuple(
        Point(
            name,
            float(np.prod(run.history.bottleneck)),
            run.history.metrics["mse"],
            run.history.published.get("mse"),
            run.history.baselines.get("pca", {}).get("mse"),
        )
        for name, run in runs.items()
        if "mse" in run.history.metrics and run.history.bottleneck
    )


def _correlation(runs: dict[str, Run]) -> list[str]:
    points = _points(runs)
    if len(points) < 4:
        return []
    rank = rank_correlation(np.array([point.size for point in points]), np.array([point.error for point in points]))
    beaten = [point.name for point in points if point.pca is not None and point.error < point.pca]
    weights = "PCA with as many values beats all of them: the few weights hold them back, not the few values."
    return [
        f"Spearman's rank correlation between size and error is {rank:+.2f} over {len(points)} networks: "
        f"{'a larger bottleneck goes with a smaller error' if rank < -0.5 else 'size alone does not tell the error'}.",
        f"PCA with as many values is beaten by {', '.join(beaten)}." if beaten else weights,
    ]


def _colourisation(reader: Reader) -> Section:
    runs, missing = _runs(reader, "maastricht", ("colour-1", "colour-2"))
    text = [*_data(runs.values()), *missing]
    for name, run in runs.items():
        own, grey = run.history.metrics.get("mse"), run.history.baselines.get("grey-copied", {}).get("mse")
        if own is not None and grey is not None:
            word = "below" if own < grey else "above"
            text.append(f"{name}: mse {own:.4f}, {word} that of the grey values copied ({grey:.4f}).")
    first = next(iter(runs.values()), None)
    samples = first.history.samples if first else None
    if samples is None:
        return Section("Colourisation", tuple(text))
    copied = np.broadcast_to(samples.inputs, samples.targets.shape)
    rows = [("true", samples.targets), ("grey copied", copied)]
    rows += [
        (name, run.history.samples.reconstructions)
        for name, run in runs.items()
        if run.history.samples is not None and run.history.samples.reconstructions is not None
    ]
    caption = "True colours, the grey that goes in, and what the networks make of it."
    picture = _rows("maastricht-colour", runs.values(), rows, caption)
    tables = (_figures(runs, ("mse", "psnr", "ssim"), ("grey-copied", "pca", "nearest-example")),)
    return Section("Colourisation", tuple(text), tables, (picture,))


_SHEETS: dict[str, Callable[[Reader], list[Section]]] = {
    "freiburg": _freiburg,
    "letters": _letters,
    "purdue": _purdue,
    "hesso": _hesso,
    "maastricht": _maastricht,
}
