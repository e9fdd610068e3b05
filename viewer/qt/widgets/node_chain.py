"""The nodes of a graph as a chain from input to output; each can be chosen; those without feature maps are slanted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QAbstractItemView, QFrame, QListWidget, QListWidgetItem, QWidget

from viewer.qt.application import make_small
from viewer.state.formatting import tool_tip

ITEM = Qt.ItemDataRole.UserRole


@dataclass(frozen=True)
class ChainItem:
    """A node: two lines, a tip, and which of the layers with feature maps it is, None for none of them."""

    title: str
    below: str = ""
    tip: str = ""
    layer: int | None = None


class NodeChain(QListWidget):
    """A row of nodes that scrolls; Left and Right or a click choose one."""

    chosen = Signal(object)  # ChainItem

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        make_small(self)
        self.setObjectName("chain")
        self.setAccessibleName("Nodes of the graph")
        self.setToolTip(
            "The nodes of the graph from input to output; choose one to see its properties and its feature maps (↑ ↓)"
        )
        self.setFlow(QListWidget.Flow.LeftToRight)
        self.setWrapping(False)
        self.setSpacing(3)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        lines = 2 * self.fontMetrics().height()
        self.setFixedHeight(lines + 18 + self.horizontalScrollBar().sizeHint().height())
        self.currentItemChanged.connect(self._emit)

    @property
    def lines(self) -> list[str]:
        """The text of every node, on one line each."""
        return [self.item(row).text().replace("\n", " ").strip() for row in range(self.count())]

    def show_items(self, items: Sequence[ChainItem]) -> None:
        """Show these nodes instead of those before."""
        self.blockSignals(True)
        self.clear()
        for each in items:
            item = QListWidgetItem(f"{each.title}\n{each.below}")
            item.setTextAlignment(Qt.AlignmentFlag.AlignHCenter)
            item.setToolTip(tool_tip(each.tip))
            item.setData(ITEM, each)
            font = item.font()
            font.setItalic(each.layer is None)
            item.setFont(font)
            self.addItem(item)
        self.blockSignals(False)

    def mark(self, layer: int) -> None:
        """Mark the node of a layer, and scroll to it."""
        rows = (row for row in range(self.count()) if self.item(row).data(ITEM).layer == layer)
        row = next(rows, -1)
        self.blockSignals(True)
        self.setCurrentRow(row)
        self.blockSignals(False)
        if row >= 0:
            self.scrollToItem(self.item(row), QAbstractItemView.ScrollHint.PositionAtCenter)

    def _emit(self, item: QListWidgetItem | None, _before: QListWidgetItem | None) -> None:
        if item is not None:
            self.chosen.emit(item.data(ITEM))
