"""
What frames alone say of a layer, for plans that are made without a server.
"""

import numpy as np
import pandas as pd
import shapely

from citygis.readers.service.definition import GEOMETRY_TYPES, LayerDefinition, ServiceField


def data_columns(frame: pd.DataFrame) -> list[str]:
    """The columns of a frame but its key and its geometry."""
    geometry = frame.geometry.name if hasattr(frame, "geometry") else None
    return [name for name in frame.columns if name not in ("global_id", geometry)]


def implied_definition(local: pd.DataFrame, remote: pd.DataFrame) -> LayerDefinition:
    """
    A layer's definition as far as two frames tell it: the columns of `local`, typed as in `remote` where it has them; no limits.

    Raises
    ------
    ValueError
        If their geometries are of several kinds.
    """
    frame = remote if len(remote) else local
    drawn = [np.asarray(each.geometry.array, dtype=object) for each in (local, remote) if hasattr(each, "geometry")]
    shapes = np.concatenate(drawn or [np.empty(0, dtype=object)])
    kinds = {int(kind) for kind in shapely.get_dimensions(shapes) if kind >= 0} if len(shapes) else set()
    if len(kinds) > 1:
        raise ValueError("Invalid frames: they hold geometries of several kinds. Must be points, lines or polygons only.")
    names = {value: key for key, value in GEOMETRY_TYPES.items()}
    is_multipoint = kinds == {0} and bool((shapely.get_type_id(shapes) == shapely.GeometryType.MULTIPOINT).any())
    kind = "MultiPoint" if is_multipoint else {0: "Point", 1: "LineString", 2: "Polygon"}.get(next(iter(kinds), 2))
    crs = getattr(frame, "crs", None)
    epsg = crs.to_epsg() if crs is not None else None
    fields = [ServiceField("OBJECTID", "OID", "OBJECTID", None, False, False, None)]
    fields += [
        ServiceField(name, kind_of(frame[name] if name in frame.columns else local[name]), name, None, True, True, None)
        for name in data_columns(local)
    ]
    return LayerDefinition(
        name="the remote layer",
        object_id_field="OBJECTID",
        global_id_field="global_id",
        geometry_type=names[kind] if hasattr(frame, "geometry") else None,
        has_z=bool(shapely.has_z(shapes).any()) if len(shapes) else False,
        has_m=False,
        fields=tuple(fields),
        wkids=frozenset({epsg} if epsg else ()),
        crs=crs,
        max_record_count=1000,
        edited_at=None,
        supports_global_ids=True,
        supports_pagination=True,
        allows_true_curves=True,
        capabilities=frozenset(),
        tracking_fields=frozenset(),
    )


def kind_of(column: pd.Series) -> str:
    """Esri's kind of field, without its prefix, that holds the values of a column."""
    if pd.api.types.is_bool_dtype(column.dtype) or pd.api.types.is_integer_dtype(column.dtype):
        return "BigInteger"
    if pd.api.types.is_float_dtype(column.dtype):
        return "Double"
    return "Date" if pd.api.types.is_datetime64_any_dtype(column.dtype) else "String"
