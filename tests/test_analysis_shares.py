"""A sum shared to the cent."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from citygis.analysis.shares import cents_of, dollars, shared
from citygis.errors import AnalysisError


def test_a_dollar_in_three_gives_the_odd_cent_to_the_first_number():
    assert shared(100, [1, 1, 1], ["C", "A", "B"]).cents.tolist() == [33, 34, 33]


def test_the_largest_remainder_gets_the_cent_before_the_first_number():
    # 10 cents by 3 : 3 : 1 are 4.29, 4.29 and 1.43: the one cent left goes to the last.
    found = shared(10, [3, 3, 1], ["A", "B", "C"])
    assert found.cents.tolist() == [4, 4, 2]
    assert found.remainder == (Fraction(2, 7), Fraction(2, 7), Fraction(3, 7))


def test_the_seats_of_the_textbook_are_shared_as_it_says():
    # The example of the largest-remainder method with the Hare quota, 10 seats over 100,000 votes (Wikipedia, "Quota method"):
    # 4.7, 1.6, 1.59, 1.2, 0.6 and 0.31 quotas; the three seats left go to the remainders 0.7, 0.6 and 0.6.
    votes = [47_000, 16_000, 15_900, 12_000, 6_000, 3_100]
    assert shared(10, votes, list("ABCDEF")).cents.tolist() == [5, 2, 1, 1, 1, 0]


@pytest.mark.parametrize("seed", range(40))
def test_shares_of_random_weights_sum_to_the_levy_and_none_is_a_cent_off(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 400))
    kind = seed % 4
    if kind == 0:
        weights = [int(w) for w in rng.integers(0, 10**9, n)]
    elif kind == 1:
        weights = [Fraction(int(a), int(b)) for a, b in rng.integers(1, 60, (n, 2))]
    elif kind == 2:
        weights = [1] * n
    else:
        weights = [Fraction(str(w)) for w in rng.uniform(0, 5, n).round(3)]
    weights[0] = weights[0] or 1
    levy = int(rng.integers(0, 10**12))
    order = [f"{k:05d}" for k in rng.permutation(n)]
    found = shared(levy, weights, order)
    assert sum(found.cents.tolist()) == levy
    total = sum(Fraction(w) for w in weights)
    for cents, weight in zip(found.cents.tolist(), weights, strict=True):
        assert abs(cents - levy * Fraction(weight) / total) < 1
        assert weight or cents == 0
    raised = [r for r, up in zip(found.remainder, found.raised, strict=True) if up]
    kept = [r for r, up in zip(found.remainder, found.raised, strict=True) if not up]
    assert not raised or not kept or min(raised) >= max(kept)


def test_the_order_of_the_rows_changes_no_share():
    weights, order = [5, 7, 7, 11, 13, 13], list("ABCDEF")
    one = dict(zip(order, shared(1_000_003, weights, order).cents.tolist(), strict=True))
    other = dict(zip(order[::-1], shared(1_000_003, weights[::-1], order[::-1]).cents.tolist(), strict=True))
    assert one == other


def test_weights_that_cannot_be_shared_by_are_refused():
    for weights in ([0, 0], [3, -1], []):
        with pytest.raises(ValueError, match="Invalid weights"):
            shared(100, weights, list("AB"))


@pytest.mark.parametrize(
    "amount,cents",
    [("125000.00", 12_500_000), ("$1,234.5", 123_450), (0.07, 7), (1.15, 115), (Decimal("0.01"), 1), (19, 1900), ("0", 0)],
)
def test_amounts_are_read_to_the_cent(amount, cents):
    assert cents_of(amount) == cents


@pytest.mark.parametrize("amount", ["12.345", "-1", "ten", "", "nan", "inf", True, 0.1 + 0.2])
def test_what_is_not_an_amount_to_the_cent_is_refused(amount):
    with pytest.raises(AnalysisError, match="The levy"):
        cents_of(amount, "The levy")


def test_cents_are_written_as_dollars_exactly():
    assert [dollars(c) for c in (0, 7, 115, 123_450, -5, 10**18 + 1)] == [
        "0.00",
        "0.07",
        "1.15",
        "1234.50",
        "-0.05",
        f"{10**16}.01",
    ]
