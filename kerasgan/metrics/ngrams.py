"""How far the character n-grams of two sets of lines are apart: the measure of the character language model.

Gulrajani et al. 2017, "Improved training of Wasserstein GANs", arXiv:1704.00028, section 5.4; as in the authors' code
in bits, so between 0 and 1.
"""

import collections
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kerasgan.metrics import divergences
from kerasgan.utils import validation


def counts(lines: Iterable[Sequence[Any]], n: int) -> collections.Counter[Any]:
    """Count the n-grams of lines.

    Args:
        lines: sequences whose slices are hashable: strings, or tuples of the numbers of characters. N-grams do not go
            from one line into the next.
        n: length of an n-gram.

    Returns:
        `collections.Counter` from n-grams, slices of the lines, to how often they occur.

    Raises:
        ValueError: if `n` is not a positive integer, or no line is as long as `n`.
    """
    validation.integer("n", n, 1)
    counter = collections.Counter(line[start : start + n] for line in lines for start in range(len(line) - n + 1))
    if not counter:
        raise ValueError(f"lines: expected at least one of {n} characters or more; got none")
    return counter


def jensen_shannon(first: Mapping[Any, int], second: Mapping[Any, int]) -> float:
    """Return the Jensen-Shannon divergence in bits of two distributions given by counts.

    JS(p, q) = KL(p || m) / 2 + KL(q || m) / 2 with m = (p + q) / 2; what only one of them has counts as well.

    Args:
        first: mapping from n-grams to counts, as `counts` makes it.
        second: another.

    Returns:
        float in [0, 1]: 0 for equal distributions, 1 where no n-gram is in both.

    Raises:
        ValueError: if one has no counts.
    """
    grams = first.keys() | second.keys()
    p, q = ([counter.get(gram, 0) for gram in grams] for counter in (first, second))
    return divergences.js(p, q, unit="bits")
