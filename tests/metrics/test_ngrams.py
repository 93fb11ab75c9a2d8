"""N-grams counted one by one, and their Jensen-Shannon divergence against SciPy's and closed forms."""

import itertools
import math

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon

from kerasgan.metrics import ngrams

RNG = np.random.default_rng(0)


def random_lines(weights, number):
    """Return lines of 3 to 12 letters a, b, c."""
    return ["".join(RNG.choice(list("abc"), RNG.integers(3, 13), p=weights)) for _ in range(number)]


def occurrences(gram, lines):
    return sum(line[i:].startswith(gram) for line in lines for i in range(len(line)))


def all_grams(n):
    return ["".join(letters) for letters in itertools.product("abc", repeat=n)]


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_counts_and_divergence_are_brute_forces_and_scipys(n):
    first, second = random_lines([0.6, 0.3, 0.1], 15), random_lines([0.2, 0.2, 0.6], 9)
    p, q = ([occurrences(gram, lines) for gram in all_grams(n)] for lines in (first, second))
    counted = ngrams.counts(first, n), ngrams.counts(second, n)
    assert [counted[0][gram] for gram in all_grams(n)] == p and sum(counted[0].values()) == sum(p)
    wanted = jensenshannon(p, q, base=2) ** 2
    assert 0.01 < wanted < 0.99
    assert ngrams.jensen_shannon(*counted) == pytest.approx(wanted, rel=1e-9)
    assert ngrams.jensen_shannon(*counted[::-1]) == pytest.approx(wanted, rel=1e-9)


def test_numbers_of_characters_give_what_characters_give():
    first, second = random_lines([0.6, 0.3, 0.1], 15), random_lines([0.2, 0.2, 0.6], 9)

    def divergence(one, other):
        return ngrams.jensen_shannon(ngrams.counts(one, 3), ngrams.counts(other, 3))

    numbers = [[tuple(map(ord, line)) for line in lines] for lines in (first, second)]
    assert divergence(*numbers) == pytest.approx(divergence(first, second), rel=1e-12)
    assert divergence(map(tuple, np.array([[1, 2, 3, 4]]).tolist()), [(2, 3, 4), (1, 2, 3)]) == 0


def test_closed_forms():
    def divergence(first, second, n=1):
        return ngrams.jensen_shannon(ngrams.counts(first, n), ngrams.counts(second, n))

    assert divergence(["abcab"], ["abcab", "abcab"]) == pytest.approx(0, abs=1e-12)
    assert divergence(["ab"], ["ba"]) == pytest.approx(0, abs=1e-12)
    assert divergence(["ab"], ["ba"], n=2) == pytest.approx(1)
    assert divergence(["aab"], ["xyz"]) == pytest.approx(1)
    # (1, 0) and (1/2, 1/2): the entropy of (3/4, 1/4) less the mean of the entropies 0 and 1
    entropy = -(0.75 * math.log2(0.75) + 0.25 * math.log2(0.25))
    assert divergence(["aaaa"], ["ab"]) == pytest.approx(entropy - 0.5)


def test_no_n_gram_goes_over_the_end_of_a_line():
    assert ngrams.counts(["ab", "cd", "e"], 2) == {"ab": 1, "cd": 1}


def test_what_cannot_be_counted_is_said():
    with pytest.raises(ValueError, match="n: expected an integer of at least 1, got 0"):
        ngrams.counts(["ab"], 0)
    with pytest.raises(ValueError, match="lines: expected at least one of 3 characters or more; got none"):
        ngrams.counts(["ab", ""], 3)
    with pytest.raises(ValueError, match="all are 0|not all 0"):
        ngrams.jensen_shannon({"a": 0}, {"a": 1})
