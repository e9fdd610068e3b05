"""Task 5, does augmentation help? A classifier from few real digits, the same with generated or distorted ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from viewer.report.document import Block, TableBlock, note
from viewer.report.notes import answers
from viewer.report.spread import Spread, is_beyond
from viewer.state.formatting import clean

COUNTS = (10, 100)
ADDED = {"nothing": "real digits alone", "generated": "+ generated digits", "affine": "+ affine distortions"}

Table = dict[int, dict[str, Spread]]  # by the number of real digits a class, and what was added


def blocks(found: Mapping[str, Any]) -> list[Block]:
    """Return the table and what follows from it, or the command that measures it."""
    table = accuracies(found)
    if not table:
        return [note("Whether augmentation helps is not measured yet: `aezoo study hesso`.")]
    heading = ("real digits a class", *ADDED.values())
    rows = [(str(count), *(_percent(row[added]) for added in ADDED)) for count, row in table.items()]
    seeds = next(iter(table[COUNTS[0]].values())).seeds
    caption = (
        f"Accuracy on {number(found, 'tested')} digits of the test split, mean ± standard deviation of {seeds}. The "
        f"network of hesso/classifier, {number(found, 'steps')} steps of {number(found, 'batch')} digits each, half "
        f"of them real where something is added. Generated: {number(found, 'generated')} a class, by one variational "
        f"autoencoder for each class (784-64-2-64-784, {number(found, 'vae_steps')} steps) from the same few real "
        f"digits. Data: {clean(found.get('provenance', ''), limit=80)}."
    )
    return [TableBlock(caption, (heading, *rows)), *answers(*conclusions(table), in_short=False)]


def _percent(spread: Spread) -> str:
    return f"{100 * spread.mean:.1f} ± {100 * spread.deviation:.1f} %"


def number(found: Mapping[str, Any], key: str) -> str:
    value = found.get(key)
    return f"{value:,}" if isinstance(value, int) else "?"


def accuracies(found: Mapping[str, Any]) -> Table:
    """Return the accuracies of every seed; nothing where some are not there."""
    try:
        return {
            count: {added: Spread(tuple(map(float, found["accuracy"][f"{added}-{count}"]))) for added in ADDED}
            for count in COUNTS
        }
    except (KeyError, TypeError, ValueError):
        return {}


def conclusions(table: Table) -> list[str]:
    """Answer what generated and distorted digits bring, and whether that is more than the seeds' spread."""
    return [
        f"With {count} real digits a class, {_change(row['nothing'], row['generated'], 'generated digits')} and "
        f"{_change(row['nothing'], row['affine'], 'affine distortions')}."
        for count, row in table.items()
    ]


def _change(alone: Spread, more: Spread, name: str) -> str:
    points = 100 * (more.mean - alone.mean)
    if not is_beyond(alone, more):
        within = 100 * (alone.deviation + more.deviation)
        return f"{name} make no difference beyond that of the seeds ({within:.1f} points)"
    return f"{name} {'help' if points > 0 else 'harm'} ({points:+.1f} points)"
