"""Reasons for what the sheets leave open: each stands below the heading that it is for, and the sheet's words."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from viewer.report import write
from viewer.report.document import Heading, TextBlock
from viewer.report.sheets import ASSIGNMENTS


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_every_reason_stands_below_the_heading_of_its_part(assignment: str, tmp_path: Path, qtbot: QtBot) -> None:
    blocks = write.make(assignment, tmp_path, None, say=lambda _: None).blocks
    reasons = [
        index
        for index, block in enumerate(blocks)
        if isinstance(block, TextBlock) and block.text.startswith("Our choices: ")
    ]
    assert reasons
    for index in reasons:
        before = blocks[index - 1]
        is_quoted = isinstance(before, TextBlock) and before.kind == "quote"
        heading = blocks[index - 2] if is_quoted else before
        assert isinstance(heading, Heading) and heading.level == 2
