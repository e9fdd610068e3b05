"""A report as one HTML page that needs no other file and reads well in light, in dark and on paper."""

from __future__ import annotations

import base64
import html
import re
from pathlib import Path

from viewer.figures.theme import DARK, LIGHT
from viewer.report.document import Block, FigureBlock, Heading, Report, TableBlock, TextBlock, note
from viewer.report.painting import outer_size, to_png

HEAVY = 200_000  # bytes of a picture that is shown on white in the dark too: a dark copy would double the page
LINE = 24  # letters of a cell that stands on one line
_COMMAND = re.compile("`([^`]+)`")
_KEPT = re.compile(r" (?=(?:%|dB|±)(?:\W|$))|(?<=±) ")  # spaces at which no line ends


def to_html(report: Report) -> str:
    """Return the page; every text is escaped, every picture is inside, and nothing may be loaded from elsewhere."""
    body = "\n".join(_block(number, block) for number, block in enumerate(report.blocks))
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>{text(report.title)}</title><style>{_style()}</style></head>
<body><header><h1>{text(report.title)}</h1><p>{text(report.lead)}</p></header>
{paragraph(note(report.warning)) if report.warning else ""}
{"" if report.most_pages else _contents(report)}
<main>
{body}
</main></body></html>
"""


def _contents(report: Report) -> str:
    entries = "\n".join(
        f'<li class="level{block.level}"><a href="#part-{number}">{text(block.short)}</a></li>'
        for number, block in enumerate(report.blocks)
        if isinstance(block, Heading)
    )
    return f'<nav aria-label="Contents"><h2>Contents</h2><ul>\n{entries}\n</ul></nav>'


def _block(number: int, block: Block) -> str:
    if isinstance(block, Heading):
        return f'<h{block.level} id="part-{number}">{text(block.text)}</h{block.level}>'
    if isinstance(block, TextBlock):
        return paragraph(block)
    if isinstance(block, TableBlock):
        return f'{caption(block.caption)}<div class="table">{rows(block)}</div>'
    return _picture(block)


def paragraph(block: TextBlock) -> str:
    """Set a paragraph; a command in it is set as one."""
    words = _COMMAND.sub(r"<code>\1</code>", text(block.text))
    tag = "blockquote" if block.kind == "quote" else "p"
    return f'<{tag} class="{block.kind}">{words}</{tag}>'


def caption(words: str) -> str:
    return f'<p class="caption">{text(words)}</p>'


def _picture(picture: FigureBlock) -> str:
    width, height = outer_size(picture)
    light, dark, words = to_png(picture, LIGHT), "", text(picture.caption)
    if len(light) <= HEAVY:
        in_dark = _data(to_png(picture, DARK))
        dark = f'<source media="screen and (prefers-color-scheme: dark)" srcset="{in_dark}">'
    image = f'<img src="{_data(light)}" width="{width}" height="{height}" alt="{words}">'
    return f"<figure><picture>{dark}{image}</picture><figcaption>{words}</figcaption></figure>"


def _data(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def rows(table: TableBlock) -> str:
    """Set a table without its caption."""
    head, *body = table.rows
    headings = "".join(
        f'<th scope="col" class="{_column(table, index)}">{text(cell)}</th>' for index, cell in enumerate(head)
    )
    lines = "\n".join(
        f"<tr>{''.join(_cell(table, index, cell) for index, cell in enumerate(row))}</tr>" for row in body
    )
    return (
        f'<table class="rows" cellspacing="0" aria-label="{text(table.caption)}"><thead><tr>{headings}</tr></thead>'
        f"<tbody>\n{lines}\n</tbody></table>"
    )


def _cell(table: TableBlock, index: int, cell: str) -> str:
    tag = 'th scope="row"' if index == 0 else "td"
    line = " line" if len(cell) <= LINE else ""
    return f'<{tag} class="{_column(table, index)}{line}">{text(cell)}</{tag.split()[0]}>'


def _column(table: TableBlock, index: int) -> str:
    if table.code and index == len(table.rows[0]) - 1:
        return "code"
    if index == 0 and table.text_columns == 1:
        return "name"
    return "words" if index < table.text_columns else "figure"


def text(words: str) -> str:
    """Escape text, in which no line ends between a number and its unit."""
    return _KEPT.sub("\N{NO-BREAK SPACE}", html.escape(words, quote=True))


def _style() -> str:
    """Return the page's style, whose colours are the window's in light and in dark."""
    names = "base raised text muted border accent warning warning_ground".split()
    light, dark = (" ".join(f"--{name}: {getattr(theme, name)};" for name in names) for theme in (LIGHT, DARK))
    dark_too = f"@media screen and (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}"
    return f":root {{ {light} }}\n{dark_too}\n{Path(__file__).with_suffix('.css').read_text()}"
