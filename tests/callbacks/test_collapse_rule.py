"""The rule of the collapse guard on signals in closed form: what is an alarm, when, and for which reason."""

import math

import numpy as np
import pytest

from kerasgan.callbacks import CollapseRule
from kerasgan.callbacks.collapse_rule import Inspection

OFF = {"low_loss": None, "loss_jump": None, "sigma_growth": None, "variety_share": None, "real_share": None}
STEADY = (1.0, 2.0, 4.0)  # critic's loss, sigma0, variety


def looks(length=40, loss=STEADY[0], sigma=STEADY[1], variety=STEADY[2]):
    series = zip(*(np.broadcast_to(values, length).tolist() for values in (loss, sigma, variety)))
    return [Inspection(one, {"generator k": two, "critic k": 1.0}, {"variety": three}) for one, two, three in series]


def walk(rule, series, real=None):
    """Judge looks one after the other as the guard does; returns all verdicts."""
    healthy, low, verdicts = [], 0, []
    for look in series:
        verdict, low = rule.judge(look, healthy, low, real)
        healthy += [look] if verdict.healthy else []
        verdicts.append(verdict)
    return verdicts


def alarms(verdicts):
    return [index for index, verdict in enumerate(verdicts) if verdict.alarms]


def spikes(value, usual, places, length=40):
    return np.where(np.isin(np.arange(length), places), value, usual)


def test_what_is_steady_is_healthy():
    assert all(verdict.healthy for verdict in walk(CollapseRule(), looks(), {"variety": 4.0}))


def test_variety_below_its_share_of_the_median_is_an_alarm_with_its_numbers():
    rule = CollapseRule(**{**OFF, "variety_share": 0.5})
    verdicts = walk(rule, looks(variety=np.where(np.arange(40) < 30, 4.0, 1.24)))
    assert alarms(verdicts) == list(range(30, 40))  # what is not healthy does not move the median
    assert verdicts[30].alarms == ("variety 1.24, 31% of its median 4",)
    assert not alarms(walk(rule, looks(variety=spikes(2.01, 4.0, [30]))))
    assert alarms(walk(rule, looks(variety=spikes(1.99, 4.0, [30])))) == [30]


def test_a_slow_decay_is_an_alarm_if_it_is_fast_against_the_history():
    # the median of the last m = 9 of r^k is r^(k - 5): the share is r^5 = 0.59, and above 0.6 with fewer than 9
    decay = 4.0 * 0.9 ** np.arange(40)
    for share, expected in ((0.58, []), (0.6, 9)):
        found = alarms(walk(CollapseRule(**{**OFF, "variety_share": share}, history=9), looks(variety=decay)))
        assert found[:1] == (expected if expected == [] else [expected])


def test_sigma0_beyond_its_growth_names_the_kernel():
    growth = 2.0 * 1.2 ** np.arange(40)  # likewise, 1.2^5 = 2.49
    for factor, expected in ((2.5, []), (2.4, [9])):
        verdicts = walk(CollapseRule(**{**OFF, "sigma_growth": factor}, history=9), looks(sigma=growth))
        assert alarms(verdicts)[:1] == expected
    assert verdicts[9].alarms == ("sigma0 of generator k 10.3, its median was 4.15",)


def test_the_loss_must_be_low_for_some_looks():
    rule = CollapseRule(**{**OFF, "low_loss": 0.1}, low_loss_looks=3)
    verdicts = walk(rule, looks(loss=np.where(np.arange(40) < 20, 1.0, 0.05)))
    assert alarms(verdicts) == list(range(22, 40))
    assert [bool(verdict.doubts) for verdict in verdicts[19:23]] == [False, True, True, False]
    assert not verdicts[20].healthy and verdicts[22].alarms == (
        "critic's loss 0.05, 5% of its median 1, low for 3 looks",
    )
    assert not alarms(walk(rule, looks(loss=spikes(0.05, 1.0, [20, 21, 23, 24]))))


def test_a_wasserstein_critics_loss_may_go_to_zero():
    assert not alarms(walk(CollapseRule(), looks(loss=-np.exp(-np.arange(40) / 10.0))))


def test_a_loss_that_jumps_either_way_is_an_alarm():
    rule = CollapseRule(**{**OFF, "loss_jump": 10.0})
    for value, expected in ((10.99, []), (11.01, [30]), (-8.99, []), (-9.01, [30])):  # 1 +- 10 x 1
        assert alarms(walk(rule, looks(loss=spikes(value, 1.0, [30])))) == expected
    around_zero = np.where(np.arange(40) % 2, 0.5, -0.5)  # median 0, of its absolute value 0.5
    for value, expected in ((4.9, []), (5.3, [30])):
        assert alarms(walk(rule, looks(loss=np.where(np.arange(40) == 30, value, around_zero)))) == expected
    assert walk(rule, looks(loss=spikes(300.0, 1.0, [30])))[30].alarms == (
        "critic's loss 300, more than 10 x 1 from its median",
    )


def test_variety_is_compared_with_that_of_real_images():
    rule = CollapseRule(**{**OFF, "real_share": 0.2})
    assert not alarms(walk(rule, looks(), {"variety": 19.9}))
    verdicts = walk(rule, looks(), {"variety": 20.1})
    assert alarms(verdicts) == list(range(rule.warmup, 40))
    assert verdicts[-1].alarms == ("variety 4, 20% of real images' 20.1",)
    assert not alarms(walk(rule, looks(), {"variety within a class": 100.0}))


def test_the_first_looks_are_not_judged_unless_they_are_not_finite():
    rule = CollapseRule(warmup=7)
    series = looks(variety=np.where(np.arange(40) < 3, 100.0, 1.0))
    assert alarms(walk(rule, series[:7])) == []
    assert alarms(walk(CollapseRule(warmup=3), series)) == list(range(3, 40))
    for name, look in (
        ("critic's loss", Inspection(math.nan, {}, {"variety": 1.0})),
        ("sigma0 of k", Inspection(1.0, {"k": math.inf}, {"variety": 1.0})),
        ("variety", Inspection(1.0, {}, {"variety": math.nan})),
    ):
        [reason] = CollapseRule(**OFF).judge(look, [])[0].alarms
        assert reason.startswith(f"{name} is ")


def test_none_turns_every_signal_off():
    rng = np.random.default_rng(0)
    wild = looks(loss=1e3 * rng.normal(size=40), sigma=np.exp(9 * rng.normal(size=40)), variety=rng.random(40) ** 9)
    assert len(alarms(walk(CollapseRule(), wild, {"variety": 1.0}))) > 10
    assert not alarms(walk(CollapseRule(**OFF), wild, {"variety": 1.0}))


def test_thresholds_out_of_their_range_are_named():
    for name, value in (
        ("low_loss", 0.0),
        ("low_loss", 1.0),
        ("variety_share", 1.5),
        ("real_share", -0.1),
        ("loss_jump", 0.0),
        ("sigma_growth", 1.0),
        ("sigma_growth", math.nan),
    ):
        with pytest.raises(ValueError, match=f"{name}: expected a .*; got {value}"):
            CollapseRule(**{name: value})
    for name in ("low_loss_looks", "history", "warmup"):
        with pytest.raises(ValueError, match=f"{name}: expected an integer of at least 1, got 0"):
            CollapseRule(**{name: 0})
