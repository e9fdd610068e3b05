"""A session of changing units: pure values, without a window."""

from __future__ import annotations

import numpy as np

from viewer.state.units import Edits, UnitEdits

SAMPLES = np.array([[1.0, 2.0, 3.0, 4.0], [5.0, 2.0, 3.0, 0.0]], np.float32)


def test_a_session_ends_with_its_run_and_what_fits_no_more_is_dropped() -> None:
    session = UnitEdits("run a").choosing(3, 4).setting(9.0)
    assert session.of("run a") is session
    assert session.of("run b") == UnitEdits("run b")
    assert session.fitting(4) is session
    assert session.fitting(3) == UnitEdits("run a"), "unit 4 is not there any more"


def test_units_are_chosen_set_and_given_back() -> None:
    session = UnitEdits().choosing(9, 4)
    assert session.unit == 3, "the last of four"
    assert UnitEdits().setting(1.0) == UnitEdits(), "nothing is set where no unit is chosen"
    changed = session.setting(-2.0).zeroing_map((2, 1, 2), 0)
    assert changed.edits.values == {3: -2.0, 0: 0.0, 1: 0.0} and changed.value(SAMPLES[0]) == -2.0
    assert changed.to_decode(SAMPLES[0]).tolist() == [[1, 2, 3, 4], [0, 0, 3, -2]]
    reset = changed.without_edits()
    assert reset.edits == Edits() and reset.unit == 3 and reset.to_decode(SAMPLES[0]).tolist() == [[1, 2, 3, 4]]


def test_to_choose_none_ends_a_sweep_and_another_goes_on_with_it() -> None:
    sweeping = UnitEdits(unit=0, sweeping=True)
    assert sweeping.choosing(1, 4).sweeping
    none = sweeping.choosing(-1, 4)
    assert none.unit is None and not none.sweeping and none.value(SAMPLES[0]) == 0 and none.sweep_key == ()


def test_a_sweep_goes_through_the_units_range_with_the_other_changes_kept() -> None:
    session = UnitEdits(unit=0, edits=Edits({0: 100.0, 2: -1.0}), sweeping=True)
    assert session.range(SAMPLES) == (1.0, 5.0) and UnitEdits().range(SAMPLES) == (0.0, 1.0)
    sweep = session.sweep(SAMPLES, 1)
    assert sweep.unit == 0 and sweep.steps.tolist() == [1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5]
    assert (sweep.inputs[:, 0] == sweep.steps).all() and (sweep.inputs[:, 1:] == [2, -1, 0]).all()
    assert session.sweep_key == session.setting(7.0).sweep_key, "the unit's own value makes no difference"
    assert session.sweep_key != session.without_edits().sweep_key
