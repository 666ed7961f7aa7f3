"""
How the files of CAD drawings begin, and how many entities a DXF holds before anyone has repaired it.
"""

from collections import Counter
from pathlib import Path

from citygis.errors import ReadError

BINARY_MARK = b"AutoCAD Binary DXF"

DWG_VERSIONS = {b"AC1012", b"AC1014", b"AC1015", b"AC1018", b"AC1021", b"AC1024", b"AC1027", b"AC1032"}
"""The first six bytes of a DWG of R13 to 2018."""


def require_dxf(path: Path, *, shown: str | None = None) -> None:
    """
    Refuse what does not begin as a DXF file.

    Raises
    ------
    ReadError
        With what it looks like instead.
    """
    shown = shown or str(path)
    with open(path, "rb") as file:
        head = file.read(4096)
    if head.startswith(BINARY_MARK):
        return
    if head.startswith(b"AC10"):
        raise ReadError(f"{shown} is a DWG with the name of a DXF. Ask for a DXF, or name it .dwg.")
    tags = head.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    pairs = list(zip(tags[0::2], tags[1::2], strict=False))
    words = [value.strip().upper() for code, value in pairs if code.strip() == b"0"]
    if not all(code.strip().lstrip(b"-").isdigit() for code, _ in pairs[:8]) or not words or words[0] != b"SECTION":
        raise ReadError(f"{shown} is not DXF: it does not begin with a section of group codes. Ask the sender how it was made.")


def require_dwg(path: Path, *, shown: str | None = None) -> None:
    """
    Refuse what does not begin as a DWG.

    Raises
    ------
    ReadError
        If it is none, or of another version than R13 to 2018.
    """
    with open(path, "rb") as file:
        mark = file.read(6)
    if mark not in DWG_VERSIONS:
        raise ReadError(f"{shown or path} is no DWG of R13 to 2018: it does not begin as one. Ask the sender how it was made.")


def entities_in(path: Path) -> Counter | None:
    """
    Entities of the ENTITIES section of a DXF by type, counted on the file itself: those of model space and of the active paper
    space.

    Repairs drop what they do not understand; this is what their result is held against. Parts of entities (vertices, attributes)
    are not counted. None for a binary DXF.
    """
    found: Counter = Counter()
    with open(path, "rb") as file:
        if file.read(len(BINARY_MARK)) == BINARY_MARK:
            return None
        file.seek(0)
        section, opened = b"", False
        while code := file.readline():
            code = code.strip().removeprefix(b"\xef\xbb\xbf")
            if not code.lstrip(b"-").isdigit():
                # A damaged file has lost its step of code and value: the next line that is a number is taken for a code.
                continue
            value = file.readline().strip()
            if code == b"0":
                opened = value == b"SECTION"
                section = b"" if value == b"ENDSEC" else section
                if section == b"ENTITIES" and not opened and value not in _PARTS:
                    found[value.decode("ascii", "replace")] += 1
            elif code == b"2" and opened:
                section, opened = value, False
                if found:
                    break
    return found


_PARTS = (b"VERTEX", b"ATTRIB", b"SEQEND", b"EOF", b"ENDSEC")
