"""
Coordinates as text, a whole path at once.

A page of a city is a million numbers. Spelled one by one they take longer than everything else in the file, so each is looked
up in two tables, of whole points and of decimals, and the pieces are laid side by side.
"""

import numpy as np

DECIMALS = 4
"""Decimals written, at most: 1e-4 pt is 1.4e-6 in. Zeros at the end are not, so points rounded to 0.01 pt stay short."""

_WHOLE = np.arange(14_401).astype("S")
"""Whole points, up to the side of the largest page (ISO 32000-1, annex C.2)."""

_FRACTIONS = np.array([f".{n:0{DECIMALS}d}".rstrip("0").rstrip(".") for n in range(10**DECIMALS)], dtype="S")


def spelled(points: np.ndarray, *, before: np.ndarray | bytes = b"", after: np.ndarray | bytes = b"") -> bytes:
    """
    Points as text: of each what stands before it, its two numbers with a space between, and what stands after it.

    Parameters
    ----------
    points : array, n x 2
    before, after : bytes or array of bytes, n
        Up to seven each.

    Raises
    ------
    ValueError
        If a coordinate is not finite.
    """
    points = np.asarray(points, dtype=float)
    if not np.isfinite(points).all():
        raise ValueError("Invalid points: some are NaN or infinite. Must be page points.")
    parts = np.rint(points * 10**DECIMALS).astype(np.int64)
    whole, fraction = np.divmod(np.abs(parts), 10**DECIMALS)
    words = _WHOLE[whole] if whole.max(initial=0) < len(_WHOLE) else whole.astype("S")
    decimals = _FRACTIONS[fraction]
    signs = np.where(parts < 0, b"-", b"")
    fields = {
        "before": (before, "S7"),
        "sign 0": (signs[:, 0], "S1"),
        "whole 0": (words[:, 0], words.dtype),
        "fraction 0": (decimals[:, 0], decimals.dtype),
        "space": (b" ", "S1"),
        "sign 1": (signs[:, 1], "S1"),
        "whole 1": (words[:, 1], words.dtype),
        "fraction 1": (decimals[:, 1], decimals.dtype),
        "after": (after, "S7"),
    }
    rows = np.zeros(len(points), dtype=[(name, kind) for name, (_, kind) in fields.items()])
    for name, (values, _) in fields.items():
        rows[name] = values
    # A field is padded with zero bytes, which no text has.
    return rows.tobytes().translate(None, b"\0")
