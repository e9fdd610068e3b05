"""A report as one HTML page that needs no other file and reads well in light, in dark and on paper."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Mapping

from viewer.figures.theme import DARK, LIGHT, Theme
from viewer.report.document import Block, FigureBlock, Heading, Report, TableBlock, TextBlock, note
from viewer.report.painting import outer_size

LINE = 24  # letters of a cell that stands on one line
_COMMAND = re.compile("`([^`]+)`")
_KEPT = re.compile(r" (?=(?:%|dB|±)(?:\W|$))|(?<=±) ")  # spaces at which no line ends

Painted = Mapping[tuple[str, str], bytes]  # (picture's name, theme's name) → PNG; a dark one need not be there


def to_html(report: Report, images: Painted) -> str:
    """Return the page; every text is escaped, every picture is inside, and nothing may be loaded from elsewhere."""
    body = "\n".join(_block(number, block, images) for number, block in enumerate(report.blocks))
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>{text(report.title)}</title><style>{_STYLE}</style></head>
<body><header><h1>{text(report.title)}</h1><p>{text(report.lead)}</p></header>
{_block(0, note(report.warning), {}) if report.warning else ""}
{"" if report.most_pages else _contents(report)}
<main>
{body}
</main></body></html>
"""


def _contents(report: Report) -> str:
    entries = "\n".join(
        f'<li class="level{block.level}"><a href="#{_anchor(number)}">{text(block.short)}</a></li>'
        for number, block in enumerate(report.blocks)
        if isinstance(block, Heading)
    )
    return f'<nav aria-label="Contents"><h2>Contents</h2><ul>\n{entries}\n</ul></nav>'


def _anchor(number: int) -> str:
    return f"part-{number}"


def _block(number: int, block: Block, images: Painted) -> str:
    if isinstance(block, Heading):
        return f'<h{block.level} id="{_anchor(number)}">{text(block.text)}</h{block.level}>'
    if isinstance(block, TextBlock):
        return paragraph(block)
    if isinstance(block, TableBlock):
        return f'{caption(block.caption)}<div class="table">{rows(block)}</div>'
    return _picture(block, images)


def paragraph(block: TextBlock) -> str:
    """Set a paragraph; a command in it is set as one."""
    words = _COMMAND.sub(r"<code>\1</code>", text(block.text))
    return f'<p class="{block.kind}">{words}</p>'


def caption(words: str) -> str:
    return f'<p class="caption">{text(words)}</p>'


def _picture(picture: FigureBlock, images: Painted) -> str:
    width, height = outer_size(picture)
    dark = images.get((picture.name, DARK.name))
    dark_source = f'<source media="screen and (prefers-color-scheme: dark)" srcset="{_data(dark)}">' if dark else ""
    light = _data(images[picture.name, LIGHT.name])
    words = text(picture.caption)
    image = f'<img src="{light}" width="{width}" height="{height}" alt="{words}">'
    return f"<figure><picture>{dark_source}{image}</picture><figcaption>{words}</figcaption></figure>"


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


def _variables(theme: Theme) -> str:
    return (
        f"--base: {theme.base}; --raised: {theme.raised}; --text: {theme.text}; --muted: {theme.muted}; "
        f"--border: {theme.border}; --accent: {theme.accent}; --warning: {theme.warning}; "
        f"--warning-ground: {theme.warning_ground};"
    )


_STYLE = f"""
:root {{ {_variables(LIGHT)} }}
@media screen and (prefers-color-scheme: dark) {{ :root {{ {_variables(DARK)} }} }}
html {{ background: var(--base); color: var(--text); }}
body {{ font: 16px/1.55 system-ui, 'DejaVu Sans', sans-serif; max-width: 940px; margin: 2em auto; padding: 0 1em; }}
h1 {{ font-size: 1.7em; line-height: 1.25; margin: 0 0 .3em; }}
h2 {{ font-size: 1.35em; line-height: 1.3; margin: 2.2em 0 .6em; padding-top: .5em; }}
h2 {{ border-top: 2px solid var(--border); }}
h3 {{ font-size: 1.08em; line-height: 1.4; margin: 1.8em 0 .5em; }}
p, h2, h3 {{ max-width: 46em; overflow-wrap: anywhere; }}
header p {{ color: var(--muted); margin: 0; }}
nav {{ margin: 1.5em 0; }} nav h2 {{ border: 0; margin: 0; font-size: 1.1em; }}
nav ul {{ list-style: none; margin: 0; padding: 0; }} nav a {{ color: var(--accent); text-decoration: none; }}
nav a:hover {{ text-decoration: underline; }}
nav .level2 {{ margin-top: .5em; font-weight: 600; }} nav .level3 {{ padding-left: 1.5em; font-size: .93em; }}
p.quote {{ margin: .8em 0; padding: .1em 0 .1em 1em; border-left: 3px solid var(--border); color: var(--muted); }}
.answer {{ border-left: 3px solid var(--accent); padding-left: 1em; }}
.note {{ background: var(--warning-ground); color: var(--warning); padding: .5em 1em; border-radius: 6px; }}
code {{ font: .9em 'DejaVu Sans Mono', monospace; }}
.table {{ overflow-x: auto; margin: 0 0 1.2em; }}
table {{ border-collapse: collapse; font-size: .9em; font-variant-numeric: tabular-nums; }}
.caption {{ color: var(--muted); font-size: .92em; margin: 1.4em 0 .3em; }}
td, th {{ padding: .25em .8em; border-bottom: 1px solid var(--border); text-align: right; font-weight: normal; }}
thead th {{ color: var(--muted); font-weight: 600; vertical-align: bottom; }}
.words, .name {{ text-align: left; }} .name, .line {{ white-space: nowrap; }}
.code {{ text-align: left; font: .85em monospace; word-break: break-all; }}
figure {{ margin: 1.5em 0; }} figcaption {{ color: var(--muted); font-size: .92em; max-width: 50em; }}
picture {{ display: block; margin: 0 -10px; }} img {{ max-width: 100%; height: auto; display: block; }}
@media screen and (max-width: 640px) {{ picture {{ overflow-x: auto; }} img {{ max-width: 640px; }} }}
@page {{ size: A4; margin: 16mm; }}
@media print {{
  body {{ font-size: 10.5pt; margin: 0; max-width: none; padding: 0; }} nav a {{ color: inherit; }}
  figure, tr, .answer, .note, .quote {{ break-inside: avoid; }}
  h1, h2, h3, .caption, .quote {{ break-after: avoid; }}
  picture {{ margin: 0; }} .table {{ overflow: visible; }} table {{ font-size: .8em; }} td, th {{ padding: .2em .5em; }}
}}
"""
