"""Values that came as JSON from a process that may have been taken over, checked against the types they should have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import is_dataclass
from functools import lru_cache
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from viewer.state.numbers import LARGEST_WHOLE

MOST, LONGEST = 512, 4096  # entries of a list; characters of a text


def checked(kind: Any, value: Any) -> Any:
    """Return a value as a dataclass, a tuple, a mapping, a union or a plain type; raise ValueError if it is none."""
    origin, inner = get_origin(kind), get_args(kind)
    if is_dataclass(kind) and isinstance(value, dict):
        return _made(kind, value)
    if origin is UnionType:
        return _first_that_fits(inner, value)
    if origin is tuple and isinstance(value, list | tuple) and len(value) <= MOST:
        kinds = inner[:1] * len(value) if inner[-1] is Ellipsis else inner
        return tuple(checked(each, entry) for each, entry in zip(kinds, value, strict=True))
    if origin in (dict, Mapping) and isinstance(value, dict) and len(value) <= MOST:
        return {name: checked(inner[1], entry) for name, entry in value.items()}
    if type(value) is not kind or not _is_bounded(value):
        raise ValueError(f"no proper {getattr(kind, '__name__', kind)}")
    return value


def _is_bounded(value: object) -> bool:
    if isinstance(value, int):
        return abs(value) < LARGEST_WHOLE
    return isinstance(value, NoneType) or (isinstance(value, str) and len(value) <= LONGEST)


@lru_cache
def _types_of(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def _made(kind: Any, values: dict[str, Any]) -> Any:
    types = _types_of(kind)
    if not types.keys() <= values.keys():
        raise ValueError(f"no proper {kind.__name__}")
    return kind(**{name: checked(each, values[name]) for name, each in types.items()})


def _first_that_fits(kinds: tuple[Any, ...], value: Any) -> Any:
    for kind in kinds[:-1]:
        try:
            return checked(kind, value)
        except ValueError:
            continue
    return checked(kinds[-1], value)
