"""
Layers held to the City's rules.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from itertools import chain
from typing import Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from citygis import topology
from citygis.city import City, default_city
from citygis.errors import CRSError, SchemaError
from citygis.findings import findings_frame, join_findings
from citygis.quality import cadastre, districts, land, succession
from citygis.quality.addresses import address_findings, address_not_judged
from citygis.quality.attributes import attribute_findings, repeats
from citygis.quality.borders import border_findings
from citygis.quality.checks import applied, left_out
from citygis.quality.courses import course_findings, course_not_judged
from citygis.quality.fabric import NotJudged, cover_findings, not_judged, overlap_findings
from citygis.quality.fee import Drawn
from citygis.quality.gores import judged_by_record
from citygis.quality.network import network_findings
from citygis.quality.outlines import outline_findings
from citygis.quality.precedence import told_once
from citygis.quality.rules import CATALOGUE, rules_off
from citygis.quality.shapes import shape_findings
from citygis.quality.subject import Subject, no_findings, subject
from citygis.units import METRE, US_SURVEY_FOOT, unit_of

logger = logging.getLogger(__name__)

_BETWEEN_LAYERS = (cadastre.CHECKS, land.CHECKS, districts.CHECKS, succession.CHECKS)

Only = Literal["geometry", "attributes"]


def validate(
    layers: Mapping[str, pd.DataFrame] | pd.DataFrame,
    layer: str | None = None,
    *,
    city: City | None = None,
    only: Only | None = None,
    key: str | None = None,
) -> gpd.GeoDataFrame:
    """
    What is wrong with City layers.

    Parameters
    ----------
    layers : dict of name to frame, or one frame
        Rules between layers (references, gaps, cover) are applied where the layers they need are given. A name that the City's
        schema does not know is held to the rules that need no schema, with the tolerances of the catalogue: geometry (G), outlines
        (T26), and as polygons that share the ground (T01, T31 to T33). Not modified; the index does not matter.
    layer : str, optional
        The name, where `layers` is one frame.
    city : City, optional
        Whose schema, CRS and extent; the packaged defaults where it is not given.
    only : "geometry" or "attributes", optional
        Leave out the other rules. With "geometry" any projected layer will do, in feet or metres, in the City's CRS or not.
    key : str, optional
        The column that names features in the findings, instead of the schema's key.

    Returns
    -------
    GeoDataFrame
        Findings (`citygis.findings.COLUMNS`), errors first, in the CRS of the layers. ``geometry`` is the place of the defect:
        the ground shared or open, the point where a ring crosses itself, else the feature. No rows when all is well.

    Raises
    ------
    CRSError
        If a layer has no CRS, is in degrees, or (unless ``only="geometry"``) is not in the City's CRS; or if layers differ.
    SchemaError
        If `key` is not a column, or a column is there twice.
    ValueError
        If an argument is not one of those allowed.
    """
    if only not in (None, "geometry", "attributes"):
        raise ValueError(f"Invalid only {only!r}. Must be 'geometry', 'attributes' or None.")
    city = city or default_city()
    rules_off(city)  # what the City says of rules is read before the work, not after it
    subjects, crs = subjects_of(layers, layer, city=city, only=only, key=key)
    findings = findings_on(subjects, city, only=only, key=key)
    logger.info("%d findings in %d layers", len(findings), len(subjects))
    return as_sent(findings, crs) if crs is not None and unit_of(crs) is METRE else findings


def findings_on(
    subjects: Mapping[str, Subject], city: City, *, only: Only | None = None, key: str | None = None
) -> gpd.GeoDataFrame:
    """
    What is wrong with layers that are made ready: as `validate`, in feet.

    Parameters
    ----------
    subjects : mapping of name to Subject
        From `subjects_of`. What is worked out about them stays with them.
    city, only, key
        As in `validate`.
    """
    drawn = Drawn({name: about for name, about in subjects.items() if about.crs is not None and len(about.frame)})
    checks: list[Iterable[pd.DataFrame]] = []
    for name, about in subjects.items():
        if only != "geometry" and about.layer is not None:
            checks.append(attribute_findings(about, subjects))
        elif only != "geometry" and key in about.frame:
            checks.append([repeats(about, (key,), np.flatnonzero(about.frame[key].notna()))])
        if only != "attributes":
            checks.append(own_findings(about, city))
            if name in drawn:
                checks.append(cover_findings(about, drawn, city))
    if only is None:
        checks += [address_findings(drawn, city), course_findings(drawn, city)]
    if only != "attributes":
        checks.append(network_findings(drawn, city))
    if only is None or (only == "geometry" and len(subjects) > 1):
        checks += [applied(rules, drawn, city) for rules in _BETWEEN_LAYERS]
    told = topology.side_by_side([partial(list, check) for check in checks])
    crs = next((about.crs for about in drawn.values()), None)
    return settled([rows for each in told for rows in each], drawn, city, crs=crs)


def own_findings(about: Subject, city: City) -> Iterator[pd.DataFrame]:
    """What the rules find that look at one layer by itself, one after the other, for they share what is worked out about it."""
    yield from shape_findings(about, city)
    if about.crs is not None and len(about.frame):
        yield from chain(outline_findings(about, city), overlap_findings(about), border_findings(about, city))


def settled(found: Iterable[pd.DataFrame], subjects: Mapping[str, Subject], city: City, *, crs: CRS | None) -> gpd.GeoDataFrame:
    """
    What rules found made into findings: `told_and_judged`, ordered and numbered.

    Parameters
    ----------
    found, subjects, city
        As `told_and_judged`.
    crs : CRS or None
        Of the findings.
    """
    rows = told_and_judged(found, subjects, city)
    return join_findings([findings_frame(rows, crs=crs)], crs=crs) if len(rows) else findings_frame(crs=crs)


def told_and_judged(found: Iterable[pd.DataFrame], subjects: Mapping[str, Subject], city: City) -> pd.DataFrame:
    """
    What rules found without rules that are off, each defect once, judged by the record.

    Parameters
    ----------
    found : iterable of DataFrame
        Rows for `citygis.findings.findings_frame`.
    subjects : mapping of name to Subject
        The layers with geometry.
    city : City

    Returns
    -------
    DataFrame
        Such rows, in the order in which they were found.
    """
    found = [rows for rows in found if len(rows)]
    if not found:
        return no_findings()
    off = rules_off(city)
    rows = told_once(_applied(pd.concat(found, ignore_index=True), off))
    return _applied(judged_by_record(rows, subjects, city), off)  # a verdict has a name of its own, which may be put off


def rules_not_judged(layers: Mapping[str, pd.DataFrame], *, city: City | None = None) -> list[NotJudged]:
    """
    The rules that `validate` has to leave out, because a layer they need is not given or because the City puts them off.

    Parameters
    ----------
    layers : dict of name to frame
    city : City, optional
    """
    schema = (city or default_city()).schema
    subjects = {name: subject(name, frame.iloc[:0], schema.layers.get(name)) for name, frame in layers.items() if len(frame)}
    said = {(code, why) for (code, _), why in rules_off(city).items()}
    off = [NotJudged(code, "every layer", f"is put off by the City, wholly or in part: {why}") for code, why in sorted(said)]
    between = [*address_not_judged(subjects), *course_not_judged(subjects)]
    between += [item for rules in _BETWEEN_LAYERS for item in left_out(rules, subjects)]
    return [item for about in subjects.values() for item in not_judged(about, subjects)] + between + off


def _applied(rows: pd.DataFrame, off: Mapping[tuple[str, str], str]) -> pd.DataFrame:
    """The findings of rules that the City applies. A field's finding has a name of its own and goes with the rules of its code."""
    codes = {code for code, _ in off if all(each in off for each in CATALOGUE if each[0] == code)}
    put_off = [code in codes or (code, name) in off for code, name in zip(rows["code"], rows["rule"], strict=True)]
    return rows[~np.array(put_off, dtype=bool)]


def subjects_of(
    layers: Mapping[str, pd.DataFrame] | pd.DataFrame,
    layer: str | None = None,
    *,
    city: City,
    only: Only | None = None,
    key: str | None = None,
) -> tuple[dict[str, Subject], CRS | None]:
    """
    Layers made ready for the rules, in feet, and the CRS that they share as sent: None where none has geometry.

    Parameters and errors as `validate`.
    """
    if isinstance(layers, pd.DataFrame):
        if not layer:
            raise ValueError("Invalid layer None. Must be the layer's name where one frame is given: validate(frame, 'parcel').")
        layers = {layer: layers}
    subjects: dict[str, Subject] = {}
    shared: tuple[str, CRS] | None = None
    for name, frame in layers.items():
        if not frame.columns.is_unique:
            twice = frame.columns[frame.columns.duplicated()][0]
            raise SchemaError(f"Layer {name} has the column {twice!r} twice. Rename one of them first.")
        if key and key not in frame and len(layers) == 1:
            raise SchemaError(f"Layer {name} has no column {key!r}. It has: {', '.join(map(str, frame.columns))}.")
        if isinstance(frame, gpd.GeoDataFrame) and frame.active_geometry_name is not None and len(frame):
            crs = require_frame(name, frame.crs, city, only)
            if shared and not crs.equals(shared[1], ignore_axis_order=True):
                raise CRSError(
                    f"Layers {shared[0]} ({shared[1].name}) and {name} ({crs.name}) are in different systems. "
                    "Convert both to the City's first: citygis convert FILE --to LAYER."
                )
            shared = shared or (name, crs)
            frame = in_feet(frame)
        subjects[name] = subject(name, frame, city.schema.layers.get(name), key=key if key in frame else None, city=city)
    return subjects, shared[1] if shared else None


def require_frame(name: str, crs: CRS | None, city: City, only: Only | None) -> CRS:
    """The CRS of a layer, or an error where its lengths could not be measured or its place not compared."""
    if crs is None:
        raise CRSError(f"Layer {name} has no CRS. Ask the sender, then state it with --source-crs. citygis never guesses.")
    if not crs.is_projected:
        raise CRSError(
            f"Layer {name} is in {crs.name}, in degrees; lengths and areas need a projected system. "
            f"Convert it to the City's {city.crs.name} first: citygis convert FILE --to LAYER."
        )
    unit_of(crs)
    if only != "geometry" and not crs.equals(city.crs, ignore_axis_order=True):
        raise CRSError(
            f"Layer {name} is in {crs.name}, and the City's system is {city.crs.name}. "
            'Convert it first: citygis convert FILE --to LAYER. To look at its shapes alone, where they lie: only="geometry".'
        )
    return crs


def in_feet(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The layer itself when it is in feet, else the same projection counted in US survey feet."""
    if unit_of(frame.crs) is not METRE:
        return frame
    system = frame.crs.to_json_dict()
    for axis in system["coordinate_system"]["axis"]:
        axis["unit"] = {"type": "LinearUnit", "name": "US survey foot", "conversion_factor": float(US_SURVEY_FOOT)}
    system.pop("id", None)
    scaled = shapely.transform(np.asarray(frame.geometry.array, dtype=object), lambda metres: metres / float(US_SURVEY_FOOT))
    return frame.set_geometry(gpd.GeoSeries(scaled, index=frame.index, crs=CRS.from_json_dict(system)))


def as_sent(findings: gpd.GeoDataFrame, crs: CRS) -> gpd.GeoDataFrame:
    """The places of findings on a layer in metres, back in metres."""
    scaled = shapely.transform(np.asarray(findings.geometry.array, dtype=object), lambda feet: feet * float(US_SURVEY_FOOT))
    return findings.set_geometry(gpd.GeoSeries(scaled, index=findings.index, crs=crs))
