"""
The wordings of calls: what the words before and after a number say that it is.
"""

import re

WORDS = re.compile(
    r"""(?<![a-z])(?=[tncrol])(?:(?P<along>(?P<along_not>(?:not|non)[\s-]*)?tangent(?:ial)?(?:ly)?\s+(?:to|with|from)\s+(?:the\s+|said\s+|a\s+)*
        (?:(?:last|preceding|previous|above|mentioned|described|said|first)\s+)*(?:curve|course|line|call)\b)
    |(?P<tangency>\b(?:non[\s-]*tangent\w*|not\s+tangent\w*|compound|reverse|tangent(?:ial(?:ly)?)?)\b(?!\s+(?:of|bear|which|distance|length|is|line)))
    |(?P<concave>\bconcave\s+(?:to\s+(?:the\s+)?|towards?\s+(?:the\s+)?)?(?P<toward>(?:north|south|east|west)[a-z]*))
    |(?P<hand>\b(?:to|on)\s+(?:the\s+|a\s+|your\s+)?(?P<hand_to>left|right|(?-i:L|R))\b(?!\s+(?:bank|side|of))
        |\b(?P<hand_of>left|right)[\s-]hand\b|\bcurv(?:e|ing)\s+(?P<hand_after>left|right)\b)
    |(?P<curve>\bcurv(?:e|ature|ing)\b|\bcircular\s+arc\b))""",
    re.I | re.X,
)
TRAVEL = re.compile(
    r"[\s,]*(?:and\s+)?(?:continu\w+\s+|run(?:ning)?\s+|in\s+an?\s+)*((?:north|south)?(?:east|west)?(?:north|south|east|"
    r"west)?(?:erly|ward(?:ly|s)?))\b"
    r"(?:\s*(?:,|and)\s*((?:north|south)?(?:east|west)?(?:erly|ward(?:ly|s)?))\b)?",
    re.I,
)
CARDINAL_START = re.compile(
    r"[\s,]*(?:and\s+)?(?:continu\w+\s+|run(?:ning)?\s+|due\s+|bearing\s+)*\b(north|south|east|west|(?-i:[NSEW]))\b\.?"
    r"(?!\s*(?:\d|line|half|quarter|corner|side|boundary|prolongation|of\b|right|1/|\.\s*\d))",
    re.I,
)
CARDINAL_AFTER = re.compile(
    (
        r"\s*,?\s*(?:due\s+)?\b(north|south|east|west)\b(?!\s*(?:of\b|\d|line|half|quarter|corner|side|from|right))"
        r"(?=\s*[,;.]|\s+(?:to|along|and)\b|\s*$)"
    ),
    re.I,
)
WIDTH = re.compile(
    (
        r"[\s.)-]*(?:strip\b|wide\b|in\s+width\b|width\b|alley\b|easement\b|right[\s-]of[\s-]way\b|setback\b|(?:street|road)"
        r"\b|in\s+depth\b)"
    ),
    re.I,
)
OFFSET = re.compile(
    r"[\s,)]*(?:(?:measured\s+)?(?:at\s+right\s+angles|perpendicular\w*|radially)\s*,?\s*)?(?:to\s+the\s+)?(?:due\s+)"
    r"?(?:north|south|east|west)\w*\s*,?\s*"
    r"(?:(?:and|of)\s+\w+\s+)?(?:of|from)\b|[\s,)]*(?:measured\s+(?:at\s+right\s+angles|perpendicular\w*|radially)"
    r"[\s,]*)?from\b|[\s,)]*(?:on|to)\s+(?:each|either)\s+side"
    r"|[\s,)]*(?:left|right)\s+(?:and|of)\b",
    re.I,
)
FROM = re.compile(r"[\s,.)]*(?:from|fr|of)\b", re.I)
DISTANT = re.compile(r"\b(?:distant|lying|parallel\s+(?:with|to)\s+and)\b[^,;]*$", re.I)
SERIES = re.compile(
    r"\b(?:following\b[^;:.]{0,40}?\bcourses?|courses?\s+and\s+distances?|by\s+azimuths\b[^;:.]{0,60}?\bfrom)\b", re.I
)
APPROXIMATE = re.compile(r"\W{0,3}\s*(?:more\s+or\s+less|m\.?\s*or\s*l\b|\+/-|±)", re.I)
ALTERNATIVE = re.compile(r"described\s+as|record|\bdeed|called|formerly|\bper\b|\brec\b|\bplat\b|measured", re.I)
OF_A_CURVE = re.compile(r"radius|radial|chord|\barc\b|delta|central|tangent", re.I)
REFERENCE_BEARING = re.compile(
    (
        r"(?:\bline|\bwhich|\bsaid\s+\w+|basis\s+of\s+bearings?\b.*)\s+(?:is\s+(?:taken|assumed)\s+(?:as|to\s+be)|bears?|"
        r"bearing|having\s+a\s+bearing\s+of)\s*$"
    ),
    re.I,
)
ASSUMED = re.compile(r"\b(?:basis\s+of\s+bearings?|assumed\s+to\s+bear|considered\s+to\s+bear|is\s+assumed)\b", re.I)
CALL = re.compile(
    r"\b(?:along|to|with|parallel|on|at\s+right\s+angles|perpendicular|crossing|leaving|following|being)\b.*", re.I | re.S
)
RADIAL_AFTER = re.compile(r"\W{0,3}\(?radial", re.I)
CENTRE_BEARS = re.compile(
    r"(?:\b(?:radius|radial)\s+(?:point|cent(?:er|re))|\bcent(?:er|re)(?:\s+point)?)\b(?!\s*-?\s*lines?\b)"
    r"(?![^;]*\bradial\s+(?:line|bearing)\b)[^;]{0,60}?\b(?:bears?|bearing|lies|lying|which\s+is|being)\s*(?:at\s+)?$",
    re.I,
)
POINT_BEARS = re.compile(r"\bto\s+which\s+(?:(?:point|beginning)(?:\s+of\s+\w+)?\s*,?\s*)?(?:a|the|said)\s+radial\b[^;]*$", re.I)
WITNESS = re.compile(r"\bfrom\s+(?:which|whence)\b[^;]*\b(?:bears?|brs?\.?|bearing|stands)\s*$", re.I)
PASSED_BEFORE = re.compile(r"\bpass(?:ing|es)?\s+at\s*(?:a\s+distance\s+of\s*)?$")
PASSED_AT = re.compile(r"\bat\s*(?:a\s+distance\s+of\s*)?$")
PASSED_AFTER = re.compile(r"[\s,]*pass(?:ing|es)?\b", re.I)
ALONG_SAID_CURVE = re.compile(
    r"[^;]{0,60}?\b(?:along|on|around|following)\s+(?:the\s+arc\s+of\s+)?"
    r"said\s+(?:[\w-]+\s+)?(?:curve|arc)\b",
    re.I,
)
TANGENT_BEARS = re.compile(r"tangent[^,;]*\bbear|tangent\s+of\s+which")
TURNED = re.compile(r"mak(?:es|ing)\s+an(?:\s+interior|\s+included)?\s+angle|deflect|interior\s+angle|turning")
DELTA_BEFORE = re.compile(r"angle|delta|Δ|δ|through|thru|\bof\s*$|[=:]\s*$|left|right|curve")
WIDTH_BEFORE = re.compile(r"strip\s+of\s+land\s*,?\s*$|width\s+of\s*$|widths?\s+(?:being|of)\s*$")
RADIUS_AFTER = re.compile(r"[\s.-]*radius", re.I)
RADIUS_BEFORE = re.compile(r"(?i:radius\s*(?:of|=|:|is|being)?\s*(?:of\s*)?(?:approximately\s*)?\(?$)|\bR\s*=\s*$")
TANGENT_BEFORE = re.compile(r"tangent\s*(?:distance|length)?\s*(?:of|=|:)\s*$")
ARC_BEFORE = re.compile(
    r"\barc\b[^,;]*$|curve\s+(?:distance|length)\s+of\s*$|length\s+of\s+(?:said\s+)?curve[^,;]*$|(?<!chord )length\s*(?:of|=|:)\s*$"
)
CHORD_SINCE = re.compile(r"chord[^,;]*$")
CHORD_BEFORE = re.compile(r"chord\b[^;]*$")
CHORD_THEN_ARC = re.compile(r"chord[^;]*\b(?:arc|curve)\b[^;]*$")
ONLY_DISTANCE = re.compile(r"[\s,;]*(?:and\s+)?(?:for\s+)?(?:a\s+)?(?:(?:chord\s+)?(?:distance|length)\s+of\s+)?")
TOWARDS = re.compile(r"(?<!parallel\s)(?<!tangent\s)\b(?:to|of|at)\b(?!\s+(?:the\s+)?(?:left|right)\b)", re.I)
STILL_THE_SAME = re.compile(r"\b(?:end|terminus|arc|chord|tangent)\s+(?:of|to)\s+(?:the\s+|said\s+)", re.I)
OF_A_BEARING = re.compile(r"[\s,]*(?:(?:for\s+)?a\s+distance\s+of\s+)?", re.I)
AND = re.compile(r"[\s,]*(?:and|&)\s+", re.I)
CONTINUES = re.compile(r"\s*continu|.*\bcontinu\w+\s+thence", re.I)
SAYS_CURVE = re.compile(r"\barc\b|\bcentral\s+angle\b|\bdelta\b", re.I)
TRAILING_MEASURE = re.compile(
    r"[\s,]*(?:(?:and\s+)?(?:having|with)?\s*(?:an?\s+)?(?:arc\s+|chord\s+)?(?:distance|length|radius|central angle)(?:\s+of)?)\s*$"
)
DEGREES = re.compile(r"°|\bdeg", re.I)
LIES = re.compile(r"\b(?:which|bears|bearing|being|distant|lies|lying|located|situated?)\b", re.I)
GAP = 90
