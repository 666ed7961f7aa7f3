"""
A sum of money shared in proportion, to the cent, so that the shares make the sum.
"""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from math import lcm
from typing import NamedTuple

import numpy as np

from citygis.errors import AnalysisError


class Shares(NamedTuple):
    """
    A sum shared out.

    Parameters
    ----------
    cents : array of int, n
        They sum to what was shared.
    raised : array of bool, n
        Whether the last cent of a share is one that rounding down had left over.
    remainder : tuple of Fraction, n
        What rounding down took from each, in cents, from 0 up to, but not including, 1.
    """

    cents: np.ndarray
    raised: np.ndarray
    remainder: tuple[Fraction, ...]


def cents_of(amount: Decimal | int | float | str, what: str = "The amount") -> int:
    """
    An amount of money as whole cents.

    Parameters
    ----------
    amount : Decimal, int, float or str
        ``$`` and thousands' commas in a text are passed over. A float counts as it is written.
    what : str
        To begin a message with.

    Raises
    ------
    AnalysisError
        If it is no number, below zero, or not to the cent.
    """
    text = str(amount).strip().replace(",", "").removeprefix("$")
    try:
        if isinstance(amount, bool):
            raise InvalidOperation
        exact = Decimal(text)
    except InvalidOperation:
        raise AnalysisError(f"{what} {amount!r} is no amount of money. Write it like 125000.00.") from None
    if not exact.is_finite() or exact < 0:
        raise AnalysisError(f"{what} {amount!r} is no amount of money. It must be zero or more.")
    cents = exact * 100
    if cents != cents.to_integral_value():
        raise AnalysisError(f"{what} {amount!r} is not to the cent. Round it first, as the resolution states it.")
    return int(cents)


def shared(total_cents: int, weights: Sequence[Fraction | int], order: Sequence[str]) -> Shares:
    """
    Share a sum in proportion to weights by the largest remainder.

    Each share is first rounded down to the cent; the cents that are left go one each to the largest remainders. No share is a cent
    or more away from its exact proportion. Worked in whole numbers: nothing is rounded but the shares.

    Parameters
    ----------
    total_cents : int
    weights : sequence of n Fraction or int
        Zero or more, at least one above zero.
    order : sequence of n str
        Breaks ties among equal remainders: the lesser goes first. Distinct.

    Returns
    -------
    Shares

    Raises
    ------
    ValueError
        If a weight is below zero, or all are zero.

    Notes
    -----
    The method of Hamilton; Balinski and Young, Fair Representation (1982).
    """
    scale = lcm(*(Fraction(weight).denominator for weight in weights)) if len(weights) else 1
    whole = [int(weight * scale) for weight in weights]
    divisor = sum(whole)
    if divisor <= 0 or min(whole) < 0:
        raise ValueError("Invalid weights. Must be zero or more, with at least one above zero.")
    parts = [divmod(total_cents * weight, divisor) for weight in whole]
    left = total_cents - sum(quotient for quotient, _ in parts)
    first = sorted(range(len(whole)), key=lambda k: (-parts[k][1], order[k]))[:left]
    raised = np.zeros(len(whole), dtype=bool)
    raised[first] = True
    cents = np.array([quotient for quotient, _ in parts], dtype=np.int64) + raised
    return Shares(cents, raised, tuple(Fraction(rest, divisor) for _, rest in parts))


def dollars(cents: int) -> str:
    """Whole cents as dollars with two places, exactly: ``1234.50``."""
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(int(cents)) // 100}.{abs(int(cents)) % 100:02d}"
