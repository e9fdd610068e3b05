"""Reasons for what the sheets leave open: each stands below the heading that it is for, and the sheet's words."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from viewer.report import write
from viewer.report.document import Block, Heading, TextBlock
from viewer.report.names import ASSIGNMENTS
from viewer.report.reasons import REASONS


def _text(block: Block) -> str:
    return block.text if isinstance(block, TextBlock) else ""


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_every_reason_stands_below_the_heading_of_its_part(assignment: str, tmp_path: Path, qtbot: QtBot) -> None:
    blocks = write.make(assignment, tmp_path, None, say=lambda _: None).blocks
    for begins, reason in REASONS[assignment].items():
        index = next(index for index, block in enumerate(blocks) if block == TextBlock(reason))
        heading = next(block for block in reversed(blocks[:index]) if block != TextBlock(_text(block), "quote"))
        assert isinstance(heading, Heading) and heading.level == 2 and heading.text.startswith(begins)
