"""
Streams of a file that may be hostile, decoded up to a limit: a kilobyte can say a gigabyte.
"""

import base64
import binascii
import zlib

import pikepdf

from citygis.errors import ReadError

MAX_STREAM_BYTES = 400_000_000
"""Of one decoded stream. A sheet of 200,000 parcels has 40 million."""

_MAX_GROWTH = {"/LZWDecode": 1500, "/LZW": 1500, "/RunLengthDecode": 64, "/RL": 64}
"""What the other filters make of a byte at most: a code of 12 bits for 4,096 bytes, and two bytes for 128."""


def decoded(stream: pikepdf.Stream) -> bytes:
    """
    The bytes of a stream.

    Raises
    ------
    ReadError
        If they are more than `MAX_STREAM_BYTES`, damaged, or coded in a way that only pictures are.
    """
    filters = _listed(stream.get("/Filter"))
    parameters = _listed(stream.get("/DecodeParms"))
    if any(isinstance(one, pikepdf.Dictionary) and int(one.get("/Predictor", 1)) > 1 for one in parameters):
        return _by_library(stream, filters)
    data = stream.read_raw_bytes()
    for name in map(str, filters):
        if name in ("/FlateDecode", "/Fl"):
            data = _inflated(data)
        elif name in ("/ASCII85Decode", "/A85"):
            data = _of_ascii85(data)
        elif name in ("/ASCIIHexDecode", "/AHx"):
            data = _of_hexadecimal(data)
        else:
            return _by_library(stream, filters)
    return data


def _listed(value: pikepdf.Object | None) -> list:
    return [] if value is None else list(value) if isinstance(value, pikepdf.Array) else [value]


def _inflated(data: bytes) -> bytes:
    engine = zlib.decompressobj()
    try:
        out = engine.decompress(data, MAX_STREAM_BYTES)
    except zlib.error as error:
        raise ReadError(f"A compressed part of the file is damaged ({error}). Ask for the file again.") from None
    if engine.unconsumed_tail:
        raise ReadError(f"A part of the file unpacks to more than {MAX_STREAM_BYTES / 1e6:,.0f} MB. It was made to do harm.")
    return out


def _of_ascii85(data: bytes) -> bytes:
    try:
        return base64.a85decode(b"<~" + data.strip().removeprefix(b"<~").removesuffix(b"~>") + b"~>", adobe=True)
    except ValueError as error:
        raise ReadError(f"A part of the file coded in ASCII is damaged ({error}). Ask for the file again.") from None


def _of_hexadecimal(data: bytes) -> bytes:
    digits = b"".join(data.split(b">")[0].split())
    try:
        return binascii.unhexlify(digits + b"0" * (len(digits) % 2))
    except binascii.Error as error:
        raise ReadError(f"A part of the file coded in ASCII is damaged ({error}). Ask for the file again.") from None


def _by_library(stream: pikepdf.Stream, filters: list) -> bytes:
    """Rarer ways of coding, left to the PDF library, which knows no limit: so their growth is bounded here."""
    most = len(stream.read_raw_bytes())
    for name in map(str, filters):
        most *= _MAX_GROWTH.get(name, 1032)  # 1032 is the most that deflate makes of a byte
    if most > MAX_STREAM_BYTES:
        raise ReadError(
            f"A part of the file could unpack to more than {MAX_STREAM_BYTES / 1e6:,.0f} MB. Save it again with deflate."
        )
    try:
        return stream.read_bytes()
    except pikepdf.PdfError as error:
        raise ReadError(f"A part of the file cannot be unpacked ({error}). Ask for the file again.") from None
