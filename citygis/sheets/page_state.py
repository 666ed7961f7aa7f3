"""
The graphics state of a content stream: the matrix, the clip, colours, widths, text parameters and layer in force.
"""

import numpy as np
import pikepdf

Matrix = tuple[float, float, float, float, float, float]
Box = tuple[float, float, float, float]

IDENTITY: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)

_GREY_SPREAD = 1e-3
"""Components this close are one grey: 1/256 is one step of eight bits."""


class State:
    """What ``q`` saves and ``Q`` brings back (ISO 32000-2, 8.4.1 and 9.3)."""

    __slots__ = (
        "clip",
        "fill_alpha",
        "fill_grey",
        "fill_space",
        "font",
        "layer",
        "leading",
        "letter_gap",
        "matrix",
        "mode",
        "rise",
        "size",
        "stretch",
        "stroke_alpha",
        "stroke_grey",
        "stroke_space",
        "width",
        "word_gap",
    )

    def __init__(self, matrix: Matrix):
        self.matrix = matrix
        self.clip = 0
        self.layer = ""
        self.width = self.stretch = 1.0
        self.fill_alpha = self.stroke_alpha = 1.0
        self.fill_grey = self.stroke_grey = True
        self.fill_space = self.stroke_space = "grey"
        self.font: int | None = None
        self.size = self.leading = self.letter_gap = self.word_gap = self.rise = 0.0
        self.mode = 0

    def copy(self) -> "State":
        """The same state, to be changed alone."""
        other = State.__new__(State)
        for name in State.__slots__:
            setattr(other, name, getattr(self, name))
        return other

    @property
    def enlargement(self) -> float:
        """How much longer than written a line's width is on the page."""
        a, b, c, d, _, _ = self.matrix
        return abs(a * d - b * c) ** 0.5

    def take_parameters(self, parameters: pikepdf.Object | None) -> bool:
        """Take what an ExtGState dictionary sets, and tell whether it blends or masks."""
        if not isinstance(parameters, pikepdf.Dictionary):
            return False
        self.width = float(parameters.get("/LW", self.width))
        self.fill_alpha = float(parameters.get("/ca", self.fill_alpha))
        self.stroke_alpha = float(parameters.get("/CA", self.stroke_alpha))
        mode = parameters.get("/BM", pikepdf.Name.Normal)
        blends = str(mode[0] if isinstance(mode, pikepdf.Array) else mode) not in ("/Normal", "/Compatible")
        return blends or isinstance(parameters.get("/SMask"), pikepdf.Dictionary)

    def is_grey(self, operator: str, operands: list, resources: pikepdf.Object, which: str) -> bool:
        """
        Whether the colour an operator sets has no hue.

        Parameters
        ----------
        operator : str
            In small letters: ``g``, ``rg``, ``k``, ``sc``, ``scn`` or ``cs``.
        operands : list
        resources : Object
            Where a colour space is looked up.
        which : str
            ``fill`` or ``stroke``: whose space it is.
        """
        attribute = f"{which}_space"
        if operator == "cs":
            name = operands[-1]
            setattr(self, attribute, _hue(resources.get("/ColorSpace", {}).get(name, pikepdf.Name(name))))
            return True  # every space begins at black, but a tint of a named ink
        if operator in ("g", "rg", "k"):
            setattr(self, attribute, "grey")
        numbers = [value for value in operands if isinstance(value, float)]
        if len(numbers) < len(operands) or getattr(self, attribute) == "hue":
            return False
        if len(numbers) == 4:
            return max(numbers[:3]) - min(numbers[:3]) <= _GREY_SPREAD
        if getattr(self, attribute) == "lab":
            return max(map(abs, numbers[1:])) <= _GREY_SPREAD
        return max(numbers) - min(numbers) <= _GREY_SPREAD


class Clips:
    """Boxes that painting is cut to, each once; number 0 is the page."""

    def __init__(self, page: Box):
        self.boxes: list[Box] = [page]
        self._numbers: dict[Box, int] = {page: 0}

    def cut(self, clip: int, box: Box | None) -> int:
        """The number of what `clip` and `box` share; no box is an empty clip."""
        left, bottom, right, top = self.boxes[clip]
        if box is None:
            shared = (left, bottom, left, bottom)
        else:
            shared = (max(left, box[0]), max(bottom, box[1]), min(right, box[2]), min(top, box[3]))
        if shared not in self._numbers:
            self._numbers[shared] = len(self.boxes)
            self.boxes.append(shared)
        return self._numbers[shared]


def product(first: Matrix, second: Matrix) -> Matrix:
    """The matrix that applies `first`, then `second`."""
    a, b, c, d, e, f = first
    if second == IDENTITY:
        return first
    g, h, i, j, k, m = second
    return (a * g + b * i, a * h + b * j, c * g + d * i, c * h + d * j, e * g + f * i + k, e * h + f * j + m)


def boxed(points: np.ndarray, matrix: Matrix) -> Box | None:
    """Left, bottom, right and top of points on the page, or None of none."""
    if not len(points):
        return None
    a, b, c, d, e, f = matrix
    across, up = a * points[:, 0] + c * points[:, 1] + e, b * points[:, 0] + d * points[:, 1] + f
    return float(across.min()), float(up.min()), float(across.max()), float(up.max())


def layer_name(group: pikepdf.Object | None) -> str:
    """The name of an optional content group, or of the first of a membership dictionary (ISO 32000-2, 8.11.2)."""
    if isinstance(group, pikepdf.Dictionary) and "/OCGs" in group:
        groups = group["/OCGs"]
        group = groups[0] if isinstance(groups, pikepdf.Array) and len(groups) else groups
    return str(group.get("/Name", "")) if isinstance(group, pikepdf.Dictionary) else ""


_SHORT = {"G": "DeviceGray", "RGB": "DeviceRGB", "CMYK": "DeviceCMYK", "I": "Indexed"}


def space_name(space: pikepdf.Object | None) -> str:
    """A colour space in a word: Gray, RGB or CMYK, whether of a device or calibrated; else its family's name."""
    depth = ""
    while isinstance(space, pikepdf.Array) and len(space):
        family = str(space[0]).lstrip("/")
        if family == "ICCBased":
            return {1: "Gray", 3: "RGB", 4: "CMYK"}.get(int(space[1].get("/N", 0)), "ICCBased")
        if family not in ("Indexed", "I") or len(space) < 2 or depth:
            space = space[0]
            break
        depth, space = "Indexed ", space[1]
    said = str(space).lstrip("/") if isinstance(space, pikepdf.Name) else "not said"
    return depth + _SHORT.get(said, said).removeprefix("Device").removeprefix("Cal")


def _hue(space: pikepdf.Object) -> str:
    """Whether components of a space can be compared with each other: ``grey``, ``lab``, or ``hue`` when only the space knows."""
    if not isinstance(space, pikepdf.Array) or not len(space):
        return "hue" if str(space) == "/Pattern" else "grey"
    family = str(space[0])
    if family == "/Lab":
        return "lab"
    if family == "/Separation":
        return "grey" if str(space[1]) in ("/Black", "/All") else "hue"
    return "hue" if family in ("/Indexed", "/DeviceN", "/Pattern") else "grey"
