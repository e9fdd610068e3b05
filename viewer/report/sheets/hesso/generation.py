"""Tasks 4 and 5: new digits from few examples, whether they are recognised, and how diverse they are."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping

import numpy as np

from viewer.report import pictures, tables
from viewer.report.document import Block, Heading, TableBlock, part
from viewer.report.experiments import Diversity, diversities
from viewer.report.notes import answers, missing, standing
from viewer.report.reader import Reader, ReportRun, Runs, figures_of
from viewer.report.spread import alike_within, is_beyond
from viewer.report.tables import Column
from viewer.state import numbers
from viewer.state.metrics import percent

DIGITS = (2, 8, 3)  # in the sheet's order
COUNTS = ("10", "100", "1000", "all")
FAR = 4  # the extreme grid goes out to ± this
TRUSTED = 0.99  # accuracy of the classifier

Generators = Mapping[int, Runs]  # by the digit


def read(reader: Reader) -> Generators:
    """Read the runs that generate digits."""
    return {digit: {count: reader.run(f"hesso/vae-{digit}-{count}") for count in COUNTS} for digit in DIGITS}


def size_of(count: str) -> str:
    return "the whole dataset" if count == "all" else f"{int(count):,} samples"


def by_size(values: Mapping[str, float], write: Callable[[float], str] = "{:.0f}".format) -> str:
    """List values by the number of samples: '5 from 10 samples, 20 from the whole dataset'."""
    return ", ".join(f"{write(value)} from {size_of(count)}" for count, value in values.items())


def _by_size(runs: Runs) -> Runs:
    """Every run by its name in legends."""
    return {size_of(count).capitalize(): run for count, run in runs.items()}


def _named(generators: Generators) -> Runs:
    """Every run by its name in tables."""
    return {f"{digit}, {size_of(count)}": run for digit, runs in generators.items() for count, run in runs.items()}


# ---- task 4 --------------------------------------------------------------------------------------------------


def task_4(generators: Generators, classifier: ReportRun) -> list[Block]:
    """Digits from the middle of the plane, and their diversity."""
    return [
        part("Task 4"),
        Heading(
            "Regarding the data augmentation exercise, generate different synthetic digits (e.g., twos, "
            "threes and eights)."
        ),
        *_about(classifier),
        *_grids(generators, "plane", "Test with {} :", "the middle of the latent plane", "in the middle of the plane"),
        Heading(
            "Comment about the diversity of the synthetic objects the autoencoder is generating. Is it possible to "
            "measure that diversity?"
        ),
        _diversity_table(generators),
        *answers(*diversity(generators)),
    ]


def _about(classifier: ReportRun) -> list[Block]:
    accuracy, baseline = classifier.metric("accuracy"), classifier.baseline("nearest-example", "accuracy")
    if accuracy is None:
        return (standing(classifier) or missing(classifier, what="accuracy of the classifier"))[:1]
    beside = f" (the nearest training image {percent(baseline)})" if baseline is not None else ""
    text = f"The classifier of the digits below classifies {percent(accuracy)} of the test digits correctly{beside}."
    care = " That is below 99 %, so its predictions are to be taken with care." if accuracy < TRUSTED else ""
    return [*standing(classifier), *answers(text + care)]


def _grids(generators: Generators, grid: str, title: str, plane: str, where: str) -> list[Block]:
    """Every digit from one grid of latent variables, and how often the classifier recognises it."""
    blocks: list[Block] = []
    for digit, runs in generators.items():
        blocks += [
            Heading(title.format(digit)),
            *(standing(*runs.values()) if grid == "plane" else []),
            *pictures.planes(f"hesso-{grid}-{digit}", _by_size(runs), grid, digit, plane),
            *answers(*recognised(digit, runs, f"wrong-{grid}", where.capitalize())),
        ]
    return [*blocks, _wrong_table(generators, f"wrong-{grid}", where)]


def recognised(digit: int, runs: Runs, metric: str, where: str) -> list[str]:
    """Answer how many of the generated digits the classifier takes for another, by the number of samples."""
    shares = figures_of(runs, metric)
    if not shares:
        return []
    some = [count for count, share in shares.items() if share > 0]
    if not some:
        sizes = ", whatever the number of samples" if len(shares) > 1 else ""
        return [f"{where} every generated {digit} is recognised{sizes} ({by_size(shares, percent)})."]
    text = f"{where} the classifier takes for another digit: {by_size(shares, percent)}."
    if len(shares) == 1:
        return [text]
    if some == [COUNTS[0]]:
        return [f"{text} That happens only when the input samples are not enough (10 samples)."]
    fewest, *_, most = shares.values()
    return [f"{text} It is {'rarer' if most < fewest else 'not rarer'} with the most samples than with the fewest."]


def _wrong_table(generators: Generators, metric: str, where: str) -> TableBlock:
    rows = []
    for digit, runs in generators.items():
        real = next((r for run in runs.values() if (r := run.baseline("real", "wrong-plane")) is not None), None)
        rows.append((str(digit), *map(percent, [*(run.metric(metric) for run in runs.values()), real])))
    heading = ("digit", *map(size_of, COUNTS), "real test digits")
    caption = f"Generated digits that the classifier takes for another, {where}, by digit and number of samples."
    return TableBlock(caption, (heading, *rows))


def _diversity_table(generators: Generators) -> TableBlock:
    columns = [
        *_beside_real("pairwise", "distance between two"),
        *_beside_real("distinct", "distinct patterns", digits=0),
        *_beside_real("nearest", "to the nearest training image"),
    ]
    caption = (
        "Diversity: the mean distance of two generated digits and the distance to the nearest training image "
        "(Euclidean, pixels in [0, 1]), and how many are distinct; beside each the same of as many real test digits."
    )
    return tables.of_runs(_named(generators), "generated", columns, caption=caption)


def _beside_real(measure: str, title: str, digits: int = 3) -> list[Column]:
    own = tables.number(title, lambda run: run.metric(measure), digits)
    return [own, tables.number("real", lambda run: run.baseline("real", measure), digits)]


def diversity(generators: Generators) -> list[str]:
    """Answer whether diversity can be measured, and whether it grows with the samples seen."""
    sentences = [_diversity(digit, measured) for digit, runs in generators.items() if (measured := diversities(runs))]
    measurable = "It is possible to measure it, by comparing the images pixel by pixel, as the table above does."
    return [measurable, *sentences] if sentences else []


def _diversity(digit: int, measured: dict[str, Diversity]) -> str:
    """Word what was measured of one digit: how many patterns, whether more data make more, whether they are copies."""
    (fewest, least), (whole, most) = next(iter(measured.items())), next(reversed(measured.items()))
    distinct = {count: one.distinct for count, one in measured.items()}
    far = ", far more" if max(distinct.values()) < most.real_distinct / 2 else ""
    text = f"{digit}, distinct patterns: {by_size(distinct)}. As many real test digits have "
    text += f"{most.real_distinct:.0f}{far}."
    if len(measured) > 1:
        few, many = least.spread, most.spread
        word = "more diverse" if many.mean > few.mean else "less diverse"
        if not is_beyond(few, many):
            word = f"as diverse, {alike_within(few, many, '.2f')}"
        text += f" With more data they are {word}: {few.written('.2f')} between two from {size_of(fewest)}, "
        text += f"{many.written('.2f')} from {size_of(whole)} ({few.seeds})."
    copies = ", ".join(size_of(count) for count, one in measured.items() if one.repeats)
    if copies:
        return f"{text} From {copies} they repeat what was shown: real new digits lie much further from it."
    return f"{text} They do not merely repeat what was shown: real new digits lie no further from it by much."


# ---- task 5 --------------------------------------------------------------------------------------------------


def task_5(generators: Generators, augmentation: list[Block]) -> list[Block]:
    """What the number of samples does, and what extreme latent variables do."""
    plane, where = f"latent variables out to ±{FAR}", f"out to ±{FAR}"
    return [
        part("Task 5"),
        Heading(
            "Provide a summary of your experiments using the autoencoder for data augmentation and comment your "
            "results (e.g., modify the latent variables of an autoencoder that was trained with only 10 examples "
            "such that it generates digits that are no longer recognized by the pre-trained classifier)."
        ),
        *itertools.chain.from_iterable(_curves(digit, runs) for digit, runs in generators.items()),
        _loss_table(generators),
        *answers(*loss_by_size(generators)),
        *_grids(generators, "extreme", "Extreme latent variables, {}", plane, where),
        *answers(*broken(generators)),
        *augmentation,
        Heading("Summary"),
        *answers(" ".join([*loss_in_short(generators), *broken(generators), *diverse_in_short(generators)])),
    ]


def loss_in_short(generators: Generators) -> list[str]:
    """Say in one sentence what more digits to learn from do to the loss on unseen ones."""
    changes = []
    for digit, runs in generators.items():
        losses = {count: loss for count, run in runs.items() if (loss := _test_loss(run)) is not None}
        if len(losses) > 1:
            (fewest, first), (most, last) = next(iter(losses.items())), next(reversed(losses.items()))
            changes.append(f"{digit} from {first:.0f} nats with {size_of(fewest)} to {last:.0f} with {size_of(most)}")
    return [f"More digits to learn from change the loss on unseen ones: {', '.join(changes)}."] if changes else []


def diverse_in_short(generators: Generators) -> list[str]:
    """Say in one sentence how many patterns there are beside real digits', and from how few they are copies."""
    known = {digit: measured for digit, runs in generators.items() if (measured := diversities(runs))}
    if not known:
        return []
    every = [one for measured in known.values() for one in measured.values()]
    low, high = (end(one.distinct for one in every) for end in (min, max))
    real = min(one.real_distinct for one in every)
    copied = dict.fromkeys(
        size_of(count) for measured in known.values() for count, one in measured.items() if one.repeats
    )
    copies = f"; from {' and '.join(copied)} they repeat what was shown" if copied else ""
    return [
        f"Two latent variables give {low:.0f} to {high:.0f} distinct patterns, where real digits have "
        f"{real:.0f}{copies}."
    ]


def _test_loss(run: ReportRun) -> float | None:
    return None if run.is_quick else _last(run.history.val_loss)


def _curves(digit: int, runs: Runs) -> list[Block]:
    return pictures.losses(
        f"hesso-vae-{digit}-loss",
        _by_size({count: runs[count] for count in reversed(COUNTS)}),
        title=f"Model loss for the digit {digit}",
        caption="Training dashed, test digits solid.",
    )


def _loss_table(generators: Generators) -> TableBlock:
    columns = [
        tables.number("training loss", lambda run: _last(run.history.train_loss), 4),
        tables.number("test loss", lambda run: _last(run.history.val_loss), 4),
        tables.metric("mse", "mse, measured"),
        *(tables.baseline(each, "mse") for each in ("pca", "mean-image", "nearest-example")),
    ]
    caption = (
        "The last loss of each size (nats an image), and the mse on test digits of that kind beside baselines from "
        "the same samples; PCA has two values, as the network. The sheet gives no figures."
    )
    return tables.of_runs(_named(generators), "run", columns, caption=caption)


def _last(losses: np.ndarray) -> float | None:
    return numbers.finite_or_none(float(losses[-1])) if len(losses) else None


def loss_by_size(generators: Generators) -> list[str]:
    """Answer whether a bigger dataset gives a lower loss on unseen digits."""
    sentences = []
    for digit, runs in generators.items():
        every = {count: _test_loss(run) for count, run in runs.items()}
        losses = {count: loss for count, loss in every.items() if loss is not None}
        if len(losses) > 1:
            falling = all(one > two for one, two in itertools.pairwise(losses.values()))
            lower = "When the dataset is bigger, the loss is lower"
            remark = lower if falling else "The loss does not fall with every step"
            sentences.append(f"{remark} ({digit}, test digits, nats an image): {by_size(losses)}.")
    return sentences


def broken(generators: Generators) -> list[str]:
    """Answer where extreme latent variables make digits that are no longer recognised."""
    shares = {
        (digit, count): share
        for digit, runs in generators.items()
        for count, share in figures_of(runs, "wrong-extreme").items()
    }
    if not shares:
        return []
    counts = dict.fromkeys(count for (_, count), share in shares.items() if share > 0)
    if not counts:
        return [f"However extreme the latent variables are, up to ±{FAR}, every generated digit is still recognised."]
    named = ", ".join(map(size_of, counts))
    blamed = f"It is not only with 10 samples that this happens: it does with {named}."
    if [*counts] == [COUNTS[0]]:
        blamed = "This case appeared only with the autoencoders trained with only 10 samples."
    (digit, count), worst = max(shares.items(), key=lambda item: item[1])
    return [
        "When the latent variables are too extreme, generated digits can be recognised as another number: most often "
        f"the {digit} from {size_of(count)} ({percent(worst)}). {blamed}"
    ]
