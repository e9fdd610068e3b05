"""Batches take every image once, in an order and with a noise that follow from seed and epoch alone."""

from __future__ import annotations

import pytest
import torch

from train.engine.batches import Batches, TestSplit, noise_seed, seed_network, stream_seed
from train.engine.prepare import Preparation
from zoo import registry
from zoo.data.splits import Splits
from zoo.inputs import to_unit

CPU = torch.device("cpu")


def preparation(name: str) -> Preparation:
    recipe = registry.load(name)
    return Preparation.of(recipe, None, device=CPU)


@pytest.fixture
def batches(splits: Splits) -> Batches:
    return Batches.of(splits.train, preparation("purdue/denoise"), batch_size=64, device=CPU)


def test_an_epoch_takes_every_image_once_the_last_batch_being_smaller(batches: Batches) -> None:
    seen = list(batches.epoch(seed=0, epoch=1))
    assert [len(batch.target) for batch in seen] == batches.sizes == [64, 64, 64, 8]
    assert batches.step_count == 4
    targets = torch.cat([batch.target for batch in seen]).flatten(1)
    originals = to_unit(batches.pixels).flatten(1)
    assert sorted(targets.sum(1).tolist()) == pytest.approx(sorted(originals.sum(1).tolist()))


def test_the_same_seed_and_epoch_give_the_same_batches_and_others_do_not(batches: Batches) -> None:
    def images(seed: int, epoch: int) -> torch.Tensor:
        return torch.cat([batch.image for batch in batches.epoch(seed, epoch)])

    assert torch.equal(images(3, 5), images(3, 5))
    assert not torch.equal(images(3, 5), images(3, 6))
    assert not torch.equal(images(3, 5), images(4, 5))


def test_noise_is_drawn_afresh_in_every_epoch(batches: Batches) -> None:
    """Neither the same image nor the same position in the order of an epoch has the noise that it had before."""

    def seen(epoch: int) -> tuple[torch.Tensor, torch.Tensor]:
        found = list(batches.epoch(seed=0, epoch=epoch))
        images = torch.cat([batch.image for batch in found]).flatten(1)
        return images, torch.cat([batch.target for batch in found]).flatten(1)

    def sorted_by_target(images: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        order = torch.tensor(sorted(range(len(targets)), key=lambda index: targets[index].tolist()))
        return images[order], targets[order]

    one, two = seen(1), seen(2)
    for (image, target), (other, other_target) in ((one, two), (sorted_by_target(*one), sorted_by_target(*two))):
        unclipped = (image > 0) & (image < 1) & (other > 0) & (other < 1)
        differences = ((image - target) - (other - other_target))[unclipped].abs()
        assert len(differences) > 1000
        assert float((differences < 1e-3).float().mean()) < 0.05


def test_noise_has_its_deviation_is_clipped_and_never_touches_the_target(batches: Batches) -> None:
    batch = next(batches.epoch(seed=0, epoch=1))
    assert batch.image.min() >= 0
    assert batch.image.max() <= 1
    middle = (batch.target > 0.4) & (batch.target < 0.6)  # clipped nearly never: two deviations away
    assert middle.sum() > 1000
    assert (batch.image - batch.target)[middle].std() == pytest.approx(0.25, abs=0.02)
    assert set(to_unit(batches.pixels).unique().tolist()) >= set(batch.target.unique().tolist())


def test_without_noise_the_input_is_the_target(splits: Splits) -> None:
    batches = list(Batches.of(splits.train, preparation("purdue/conv"), batch_size=50, device=CPU).epoch(0, 1))
    assert len(batches) == 4
    assert all(torch.equal(batch.image, batch.target) for batch in batches)


def test_a_classifier_is_trained_on_distorted_letters_and_tested_on_the_letters_themselves(splits: Splits) -> None:
    prepare = preparation("letters/classifier")
    assert prepare.recipe.data.augment
    batches = Batches.of(splits.train, prepare, batch_size=50, device=CPU)
    index = torch.arange(50)
    drawn = batches.gather(index, torch.Generator().manual_seed(0)).image
    assert float((drawn - to_unit(batches.pixels[index])).abs().mean()) > 0.02
    test = TestSplit.of(splits.test, prepare, device=CPU)
    assert torch.equal(test.inputs, to_unit(torch.from_numpy(splits.test.pixels)))


def test_the_test_split_has_the_same_noise_for_every_run(splits: Splits) -> None:
    one, two = (TestSplit.of(splits.test, preparation("purdue/denoise"), device=CPU) for _ in range(2))
    assert torch.equal(one.inputs, two.inputs)
    assert not torch.equal(one.inputs, one.pictures)
    assert sum(len(batch.image) for batch in one.batches(7)) == len(splits.test)


def test_streams_of_random_numbers_do_not_meet() -> None:
    seeds = {stream_seed(seed, epoch, stream) for seed in range(10) for epoch in range(10) for stream in range(4)}
    assert len(seeds) == 400
    found = [stream_seed(3, 5, 0), noise_seed(3, 5)]
    with torch.random.fork_rng(devices=[]):
        for share in range(4):
            seed_network(3, 5, share)
            found.append(torch.initial_seed())
    assert len(set(found)) == len(found), "order, noise, and the network's own in each share"


def test_the_order_is_another_for_every_seed_and_epoch_and_every_round_of_it(splits: Splits) -> None:
    batches = Batches.of(splits.train, preparation("purdue/conv"), batch_size=30, device=CPU, steps=20)
    assert torch.equal(batches.order(3, 5), batches.order(3, 5))
    rounds = [part for order in (batches.order(*of) for of in ((3, 5), (3, 6), (4, 5))) for part in order.split(200)]
    seen = {tuple(part.tolist()) for part in (*rounds, torch.arange(200))}
    assert len(seen) == 10, "nine orders, none of them that of the file"
    assert all(torch.equal(part.sort().values, torch.arange(200)) for part in rounds)


def test_the_pixels_of_a_split_are_not_copied_on_the_cpu(splits: Splits) -> None:
    batches = Batches.of(splits.train, preparation("purdue/conv"), batch_size=30, device=CPU)
    assert batches.pixels.data_ptr() == splits.train.pixels.ctypes.data


def test_with_a_number_of_steps_the_images_are_taken_over_and_over_each_as_often(splits: Splits) -> None:
    batches = Batches.of(splits.train, preparation("purdue/conv"), batch_size=30, device=CPU, steps=20)
    seen = torch.cat([batch.target for batch in batches.epoch(0, 1)])
    assert batches.sizes == [30] * 20
    assert len(seen) == 3 * len(splits.train)
    _, counts = seen.flatten(1).unique(dim=0, return_counts=True)
    assert set(counts.tolist()) <= {3, 6, 9}  # of images that are drawn alike, a multiple


def test_a_batch_is_never_larger_than_the_split_it_is_taken_from(splits: Splits) -> None:
    batches = Batches.of(splits.train, preparation("purdue/conv"), batch_size=10_000, device=CPU, steps=2)
    assert [len(batch.image) for batch in batches.epoch(0, 1)] == [len(splits.train)] * 2
