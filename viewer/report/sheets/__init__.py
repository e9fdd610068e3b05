"""The sheets. What they ask for, in their words, stands in NAME.md, with our choices and what needs no run to be said.

A paragraph `{name}` there stands for what `blocks(reader)` in NAME.py makes of the runs, by that name. A sheet that is
put here is a report by being here.
"""

from pathlib import Path

FOLDER = Path(__file__).parent
ASSIGNMENTS = tuple(sorted(path.stem for path in FOLDER.glob("*.md")))
