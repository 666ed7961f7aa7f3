"""
Numbers and text out of many slices of one byte buffer, in bulk: what the readers of large text formats stand on.
"""

from typing import NamedTuple

import numpy as np
import pyarrow as pa

_MOST_CHARACTERS = 20
_MOST_DIGITS = 18
_POWERS = 10 ** np.arange(_MOST_DIGITS + 1, dtype=np.int64)


class Decimals(NamedTuple):
    """
    Plain decimal numbers, exactly as written: ``mantissa`` / 10 ** ``places``, n of each. ``whole`` is the count of digits before
    the point, ``is_number`` False where the slice is blank, has anything but one sign, digits and one point, or has more than 18
    digits.
    """

    mantissa: np.ndarray
    places: np.ndarray
    whole: np.ndarray
    is_number: np.ndarray

    @property
    def scale(self) -> np.ndarray:
        """10 ** ``places``."""
        return _POWERS[self.places]

    @property
    def value(self) -> np.ndarray:
        """As floats, not a number where it is none. Correctly rounded up to 15 digits: both parts of the division are exact."""
        return np.where(self.is_number, self.mantissa / self.scale, np.nan)


def decimals(buffer: np.ndarray, begin: np.ndarray, end: np.ndarray) -> Decimals:
    """
    The numbers written in the slices ``buffer[begin:end]``.

    Parameters
    ----------
    buffer : array of bytes
    begin, end : arrays of n positions
        ``begin`` lies inside the buffer, also where the slice is blank.
    """
    length = end - begin
    signed = (length > 1) & ((buffer[begin] == 0x2D) | (buffer[begin] == 0x2B))
    negative = signed & (buffer[begin] == 0x2D)
    begin = begin + signed
    length = length - signed
    is_number = (length > 0) & (length <= _MOST_CHARACTERS)
    mantissa = np.zeros(len(begin), dtype=np.int64)
    places = np.zeros(len(begin), dtype=np.int64)
    digits = np.zeros(len(begin), dtype=np.int64)
    pointed = np.zeros(len(begin), dtype=bool)
    last = len(buffer) - 1
    shortest = int(length[is_number].min(initial=_MOST_CHARACTERS)) if is_number.all() else 0
    for step in range(int(length[is_number].max(initial=0))):
        character = buffer[np.minimum(begin + step, last)]
        digit = character - np.uint8(0x30)
        is_digit = digit < 10
        is_point = (character == 0x2E) & ~pointed
        if step >= shortest:
            inside = length > step
            is_number &= is_digit | is_point | ~inside
            is_digit &= inside
            is_point &= inside
        else:
            is_number &= is_digit | is_point
        mantissa = np.where(is_digit, mantissa * 10 + digit, mantissa)
        places += is_digit & pointed
        digits += is_digit
        pointed |= is_point
    is_number &= (digits > 0) & (digits <= _MOST_DIGITS)
    np.negative(mantissa, out=mantissa, where=negative)
    places[~is_number] = 0
    return Decimals(mantissa, places, digits - places, is_number)


def texts(buffer: np.ndarray, begin: np.ndarray, end: np.ndarray) -> pa.Array:
    """
    The slices ``buffer[begin:end]`` as an Arrow array of n strings, null where blank; the bytes are UTF-8, or the error says so.
    """
    lengths = end - begin
    offsets = np.zeros(len(begin) + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    where = np.arange(offsets[-1]) + np.repeat(begin - offsets[:-1], lengths)
    data = np.ascontiguousarray(buffer[where])
    blank = lengths == 0
    valid = pa.py_buffer(np.packbits(~blank, bitorder="little").tobytes()) if blank.any() else None
    array = pa.LargeStringArray.from_buffers(len(begin), pa.py_buffer(offsets), pa.py_buffer(data), valid)
    array.validate(full=True)
    return array
