"""Tasks 4 and 5: new digits from few examples, whether they are recognised, and how diverse they are."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from viewer.report import pictures, tables
from viewer.report.document import Block, TableBlock, note
from viewer.report.notes import answers, joined, missing, standing
from viewer.report.reader import Reader, ReportRun, Runs, spreads_of
from viewer.report.sheets.hesso import augmentation
from viewer.report.spread import Spread, alike_within, is_beyond
from viewer.report.tables import Column
from viewer.state import formatting, numbers
from viewer.state.metrics import percent

DIGITS = (2, 8, 3)  # in the sheet's order
COUNTS = ("10", "100", "1000", "all")
FAR = 4  # the extreme grid goes out to ± this
REPEATED = 0.6  # nearer to the training images than real digits by this factor: what it shows is what it saw
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


def blocks(generators: Generators, classifier: ReportRun, experiment: Mapping[str, Any]) -> dict[str, list[Block]]:
    """Return what stands in the sheet's text of tasks 4 and 5 by its name."""
    runs = [run for by_count in generators.values() for run in by_count.values()]
    measured = diversity(generators)
    lack = note("Runs of a few steps, or none, leave nothing to sum up.")
    return {
        "classifier": [*_about(classifier), *standing(*runs)],
        **_grids(generators, "plane", "in the middle of the latent plane", "in the middle of the plane"),
        "diversity": [
            _diversity_table(generators),
            *answers(*measured[:1]),
            *answers(*measured[1:], in_short=False),
        ],
        "losses": [
            *itertools.chain.from_iterable(_curves(digit, runs) for digit, runs in generators.items()),
            _loss_table(generators),
            *answers(*loss_by_size(generators), in_short=False),
        ],
        **_grids(generators, "extreme", f"with latent variables out to ±{FAR}", f"out to ±{FAR}"),
        "broken": answers(broken(generators), in_short=False),
        "augmentation": augmentation.blocks(experiment),
        "summary": answers(summary(generators, experiment)) or [lack],
    }


# ---- task 4 --------------------------------------------------------------------------------------------------


def _about(classifier: ReportRun) -> list[Block]:
    accuracy, baseline = classifier.metric("accuracy"), classifier.baseline("nearest-example", "accuracy")
    if accuracy is None:
        return (standing(classifier) or missing(classifier, what="accuracy of the classifier"))[:1]
    beside = f" (the nearest training image {percent(baseline)})" if baseline is not None else ""
    text = f"The classifier of the digits below classifies {percent(accuracy)} of the test digits correctly{beside}."
    care = " That is below 99 %, so its predictions are to be taken with care." if accuracy < TRUSTED else ""
    return [*standing(classifier), *answers(text + care)]


def _grids(generators: Generators, grid: str, plane: str, where: str) -> dict[str, list[Block]]:
    """Every digit from one grid of latent variables, and how often the classifier recognises it."""
    made: dict[str, list[Block]] = {grid: [_wrong_table(generators, f"wrong-{grid}", where)]}
    for digit, runs in generators.items():
        name = f"{grid}-{digit}"
        images = pictures.planes(f"hesso-{name}", _by_size(runs), grid, digit, plane)
        made[name] = [*images, *answers(recognised(digit, runs, f"wrong-{grid}", where.capitalize()), in_short=False)]
    return made


def recognised(digit: int, runs: Runs, metric: str, where: str) -> str:
    """Answer how many of the generated digits the classifier takes for another, by the number of samples."""
    shares = spreads_of(runs, metric)
    if not shares:
        return ""
    some = [count for count, share in shares.items() if share.mean > 0]
    if not some:
        sizes = ", whatever the number of samples" if len(shares) > 1 else ""
        return f"{where} every generated {digit} is recognised{sizes}."
    listed = ", ".join(
        f"{share.percent() if share.mean else 'none'} from {size_of(count)}" for count, share in shares.items()
    )
    text = f"{where} the classifier takes for another digit: {listed}."
    if len(shares) == 1:
        return text
    if some == [COUNTS[0]]:
        return f"{text} That happens only when the input samples are not enough (10 samples)."
    fewest, *_, most = shares.values()
    if len(fewest.values) > 1 and not is_beyond(fewest, most):
        return f"{text} Between the fewest samples and the most there is no difference beyond that of the seeds."
    rarer = "rarer" if most.mean < fewest.mean else "not rarer"
    return f"{text} It is {rarer} with the most samples than with the fewest."


def _wrong_table(generators: Generators, metric: str, where: str) -> TableBlock:
    rows = []
    for digit, runs in generators.items():
        real = next((r for run in runs.values() if (r := run.baseline("real", "wrong-plane")) is not None), None)
        own = [share.percent() if (share := run.spread(metric)).values else formatting.MISSING for run in runs.values()]
        rows.append((str(digit), *own, percent(real)))
    heading = ("digit", *map(size_of, COUNTS), "real test digits")
    caption = f"Generated digits that the classifier takes for another, {where}."
    return TableBlock(caption + tables.seeds_note(_named(generators).values()), (heading, *rows))


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
    own = tables.spread(title, lambda run: run.spread(measure), f".{digits and digits - 1}f")
    return [own, ("real", lambda run: formatting.number(run.baseline("real", measure), digits))]


class Diversity(NamedTuple):
    """What was measured of the digits that one run generates, beside as many real ones; distances in pixels' units."""

    pairwise: Spread
    distinct: float
    nearest: float
    real_distinct: float
    real_nearest: float

    @property
    def repeats(self) -> bool:
        """Whether the generated digits lie much nearer to the training images than unseen real ones do."""
        return self.nearest < REPEATED * self.real_nearest


def diversities(runs: Runs) -> dict[str, Diversity]:
    """Return what is measured of each run."""
    found = {}
    for name, run in runs.items():
        pairwise, distinct, nearest = (run.spread(measure) for measure in ("pairwise", "distinct", "nearest"))
        real, real_nearest = (run.baseline("real", measure) for measure in ("distinct", "nearest"))
        is_known = pairwise.values and distinct.values and nearest.values
        if is_known and real is not None and real_nearest is not None:
            found[name] = Diversity(pairwise, distinct.mean, nearest.mean, real, real_nearest)
    return found


def _measured(generators: Generators) -> dict[int, dict[str, Diversity]]:
    return {digit: measured for digit, runs in generators.items() if (measured := diversities(runs))}


def diversity(generators: Generators) -> list[str]:
    """Answer whether diversity can be measured, and whether it grows with the samples seen."""
    known = _measured(generators)
    measurable = (
        "It is possible to measure diversity by comparing the images pixel by pixel: the distance between two of them, "
        "how many are distinct, and whether they lie nearer to the training images than real new digits do."
    )
    return [measurable, *itertools.starmap(_diversity, known.items()), _copies(known)] if known else []


def _diversity(digit: int, measured: dict[str, Diversity]) -> str:
    """Word what was measured of one digit: how many patterns, whether more data make more, whether they are copies."""
    (fewest, least), (whole, most) = next(iter(measured.items())), next(reversed(measured.items()))
    distinct = {count: one.distinct for count, one in measured.items()}
    far = ", far more" if max(distinct.values()) < most.real_distinct / 2 else ""
    text = f"{digit}, distinct patterns: {by_size(distinct)}, and {most.real_distinct:.0f} of as many real digits{far}."
    if len(measured) > 1:
        few, many = least.pairwise, most.pairwise
        word = "more diverse" if many.mean > few.mean else "less diverse"
        if not is_beyond(few, many):
            word = f"as diverse, {alike_within(few, many, '.2f')}"
        text += f" With more data they are {word}: two are {few.written('.2f')} apart from {size_of(fewest)}, "
        text += f"{many.written('.2f')} from {size_of(whole)} ({few.seeds})."
    return text


def _copies(known: Mapping[int, dict[str, Diversity]]) -> str:
    """Say from how few samples digits are copies."""
    copied: dict[str, list[str]] = {}
    for digit, measured in known.items():
        for count, one in measured.items():
            if one.repeats:
                copied.setdefault(count, []).append(str(digit))
    if not copied:
        return "None of them merely repeats what was shown: real new digits lie no further from it by much."
    named = ", ".join(f"{joined(digits)} from {size_of(count)}" for count, digits in copied.items())
    return f"Some repeat what was shown, since real new digits lie much further from it: {named}."


# ---- task 5 --------------------------------------------------------------------------------------------------


def summary(generators: Generators, experiment: Mapping[str, Any]) -> str:
    """Sum up what was found out about data augmentation."""
    found = [loss_in_short(generators), broken(generators), diverse_in_short(generators)]
    return " ".join(filter(None, [*found, *augmentation.conclusions(augmentation.accuracies(experiment))]))


def loss_in_short(generators: Generators) -> str:
    """Say in one sentence what more digits to learn from do to the loss on unseen ones."""
    changes = []
    for digit, runs in generators.items():
        losses = unseen_losses(runs)
        if len(losses) > 1:
            (fewest, first), *_, (most, last) = losses.items()
            changes.append(f"{digit} from {first:.0f} nats with {size_of(fewest)} to {last:.0f} with {size_of(most)}")
    begun = "With more digits to learn from, the loss on unseen ones goes for"
    return f"{begun} {', for '.join(changes)}." if changes else ""


def diverse_in_short(generators: Generators) -> str:
    """Say in one sentence how many patterns there are beside real digits', and from how few they are copies."""
    known = _measured(generators)
    if not known:
        return ""
    every = [one for measured in known.values() for one in measured.values()]
    low, high = (end(one.distinct for one in every) for end in (min, max))
    real = min(one.real_distinct for one in every)
    copied = dict.fromkeys(
        size_of(count) for measured in known.values() for count, one in measured.items() if one.repeats
    )
    copies = f"; from {' and '.join(copied)} they repeat what was shown" if copied else ""
    patterns = f"Two latent variables give {low:.0f} to {high:.0f} distinct patterns"
    return f"{patterns}, where real digits have {real:.0f}{copies}."


def unseen_losses(runs: Runs) -> dict[str, float]:
    """Return the last losses on unseen digits, the means of the seeds, of runs that were trained whole."""
    spreads = {count: _last_losses(run, "val_loss") for count, run in runs.items() if not run.is_quick}
    return {count: spread.mean for count, spread in spreads.items() if spread.values}


def _last_losses(run: ReportRun, name: str) -> Spread:
    """Return the last losses of a run and of its other seeds."""
    curves = [getattr(each, name) for each in (run.history, *run.seeds)]
    found = [numbers.finite_or_none(float(losses[-1])) for losses in curves if len(losses)]
    return Spread(tuple(value for value in found if value is not None))


def _curves(digit: int, runs: Runs) -> list[Block]:
    ends = {size_of(count): losses[-1] for count, run in runs.items() if len(losses := run.history.train_loss)}
    order = ", ".join(sorted(ends, key=lambda size: -ends[size]))  # for who cannot tell colours
    return pictures.losses(
        f"hesso-vae-{digit}-loss",
        _by_size({count: runs[count] for count in reversed(COUNTS)}),
        title=f"Model loss for the digit {digit}",
        caption=f"Test digits solid; training dashed, at the end from top to bottom: {order}.",
    )


def _loss_table(generators: Generators) -> TableBlock:
    columns = [
        tables.spread("training loss", lambda run: _last_losses(run, "train_loss"), ".1f"),
        tables.spread("test loss", lambda run: _last_losses(run, "val_loss"), ".1f"),
        tables.metric("mse", "mse, measured"),
        *(tables.baseline(each, "mse") for each in ("pca", "mean-image", "nearest-example")),
    ]
    caption = (
        "The last loss of each size (nats an image), and the mse on test digits of that kind beside baselines from "
        "the same samples; PCA has two values, as the network. The sheet gives no figures."
    )
    return tables.of_runs(_named(generators), "run", columns, caption=caption)


def loss_by_size(generators: Generators) -> list[str]:
    """Answer whether a bigger dataset gives a lower loss on unseen digits."""
    listed: dict[str, list[str]] = {}
    for digit, runs in generators.items():
        losses = unseen_losses(runs)
        if len(losses) > 1:
            falling = all(one > two for one, two in itertools.pairwise(losses.values()))
            lower = "When the dataset is bigger, the loss is lower"
            remark = lower if falling else "The loss does not fall with every step"
            listed.setdefault(remark, []).append(f"{digit}: {by_size(losses)}")
    return [f"{remark} (test digits, nats an image). {'; '.join(parts)}." for remark, parts in listed.items()]


def broken(generators: Generators) -> str:
    """Answer where extreme latent variables make digits that are no longer recognised."""
    shares = {
        (digit, count): share
        for digit, runs in generators.items()
        for count, share in spreads_of(runs, "wrong-extreme").items()
    }
    if not shares:
        return ""
    harmed = {count for (_, count), share in shares.items() if share.mean > 0}
    if not harmed:
        return f"However extreme the latent variables are, up to ±{FAR}, every generated digit is still recognised."
    others = joined([size_of(count) for count in COUNTS[1:] if count in harmed])
    blamed = f"That happens not only with 10 samples but also with {others}."
    if COUNTS[0] not in harmed:
        blamed = f"That does not happen with 10 samples but with {others}."
    if harmed == {COUNTS[0]}:
        blamed = "This case appeared only with the autoencoders trained with only 10 samples."
    (digit, count), worst = max(shares.items(), key=lambda item: item[1].mean)
    return (
        "When the latent variables are too extreme, generated digits can be recognised as another number: most often "
        f"the {digit} from {size_of(count)} ({worst.percent()}). {blamed}"
    )
