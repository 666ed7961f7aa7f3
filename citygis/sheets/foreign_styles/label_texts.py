"""
Label expressions of other programs, as the rows of a citygis label: fields and words put together, and nothing worked out.
"""

import re

_PART = re.compile(
    r"""\s*(?:
    (?P<arcade>\$feature\.(?P<name>\w+)|\$feature\[\s*["'](?P<quoted>[^"']+)["']\s*\])|
    (?P<bracket>\[(?P<inside>[^\]]+)\])|
    (?P<double>"(?P<words>[^"]*)")|
    (?P<single>'(?P<text>(?:[^'\\]|\\.|'')*)')|
    (?P<newline>TextFormatting\.NewLine|vbNewLine|vbCrLf|char\(\s*10\s*\))|
    (?P<plus>\|\||\+|&)|
    (?P<comma>,)|
    (?P<plain>[A-Za-z_]\w*))""",
    re.VERBOSE | re.IGNORECASE,
)


def label_rows(expression: str, *, double_quotes_are_fields: bool) -> list[str] | None:
    """
    The rows that a label expression puts together.

    Parameters
    ----------
    expression : str
        Fields (``"apn"``, ``[APN]``, ``$feature.APN``, ``apn``) and texts joined with ``||``, ``+``, ``&`` or in ``concat(...)``.
    double_quotes_are_fields : bool
        As in QGIS; in Arcade, VBScript and Python they are texts.

    Returns
    -------
    list of str or None
        Templates such as ``Lot {lot}``, one a row; None if the expression does more than that.
    """
    text = expression.strip().rstrip(";")
    text = re.sub(r"^return\b", "", text, flags=re.IGNORECASE).strip()
    call = re.fullmatch(r"(?:concat|concatenate)\s*\((.*)\)", text, re.IGNORECASE | re.DOTALL)
    joint = "comma" if call else "plus"
    text = call[1] if call else text
    out, at, wants_part = "", 0, True
    while at < len(text):
        match = _PART.match(text, at)
        if match is None or (match.lastgroup == joint) == wants_part:
            return None
        at = match.end()
        if match.lastgroup == joint:
            wants_part = True
            continue
        part = _part(match, double_quotes_are_fields)
        if part is None:
            return None
        out += part
        wants_part = False
    rows = [row.strip() for row in out.split("\n")]
    return None if wants_part or not any(rows) else [row for row in rows if row]


def _part(match: re.Match, double_quotes_are_fields: bool) -> str | None:
    found = {name: value for name, value in match.groupdict().items() if value is not None}
    if "newline" in found:
        return "\n"
    if "single" in found or ("double" in found and not double_quotes_are_fields):
        words = found.get("text", found.get("words", "")).replace("''", "'").replace("\\n", "\n").replace("\\'", "'")
        return None if re.search(r"[{}<>\\]", words) else words
    field = found.get("name") or found.get("quoted") or found.get("inside") or found.get("words") or found.get("plain")
    if field is None or not re.fullmatch(r"\w+", field):
        return None
    return f"{{{field}}}"
