"""Bottlenecks become the pictures that they should."""

from __future__ import annotations

import numpy as np
import pytest

from viewer.state import tiles


def test_a_hundred_values_are_shown_as_ten_by_ten_row_by_row() -> None:
    values = np.arange(200, dtype=np.float32).reshape(2, 100)
    grid = tiles.grid_of((100,), (10, 10))
    np.testing.assert_array_equal(tiles.tile(values, grid), values.reshape(2, 10, 10))


def test_eight_maps_of_seven_by_seven_are_four_rows_of_two() -> None:
    values = np.arange(8 * 49, dtype=np.float32).reshape(1, 8, 7, 7)
    grid = tiles.grid_of((8, 7, 7), (28, 14))
    assert (grid.rows, grid.columns, grid.shape) == (4, 2, (28, 14))
    expected = np.vstack([np.hstack([values[0, 2 * row], values[0, 2 * row + 1]]) for row in range(4)])
    np.testing.assert_array_equal(tiles.tile(values, grid)[0], expected)


def test_without_a_card_the_eight_maps_are_tiled_alike() -> None:
    assert tiles.grid_of((8, 7, 7)) == tiles.grid_of((8, 7, 7), (28, 14))


@pytest.mark.parametrize(
    ("shape", "picture"),
    [((100,), (10, 10)), ((10,), (3, 4)), ((16, 4, 4), (16, 16)), ((2, 7, 7), (7, 14)), ((1,), (1, 1))],
)
def test_without_a_card_the_picture_is_near_square(shape: tuple[int, ...], picture: tuple[int, int]) -> None:
    assert tiles.grid_of(shape).shape == picture


def test_a_view_that_does_not_fit_the_values_is_not_believed() -> None:
    assert tiles.grid_of((100,), (3, 3)).shape == (10, 10)
    assert tiles.grid_of((8, 7, 7), (27, 15)).shape == (28, 14)


def test_cells_left_over_are_gaps() -> None:
    picture = tiles.tile(np.ones((1, 10), dtype=np.float32), tiles.grid_of((10,)))[0]
    assert np.isnan(picture).sum() == 2 and np.nansum(picture) == 10


def test_the_range_passes_over_what_is_not_finite() -> None:
    assert tiles.value_range(np.array([np.nan, 3.0, -1.0, np.inf])) == (-1.0, 3.0)
    assert tiles.value_range(np.array([np.nan])) == (0.0, 0.0)


def test_a_view_with_room_for_all_is_taken_if_it_is_cut_into_whole_maps_and_else_they_are_near_square() -> None:
    assert tiles.grid_of((10,), (2, 5)).shape == (2, 5)
    assert tiles.grid_of((2, 3, 2), (4, 7)) == tiles.grid_of((2, 3, 2)) == tiles.Grid(1, 2, 3, 2)
    assert tiles.grid_of((4, 3, 2)) == tiles.Grid(2, 3, 3, 2), "columns count as much as the maps are high"
    assert tiles.grid_of((2, 9, 1)) == tiles.Grid(1, 2, 9, 1), "no more columns than maps"


def test_every_unit_is_found_at_its_pixel_and_is_called_by_map_row_and_column() -> None:
    shape, grid = (5, 2, 3), tiles.Grid(3, 2, 2, 3)
    units = tiles.units_of(grid, 30)
    picture = tiles.tile(np.arange(30, dtype=np.float32).reshape(1, *shape), grid)[0]
    np.testing.assert_array_equal(units, np.nan_to_num(picture, nan=-1))
    for unit in range(30):
        assert units[tiles.pixel_of(grid, unit)] == unit
        assert tiles.position_in_map(shape, unit) == tuple(map(int, np.unravel_index(unit, shape)))
    assert (tiles.unit_name(shape, 17), tiles.unit_name((7,), 3)) == ("map 3, row 2, column 3", "unit 4")
