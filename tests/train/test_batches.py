"""Batches deal every image once, in an order and with a noise that follow from seed and epoch alone."""

from __future__ import annotations

import pytest
import torch

from train.batches import Batches, TestSplit, stream_seed, to_unit
from train.loop import Splits

CPU = torch.device("cpu")


@pytest.fixture
def batches(splits: Splits) -> Batches:
    return Batches.of(splits.train, batch_size=64, noise=0.25, device=CPU)


def test_an_epoch_deals_every_image_once_the_last_batch_being_smaller(batches: Batches) -> None:
    dealt = list(batches.epoch(seed=0, epoch=1))
    assert [len(batch.target) for batch in dealt] == batches.sizes == [64, 64, 64, 8]
    assert batches.steps == 4
    targets = torch.cat([batch.target for batch in dealt]).flatten(1)
    originals = to_unit(batches.pixels).flatten(1)
    assert sorted(targets.sum(1).tolist()) == pytest.approx(sorted(originals.sum(1).tolist()))


def test_the_same_seed_and_epoch_give_the_same_batches_and_others_do_not(batches: Batches) -> None:
    def images(seed: int, epoch: int) -> torch.Tensor:
        return torch.cat([batch.image for batch in batches.epoch(seed, epoch)])

    assert torch.equal(images(3, 5), images(3, 5))
    assert not torch.equal(images(3, 5), images(3, 6))
    assert not torch.equal(images(3, 5), images(4, 5))


def test_noise_has_its_deviation_is_clipped_and_never_touches_the_target(batches: Batches) -> None:
    batch = next(batches.epoch(seed=0, epoch=1))
    assert batch.image.min() >= 0
    assert batch.image.max() <= 1
    middle = (batch.target > 0.4) & (batch.target < 0.6)  # clipped nearly never: two deviations away
    assert middle.sum() > 1000
    assert (batch.image - batch.target)[middle].std() == pytest.approx(0.25, abs=0.02)
    assert set(to_unit(batches.pixels).unique().tolist()) >= set(batch.target.unique().tolist())


def test_without_noise_the_input_is_the_target(splits: Splits) -> None:
    for batch in Batches.of(splits.train, batch_size=50, noise=0.0, device=CPU).epoch(0, 1):
        assert torch.equal(batch.image, batch.target)


def test_the_test_split_is_noisy_in_the_same_way_for_every_run(splits: Splits) -> None:
    one, two = (TestSplit.of(splits.test, noise=0.25, device=CPU) for _ in range(2))
    assert torch.equal(one.inputs, two.inputs)
    assert not torch.equal(one.inputs, one.targets)
    assert sum(len(batch.image) for batch in one.batches(7)) == len(splits.test)


def test_streams_of_random_numbers_do_not_meet() -> None:
    seeds = {stream_seed(seed, epoch, stream) for seed in range(10) for epoch in range(10) for stream in range(4)}
    assert len(seeds) == 400
