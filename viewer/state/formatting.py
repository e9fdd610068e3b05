"""Text and numbers as the window writes them; text from a file is capped and made harmless here."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Sequence

LINE = 300
MISSING = "–"
LARGE = 1e4  # from here on with an exponent
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def clean(text: object, *, limit: int = LINE) -> str:
    """Return one line of at most `limit` characters; control, bidirectional and surrogate characters are replaced."""
    line = " ".join(str(text)[: 4 * limit].split())
    safe = line if line.isprintable() else "".join(map(_harmless, line))  # a thousand lines a frame may come here
    return safe if len(safe) <= limit else safe[: limit - 1] + "…"


def _harmless(character: str) -> str:
    return _REPLACEMENT if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co") else character


def sentence(text: str) -> str:
    """Return a clause as a sentence: a full stop, and a capital unless it begins with a file's name."""
    first = text.partition(" ")[0]
    begun = text if not first.isalpha() else text[:1].upper() + text[1:]
    return begun if begun.endswith(".") or not begun else f"{begun}."


def number(value: float | None, digits: int = 4) -> str:
    """Write a number with about `digits` significant digits, or a dash for what is not there."""
    if value is None or not math.isfinite(value):
        return MISSING
    if value == 0:
        return "0"
    if abs(value) >= LARGE:
        return large(value)
    if abs(value) < 1e-4:
        return f"{value:.{max(0, digits - 2)}e}".replace("e-0", "e-")
    whole = max(1, math.floor(math.log10(abs(value))) + 1)
    return f"{value:.{max(0, digits - whole)}f}" if abs(value) >= 1 else f"{value:.{digits}f}"


def large(value: float) -> str:
    """Write a number that is too large to be written out."""
    return f"{value:.2e}".replace("e+0", "e").replace("e+", "e")


def mse(value: float | None) -> str:
    """Write a mean squared error of [0, 1] pixels: to four places, a small one to two digits."""
    if value is None or not math.isfinite(value):
        return MISSING
    if value >= LARGE:
        return large(value)
    if value >= 1e-3 or value == 0:
        return f"{value:.4f}"
    return f"{value:.5f}" if value >= 1e-4 else f"{value:.1e}".replace("e-0", "e-")


def decibels(value: float | None) -> str:
    """Write a PSNR; the unit stands in the heading."""
    return MISSING if value is None or math.isnan(value) else "∞" if math.isinf(value) else f"{value:.1f}"


def shape(sizes: Iterable[object]) -> str:
    """Write a shape as 8×7×7."""
    return "×".join(clean(size, limit=20) for size in sizes)


def pixel(values: Iterable[float]) -> str:
    """Write a pixel's value, or its three colour values."""
    return ", ".join(number(float(value), 3) for value in values)


def counted(count: int, noun: str) -> str:
    """Write '1 run' or '3 runs'."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def tool_tip(text: str) -> str:
    """Return plain text, with its lines, for a tool tip, which would read < and & as markup."""
    return f"<span style='white-space:pre'>{text.replace('&', '&amp;').replace('<', '&lt;')}</span>"


def without_common_folder(names: Sequence[str]) -> list[str]:
    """Return names without the folders that all of them begin with: conv and dense for purdue/conv and purdue/dense."""
    folders = [name.split("/")[:-1] for name in names]
    alike = next((at for at, parts in enumerate(zip(*folders, strict=False)) if len(set(parts)) > 1), None)
    count = min(map(len, folders), default=0) if alike is None else alike
    return ["/".join(name.split("/")[count:]) for name in names] if len(names) > 1 else list(names)
