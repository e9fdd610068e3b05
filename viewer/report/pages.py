"""Where pages end: no piece is cut, nothing that belongs to what follows is left behind. Pure arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

Content = TypeVar("Content")


@dataclass(frozen=True, eq=False)
class Piece(Generic[Content]):
    """Something that is not cut: its height, the space above it where it does not begin a page.

    keep    whether it stays on one page with the piece that follows
    head    what is shown once more above it where it begins a page, a table's heading for one
    least   down to which height it may be shrunk where that brings it to the page before
    mark    the number of the block that it begins, for who looks for its page
    """

    content: Content
    height: float
    above: float = 0.0
    keep: bool = False
    head: Piece[Content] | None = None
    mark: int | None = None
    least: float | None = None


@dataclass(frozen=True, eq=False)
class PlacedPiece(Generic[Content]):
    """A piece and where its upper edge is on its page."""

    piece: Piece[Content]
    top: float


Page = list[PlacedPiece[Content]]


def paginate(pieces: Sequence[Piece[Content]], height: float) -> list[Page[Content]]:
    """Put pieces on pages of this height, one below another; at least one page, though it may be empty."""
    pages: list[Page[Content]] = [[]]
    y = 0.0
    for chain in _chains(pieces):
        chain = _shrunk(chain, y + _height(chain, first=not pages[-1]) - height)
        if pages[-1] and y + _height(chain, first=False) > height and _height(chain, first=True) <= height:
            pages.append([])
            y = 0.0
        for piece in chain:
            if pages[-1] and y + piece.above + piece.height > height:
                pages.append([])
                y = 0.0
            if not pages[-1] and piece.head is not None:
                pages[-1].append(PlacedPiece(replace(piece.head, above=0.0), 0.0))
                y = piece.head.height
            top = y + (piece.above if pages[-1] and pages[-1][-1].piece is not piece.head else 0.0)
            pages[-1].append(PlacedPiece(piece, top))
            y = top + piece.height
    return pages


def _shrunk(chain: list[Piece[Content]], excess: float) -> list[Piece[Content]]:
    """Return a chain that is lower by so much, where one of its pieces may be shrunk that far."""
    for index, piece in enumerate(chain):
        if excess > 0 and piece.least is not None and piece.height - excess >= piece.least:
            return [*chain[:index], replace(piece, height=piece.height - excess - 0.5), *chain[index + 1 :]]
    return chain


def _chains(pieces: Sequence[Piece[Content]]) -> list[list[Piece[Content]]]:
    """Return the pieces in chains that stay together."""
    chains: list[list[Piece[Content]]] = []
    open_chain = False
    for piece in pieces:
        if open_chain:
            chains[-1].append(piece)
        else:
            chains.append([piece])
        open_chain = piece.keep
    return chains


def _height(chain: Sequence[Piece[Content]], *, first: bool) -> float:
    return sum(piece.height + piece.above for piece in chain) - (chain[0].above if first else 0.0)
