"""Streams and splits by popularity level against a plain dictionary loop."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoemb.config import DatasetConfig, LevelsConfig, StreamConfig
from autoemb.data.stream import build_stream, level_splits, running_popularity
from autoemb.errors import InputError
from autoemb.experiment.ablation import SETTINGS
from autoemb.schema import popularity_bin, popularity_bin_bounds

STARS = [x / 2 for x in range(1, 11)]
rows = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 5), st.sampled_from(STARS), st.integers(0, 9)), min_size=4, max_size=60
)


def table(ratings: list[tuple[int, int, float, int]]) -> pd.DataFrame:
    frame = pd.DataFrame(ratings, columns=["user", "item", "rating", "timestamp"])
    return frame.astype({"user": "int32", "item": "int32", "rating": "float32", "timestamp": "int64"})


def catalogue(tag_genome: bool = False) -> pd.DataFrame:
    return pd.DataFrame({"id": [str(n) for n in range(6)], "tag_genome": [tag_genome and n % 2 == 0 for n in range(6)]})


def by_loop(ratings: list[tuple[int, int, float, int]], test: int, restart: bool) -> list[list[int]]:
    """A stream in the given order, counted the slow way."""
    users, items, result = Counter(), Counter(), []
    for position, (user, item, rating, _) in enumerate(ratings):
        is_test = position >= len(ratings) - test
        if restart and position == len(ratings) - test:
            users, items = Counter(), Counter()
        users[user] += 1
        items[item] += 1
        star_class = {0.5: 0, 1: 0, 1.5: 1, 2: 1, 2.5: 2, 3: 2, 3.5: 3, 4: 3, 4.5: 4, 5: 4}[rating]
        result.append([user, item, int(rating >= 4), star_class, users[user], items[item], int(is_test)])
    return result


@given(rows, st.booleans())
@settings(deadline=None)
def test_given_order_equals_the_loop(ratings, restart):
    config = StreamConfig(order="given", test=0.25, popularity="restart" if restart else "continue")
    stream = build_stream(table(ratings), catalogue(), config, DatasetConfig())
    assert stream.to_numpy().tolist() == by_loop(ratings, round(0.25 * len(ratings)), restart)


@given(rows)
@settings(deadline=None)
def test_temporal_order_keeps_ties_in_file_order(ratings):
    stream = build_stream(table(ratings), catalogue(), StreamConfig(order="temporal", test=2), DatasetConfig())
    in_time = sorted(ratings, key=lambda row: row[3])  # Python's sort is stable
    assert stream.to_numpy().tolist() == by_loop(in_time, 2, False)


@given(rows, st.integers(0, 5))
@settings(deadline=None)
def test_shuffled_order_is_a_seeded_permutation(ratings, seed):
    config = StreamConfig(order="shuffled", test=1, seed=seed)
    streams = [build_stream(table(ratings), catalogue(), config, DatasetConfig()) for _ in range(2)]
    pd.testing.assert_frame_equal(*streams)
    order = np.random.default_rng(seed).permutation(len(ratings))
    assert streams[0].to_numpy().tolist() == by_loop([ratings[i] for i in order], 1, False)


@given(rows, st.integers(2, 80))
@settings(deadline=None)
def test_first_cuts_the_order_before_anything_else(ratings, first):
    config = StreamConfig(order="temporal", test=1, first=first)
    stream = build_stream(table(ratings), catalogue(), config, DatasetConfig())
    in_time = sorted(ratings, key=lambda row: row[3])[:first]
    assert stream.to_numpy().tolist() == by_loop(in_time, 1, False)


@given(st.lists(st.integers(0, 8)))
def test_running_popularity_equals_a_counter(ids):
    seen: Counter[int] = Counter()
    expected = []
    for n in ids:
        seen[n] += 1
        expected.append(seen[n])
    assert running_popularity(np.array(ids, dtype=np.int32)).tolist() == expected


def test_the_rarest_items_with_a_hundredth_of_the_ratings_are_dropped():
    counts = {0: 140, 1: 1, 2: 57, 3: 1, 4: 1}  # of 200 ratings, 2 may go: the rare items are 1, 3, 4
    items = np.repeat(list(counts), list(counts.values()))
    frame = pd.DataFrame({"user": 0, "item": items, "rating": 4.0, "timestamp": np.arange(len(items))})
    frame = frame.astype({"user": "int32", "item": "int32", "rating": "float32", "timestamp": "int64"})
    catalogue = pd.DataFrame({"id": list("abcde"), "tag_genome": False})
    config = StreamConfig(order="given", test=0.25, rare_items="drop-rarest")
    stream = build_stream(frame.sample(frac=1, random_state=0), catalogue, config, DatasetConfig())
    assert stream["item"].value_counts().to_dict() == {0: 140, 2: 57, 4: 1}


def test_tag_genome_keeps_only_its_items():
    ratings = [(0, n % 6, 4.0, n) for n in range(12)]
    config = StreamConfig(order="given", test=1, rare_items="tag-genome")
    stream = build_stream(table(ratings), catalogue(tag_genome=True), config, DatasetConfig())
    assert set(stream["item"]) == {0, 2, 4}
    assert len(stream) == 6
    with pytest.raises(InputError, match="no tag genome"):
        build_stream(table(ratings), catalogue(), config, DatasetConfig())


@pytest.mark.parametrize("name", [name for name, setting in SETTINGS.items() if setting.of == "stream"])
def test_a_setting_keeps_the_interactions_or_says_that_it_does_not(name):
    # else the ablation would pair what is no pair, or the other way round
    base = StreamConfig(order="shuffled", popularity="restart", rare_items="tag-genome", first=100)
    ratings = [(n % 7, n % 6, STARS[n % 10], n * 7919 % 1000) for n in range(300)]

    def interactions(config: StreamConfig) -> pd.DataFrame:
        stream = build_stream(table(ratings), catalogue(tag_genome=True), config, DatasetConfig())
        return stream.drop(columns=["user_popularity", "item_popularity"])

    for trial in SETTINGS[name].trials():
        changed = interactions(base.model_copy(update=trial.change()))
        assert changed.equals(interactions(base)) == SETTINGS[name].same_interactions


@pytest.mark.parametrize("test", [10, 0.01])
def test_an_empty_part_is_refused(test):
    ratings = [(0, 0, 4.0, n) for n in range(10)]
    with pytest.raises(InputError, match="expected at least 1 in each part"):
        build_stream(table(ratings), catalogue(), StreamConfig(order="given", test=test), DatasetConfig())


def test_a_rating_above_the_classes_is_refused():
    with pytest.raises(InputError, match="a rating of 5 is above the last edge"):
        build_stream(
            table([(0, 0, 5.0, n) for n in range(4)]),
            catalogue(),
            StreamConfig(order="given", test=1),
            DatasetConfig(class_edges=(1.0, 4.0)),
        )


def many(users: int = 12, seed: int = 0) -> pd.DataFrame:
    """User n has 5 + 2n ratings."""
    rng = np.random.default_rng(seed)
    user = np.repeat(np.arange(users), 5 + 2 * np.arange(users))
    size = len(user)
    frame = {"user": user, "item": rng.integers(0, 9, size), "rating": rng.choice(STARS, size), "timestamp": 0}
    return pd.DataFrame(frame).astype({"user": "int32", "item": "int32", "rating": "float32", "timestamp": "int64"})


@pytest.mark.parametrize("side", ["user", "item"])
def test_splits_hold_exactly_x_ratings_of_the_same_ids_at_every_level(side):
    interactions = many()
    config = LevelsConfig(side=side, at=(2, 4, 9), test_share=0.25)
    splits = level_splits(interactions, config, DatasetConfig())
    total = interactions[side].value_counts()
    test = np.maximum(np.rint(total * 0.25), 1).astype(int)
    eligible = set(total.index[total - test >= 9])
    assert eligible
    assert set(splits[side]) == eligible
    for level in config.at:
        train = splits[(splits["rank"] >= 0) & (splits["rank"] < level)]
        assert train[side].value_counts().to_dict() == dict.fromkeys(eligible, level)
    held_out = splits.loc[splits["rank"] < 0, side].value_counts().to_dict()
    assert held_out == {n: test[n] for n in eligible}


def test_splits_are_the_interactions_without_any_twice():
    interactions = many().assign(item=lambda frame: np.arange(len(frame), dtype="int32"))  # each row has its own item
    splits = level_splits(interactions, LevelsConfig(at=(3,)), DatasetConfig())
    assert splits["item"].is_unique
    rating = interactions.set_index("item")["rating"]
    assert (splits["regression"] == (rating[splits["item"]].to_numpy() >= 4)).all()


def test_splits_follow_the_seed():
    make = [level_splits(many(), LevelsConfig(at=(3,), seed=s), DatasetConfig()) for s in (0, 0, 1)]
    pd.testing.assert_frame_equal(make[0], make[1])
    assert not make[0].equals(make[2])


def test_too_few_ratings_for_the_highest_level_are_reported():
    with pytest.raises(InputError, match=r"no user has 28 ratings beside a test share of 0\.2; the most is 27"):
        level_splits(many(), LevelsConfig(at=(2, 28)), DatasetConfig())


def test_popularity_bins_partition_the_counts():
    low, high = popularity_bin_bounds()
    assert low[0] == 1
    assert (low[1:] == high[:-1] + 1).all()
    assert (low[:31] == high[:31]).all()  # exact below 32
    counts = np.array([1, 2, 31, 32, 33, 1000, 250_000, 400_000], dtype=np.int32)
    bins = popularity_bin(counts)
    assert ((low[bins] <= counts) & (counts <= high[bins])).all()


def test_a_sample_of_users_keeps_all_of_theirs_and_nothing_of_others():
    dice = np.random.default_rng(0)
    ratings = table(
        list(zip(dice.integers(0, 50, 2000), dice.integers(0, 6, 2000), [4.0] * 2000, range(2000), strict=True))
    )

    def build(**settings: float) -> pd.DataFrame:
        return build_stream(ratings, catalogue(), StreamConfig(order="given", **settings), DatasetConfig())

    whole, sample = build(), build(users=0.3)
    kept = set(sample["user"])
    assert len(kept) == 15
    assert sample[["user", "item"]].equals(whole.loc[whole["user"].isin(kept), ["user", "item"]].reset_index(drop=True))
    assert build(users=0.3).equals(sample)
    assert set(build(users=0.3, seed=1)["user"]) != kept
    assert (sample["user_popularity"] == sample.groupby("user").cumcount() + 1).all()
    with pytest.raises(InputError, match=r"users = 0.001: none of 50 users; expected a larger share"):
        build(users=0.001)
