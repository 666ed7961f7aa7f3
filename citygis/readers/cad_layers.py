"""
What the layers of a CAD drawing mean: profiles are TOML files in ``cad_profiles/``, and a City may lay its own over them.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Literal

import pandas as pd
from pydantic import field_validator

from citygis.errors import SettingsError
from citygis.findings import findings_frame
from citygis.readers.dxf import Drawing
from citygis.settings import Settings, load_folder

ROLES = (
    "boundary", "lots", "right_of_way", "easements", "centerlines", "ties", "monuments", "annotation", "miscellaneous",
)  # fmt: skip
"""What a layer can hold. ``boundary`` is the outer boundary of the tract, ``miscellaneous`` nothing that becomes a City layer."""

Role = Literal["boundary", "lots", "right_of_way", "easements", "centerlines", "ties", "monuments", "annotation", "miscellaneous"]

LARGEST_PATTERN = 500


class LayerRule(Settings):
    """A regular expression that the whole name of a layer must match, whatever its case, and the role it then has."""

    pattern: str
    role: Role

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        return _require_pattern(pattern)


class LabelRule(Settings):
    """
    Which line of a text says a number: the regular expression must match the whole line, its group 1 is the number. ``tags`` are
    attributes of blocks whose value is one without a pattern; where a block has none of them its attributes go by the pattern.
    ``not_lots`` are lines that say that the figure they stand in is none of this map.
    """

    lot: tuple[str, ...]
    tags: tuple[str, ...] = ()
    not_lots: tuple[str, ...] = ()

    @field_validator("lot", "not_lots")
    @classmethod
    def _compile(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_require_pattern(pattern) for pattern in patterns)


class LayerProfile(Settings):
    """
    How one office names its layers. The first rule that matches a layer gives its role. ``bounds`` are the roles whose linework
    closes lots, ``label_roles`` those whose texts number them. ``verified`` says whether a document or a drawing was read for it.
    """

    profile: str
    title: str
    reference: str
    verified: bool = False
    layer: tuple[LayerRule, ...]
    bounds: tuple[Role, ...] = ("boundary", "lots", "right_of_way")
    label_roles: tuple[Role, ...] = ("lots", "annotation")
    blocks: dict[str, Literal["found", "set", "control"]] = {}
    labels: LabelRule | None = None


def layer_profiles(folder: Path | str | None = None) -> dict[str, LayerProfile]:
    """
    The profiles by id, in the order they are tried: the City's own (``*.toml`` of `folder`) before those that ship with citygis.

    Raises
    ------
    SettingsError
        If `folder` is not there, or a file in it is no profile or not named as its profile.
    """
    if folder is None:
        return dict(_packaged())
    folder = Path(folder)
    if not folder.is_dir():
        raise SettingsError(f"{folder} is no folder of layer profiles. Make it, or leave it out.")
    own = load_folder(folder, LayerProfile, name_key="profile")
    return own | {name: profile for name, profile in _packaged().items() if name not in own}


def layer_roles(drawing: Drawing, profiles: Sequence[LayerProfile]) -> pd.DataFrame:
    """
    The role of each layer of a drawing.

    Parameters
    ----------
    drawing : Drawing
    profiles : sequence of LayerProfile
        In the order of their authority: the first that knows a layer decides.

    Returns
    -------
    DataFrame, one row per layer of `Drawing.layers`
        Its columns, and ``role``, ``profile`` and ``pattern``, null where no profile knows the layer.
    """
    found = [_match(name, profiles) for name in drawing.layers["layer"]]
    table = drawing.layers.copy()
    for column, values in zip(("role", "profile", "pattern"), zip(*found, strict=True) if found else ((), (), ()), strict=True):
        table[column] = pd.Series(values, dtype="str")
    return table


def unknown_layers(drawing: Drawing, roles: pd.DataFrame, numbers: Mapping[str, int] | None = None):
    """
    Findings (K11) for layers that hold something and that no profile knows: nothing of them is used until a person says what they
    are.

    Parameters
    ----------
    drawing : Drawing
    roles : DataFrame
        Of `layer_roles`.
    numbers : mapping, optional
        How many texts of a layer look like numbers of lots: a layer that has any may hold lots, and is an error.

    Returns
    -------
    GeoDataFrame
        A findings frame without geometry.
    """
    numbers = numbers or {}
    holds = roles[["lines", "arcs", "texts", "points", "inserts"]].sum(axis=1) > 0
    rows = []
    for row in roles[holds & roles["role"].isna()].itertuples():
        what = ", ".join(
            f"{getattr(row, name):,} {name}" for name in ("lines", "arcs", "texts", "points", "inserts") if getattr(row, name)
        )
        rows.append(
            {
                "code": "K11",
                "rule": "layer_unknown",
                "severity": "error" if numbers.get(row.layer) else "review",
                "layer": "drawing",
                "feature": row.layer,
                "source_ref": drawing.name,
                "message": f"No profile says what layer {row.layer} is; its {what} were not used."
                + (f" {numbers[row.layer]:,} of its texts look like numbers of lots." if numbers.get(row.layer) else "")
                + (f" Its texts begin: {row.samples}." if row.samples else ""),
                "remedy": "Add a rule for it to a profile of the City's own: cad_profiles/NAME.toml in its folder.",
            }
        )
    return findings_frame(rows)


def plain_layer(name: str) -> str:
    """A layer's name without the name of the drawing it was bound from (``TRACT$0$LOT``, ``TRACT|LOT``)."""
    return re.split(r"\$\d+\$|\|", name)[-1].strip()


def _match(name: str, profiles: Sequence[LayerProfile]) -> tuple[str | None, str | None, str | None]:
    plain = plain_layer(name)
    for profile in profiles:
        for rule in profile.layer:
            if re.fullmatch(rule.pattern, plain, re.IGNORECASE):
                return rule.role, profile.profile, rule.pattern
    return None, None, None


@cache
def _packaged() -> dict[str, LayerProfile]:
    with resources.as_file(resources.files("citygis.readers") / "cad_profiles") as folder:
        return load_folder(folder, LayerProfile, name_key="profile")


def _require_pattern(pattern: str) -> str:
    if len(pattern) > LARGEST_PATTERN:
        raise ValueError(f"a pattern of {len(pattern)} letters; {LARGEST_PATTERN} at most")
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"`{pattern}` is no regular expression ({error})") from None
    return pattern
