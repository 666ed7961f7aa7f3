"""
The City's features as they would go out: privacy first, then the target's names, types without loss, and the remote layer's system.
"""

from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
from pyproj import CRS, Transformer

from citygis.city import City
from citygis.errors import CRSError, SchemaError, SyncError
from citygis.geodesy import Lineage, SameFrame, null_shift_ft, transform_frame
from citygis.readers.service.definition import LayerDefinition, ServiceField
from citygis.schema.model import Field
from citygis.sync.canon import CHUNK, INTEGERS, NUMBERS, global_id_text, global_ids, has_measures, snapped, without_measures
from citygis.sync.codes import refused
from citygis.sync.fitness import unfit
from citygis.sync.model import Refusal
from citygis.sync.privacy import require_mapping_allowed
from citygis.sync.target import Target

TEXTS = frozenset({"String", "GUID"})
TAKES = {
    "text": TEXTS | INTEGERS | NUMBERS,
    "uuid": TEXTS,
    "double": INTEGERS | NUMBERS,
    "integer": INTEGERS | NUMBERS | {"String"},
    "boolean": INTEGERS,
    "date": frozenset({"Date", "DateOnly", "String"}),
    "datetime": frozenset({"Date", "String"}),
}
"""The kinds of remote field that each type of City field goes into, where its values allow; a boolean goes as 1 and 0."""


class Outgoing(NamedTuple):
    """
    What goes out and what does not.

    ``frame`` has the remote names of the mapped fields, ``global_id`` and the geometry on the grid (`citygis.sync.canon.snapped`).
    ``refusals`` say what was kept back and why; ``left_out`` are the global ids that the target's ``where`` leaves out (None for a
    feature without one). ``lineage`` says how the coordinates came into the layer's system; None for a table. ``flattened`` counts
    the features whose heights stay behind, because the layer keeps none.
    """

    frame: pd.DataFrame
    refusals: tuple[Refusal, ...]
    left_out: tuple[str | None, ...]
    lineage: Lineage | None
    flattened: int = 0


def outgoing(
    layer_frame: pd.DataFrame,
    target: Target,
    definition: LayerDefinition,
    *,
    city: City,
) -> Outgoing:
    """
    A City layer made ready for a remote one.

    Parameters
    ----------
    layer_frame : DataFrame or GeoDataFrame
        The City layer, as the store has it. Not modified.
    target : Target
    definition : LayerDefinition
        Of the remote layer. A mapped field that it lacks is left out; planning stops at it.
    city : City

    Returns
    -------
    Outgoing
        Rows in = rows out + features refused + rows left out. Text and numbers as the remote field holds them; a date at midnight
        UTC; moments in whole milliseconds.

    Raises
    ------
    SyncError
        If the audience must not see a mapped field (Y23), or a City field's type does not go into the remote field's.
    SchemaError
        If the frame lacks a column that is mapped, that ``where`` asks for, or ``global_id``.
    CRSError
        If there is no exact or stated way into the remote layer's system; with the cost in feet.
    """
    there = {remote: definition.field(remote) for remote in target.fields}
    aliases = [field.alias for field in there.values() if field is not None]
    require_mapping_allowed(target, city, aliases=aliases)
    wanted = {*target.fields.values(), *target.where, "global_id"}
    lacking = sorted(wanted - set(layer_frame.columns))
    if lacking:
        raise SchemaError(f"The layer {target.layer} has no column {', '.join(lacking)}, which the target {target.name} asks for.")
    goes = _goes(layer_frame, target)
    ids = global_ids(layer_frame)
    frame = layer_frame[goes].reset_index(drop=True)
    schema = city.schema.layer(target.layer)
    made: dict[str, Any] = {}
    refusals: list[Refusal] = []
    lossy = np.zeros(len(frame), dtype=bool)
    for remote, name in target.fields.items():
        field = there[remote]
        if field is not None:
            _require_takes(schema.field(name), field, target)
            values, bad = _cast(frame[name], schema.field(name), field)
            made[field.name] = values
            lossy |= bad
            for row in np.flatnonzero(bad):
                said = f"{remote}: {str(frame[name].iloc[row])[:60]!r} cannot become {field.kind} without loss."
                refusals.append(refused(ids[goes][row] or "", "Y06", remote, said))
    made["global_id"] = frame["global_id"].astype("str")
    out = pd.DataFrame(made, index=range(len(frame)))
    lineage, flattened = None, 0
    if definition.geometry_type is not None:
        flattened = 0 if definition.has_z else int(frame.geometry.has_z.sum())
        shapes, lineage = _placed(frame, target, definition, city)
        if not target.lose_measures:  # looked at as they were: moving a geometry may leave its measures behind
            measured = has_measures(np.asarray(frame.geometry.array, dtype=object))
            lossy |= measured
            said = "The geometry has measures (M), which are not sent."
            refusals += [refused(ids[goes][row] or "", "Y29", None, said) for row in np.flatnonzero(measured)]
        shapes = without_measures(shapes)
        out = gpd.GeoDataFrame(out, geometry=gpd.array.from_shapely(shapes, crs=definition.crs))
        del shapes
    del frame, layer_frame  # a caller that holds them no more shall not pay for the outlines twice
    found = unfit(out, definition)
    out = _without(out[~lossy], found)
    if lineage is not None:
        out = _on_grid(out, definition)
        collapsed = unfit(out, definition, ())
        found += [_by_the_grid(each) for each in collapsed]
        out = _without(out, collapsed)
    return Outgoing(out, tuple(refusals + found), tuple(ids[~goes]), lineage, flattened)


def _on_grid(frame: gpd.GeoDataFrame, definition: LayerDefinition) -> gpd.GeoDataFrame:
    """The outlines snapped, some at a time, so that those before go as those after come."""
    shapes = np.array(frame.geometry.array, dtype=object)
    frame = pd.DataFrame(frame.drop(columns=frame.geometry.name))
    for at in range(0, len(shapes), CHUNK):
        shapes[at : at + CHUNK] = snapped(shapes[at : at + CHUNK], definition)
    return gpd.GeoDataFrame(frame, geometry=gpd.array.from_shapely(shapes, crs=definition.crs))


def _without(frame: pd.DataFrame, refusals: list[Refusal]) -> pd.DataFrame:
    ids = global_ids(frame)
    return frame[~(pd.isna(ids) | np.isin(ids, [each.global_id for each in refusals]))].reset_index(drop=True)


def _by_the_grid(refusal: Refusal) -> Refusal:
    return refusal._replace(message=f"{refusal.message} It is so once its corners are on the server's grid of about 0.001 ft.")


def _goes(frame: pd.DataFrame, target: Target) -> np.ndarray:
    goes = np.ones(len(frame), dtype=bool)
    for name, values in target.where.items():
        goes &= frame[name].isin(list(values)).fillna(False).to_numpy(dtype=bool)
    return goes


def _require_takes(city_field: Field, field: ServiceField, target: Target) -> None:
    if field.kind not in TAKES[city_field.type]:
        raise SyncError(
            f"The target {target.name} maps {city_field.name} ({city_field.type}) to {field.name} ({field.kind}), which cannot "
            f"hold it. It goes into: {', '.join(sorted(TAKES[city_field.type]))}. Change [fields]."
        )


def _cast(column: pd.Series, city_field: Field, field: ServiceField) -> tuple[pd.Series, np.ndarray]:
    """A column as the remote field's type, and which rows would lose something (null among the values)."""
    fine = np.zeros(len(column), dtype=bool)
    if city_field.type == "text" and field.kind not in TEXTS:
        read = _whole if field.kind in INTEGERS else _number
        numbers = pd.Series([None if pd.isna(text) else read(text) for text in column], index=column.index, dtype=object)
        bad = (column.notna() & numbers.isna()).to_numpy(dtype=bool)
        return numbers.astype("Int64" if field.kind in INTEGERS else "Float64"), bad
    if city_field.type in ("text", "uuid"):
        texts = column.astype("str")
        if field.kind == "GUID":
            keys = texts.map(global_id_text, na_action="ignore").astype("str")
            return keys, (texts.notna() & keys.isna()).to_numpy(dtype=bool)
        return texts, fine
    if city_field.type == "date":
        return _days(column, field), fine
    if city_field.type == "datetime":
        moments = pd.to_datetime(column, utc=True).dt.floor("ms")
        if field.kind == "String":
            return moments.dt.strftime("%Y-%m-%dT%H:%M:%S.%fZ").astype("str"), fine
        return moments.astype("datetime64[ms, UTC]"), fine
    if field.kind == "String":
        return column.astype("Int64").astype("str"), fine
    if field.kind in INTEGERS and city_field.type == "boolean":
        return column.astype("boolean").astype("Int64"), fine
    if field.kind == "Single" and city_field.type == "integer":
        exact = column.astype("Float64").astype("Float32").astype("Float64")
        bad = (exact != column.astype("Float64")).fillna(False).to_numpy(dtype=bool)
        return column.astype("Float64"), bad
    # Whole numbers and others: what is out of range, not whole or not finite is refused by what the field holds.
    return column.astype("Int64" if city_field.type == "integer" and field.kind in INTEGERS else "Float64"), fine


def _whole(text: str) -> int | None:
    """The whole number that a text is, if the text can be had back: "012" cannot."""
    return int(text) if text.removeprefix("-").isdecimal() and str(int(text)) == text and len(text) < 19 else None


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _days(column: pd.Series, field: ServiceField) -> pd.Series:
    if field.kind == "DateOnly":
        return column.map(lambda day: day.date(), na_action="ignore").astype(object).where(column.notna(), None)
    if field.kind == "String":
        return column.dt.strftime("%Y-%m-%d").astype("str")
    return column.dt.tz_localize("UTC").astype("datetime64[ms, UTC]")


def _placed(frame: pd.DataFrame, target: Target, definition: LayerDefinition, city: City) -> tuple[np.ndarray, Lineage]:
    """The geometries in the remote layer's system, which is the City's own under some label, or is stated to be."""
    if not isinstance(frame, gpd.GeoDataFrame) or frame.active_geometry_name is None:
        raise SchemaError(
            f"The layer {target.layer} has no geometry, and the remote layer {definition.name} holds {definition.geometry_type}."
        )
    if definition.crs is None:
        raise CRSError(
            f"The remote layer {definition.name} states no coordinate system that PROJ knows. Ask its owner which it is in."
        )
    shapes = frame[[frame.geometry.name]]
    same_frame, same_datum = None, {}
    source = frame.crs.geodetic_crs.datum.name if frame.crs is not None else ""
    stated = stated_frame(target, city)
    if stated is not None and CRS.from_user_input(stated.label).equals(definition.crs, ignore_axis_order=True):
        reason = f"{stated.label} there is really {stated.really}: {stated.reason}"
        same_frame = stated._replace(label=city.crs.to_string(), reason=reason)
    held = {_plain(name): reason for name, reason in city.same_datum.items()}
    datum = _plain(definition.crs.geodetic_crs.datum.name)
    if datum in held:
        # The City holds that datum's coordinates to be its own; the statement works both ways.
        same_datum = {source: held[datum]}
    try:
        moved, lineage = transform_frame(
            shapes, definition.crs, same_frame=same_frame, same_datum=same_datum, tolerance_ft=city.tolerances.parcel_ft
        )
    except CRSError as error:
        raise CRSError(_refused_way(frame, target, definition, city, error)) from error
    return np.asarray(moved.geometry.array, dtype=object), lineage


def stated_frame(target: Target, city: City) -> SameFrame | None:
    """
    What a target says of the remote layer's label, for the way from it into the City's system; None where it says nothing.

    Raises
    ------
    CRSError
        If it says another frame than the City's.
    """
    if target.frame is None:
        return None
    if target.frame.really != city.realization:
        raise CRSError(
            f"The target {target.name} says that {target.frame.label} is really {target.frame.really}, and the City is in "
            f"{city.realization}. A label can only be exchanged for the City's own."
        )
    return SameFrame(target.frame.label, target.frame.really, target.frame.reason, target.frame.stated_by)


def _refused_way(frame: gpd.GeoDataFrame, target: Target, definition: LayerDefinition, city: City, error: CRSError) -> str:
    bounds = frame.total_bounds
    if frame.crs is None or not np.isfinite(bounds).all():
        return f"The target {target.name}: {error}"
    middle = ((bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2)
    lon, lat = Transformer.from_crs(frame.crs, frame.crs.geodetic_crs, always_xy=True).transform(*middle)
    label = ":".join(definition.crs.to_authority() or (definition.crs.name,))
    return (
        f"The remote layer {definition.name} says {label}, on the datum {definition.crs.geodetic_crs.datum.name}; the City's is "
        f"{city.realization}. There is no exact way between them. If the label is true (GPS of today), everything would lie about "
        f"{null_shift_ft(lon, lat):.1f} ft off. If its owner confirms that it holds {city.realization} under that label, state it "
        f'in the target {target.name}: [frame] label = "{label}", really = "{city.realization}", reason = "...", stated_by = "...".'
    )


def _plain(name: str) -> str:
    return name.upper().replace("_", " ").removeprefix("D ").removesuffix(" ENSEMBLE").strip()
