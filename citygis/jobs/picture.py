"""
Pictures of a run for its report: where findings lie, and where a delivery changed the ground.
"""

from collections.abc import Mapping

import geopandas as gpd
import pandas as pd

from citygis.changes import Changes
from citygis.city import City
from citygis.findings import findings_frame
from citygis.quality.pictures import Scenery, overview
from citygis.quality.subject import subject

SEVERITY_OF = {"ambiguous": "error", "recycled": "error", "retired": "error", "attribute": "info"}
"""How a kind of change is coloured; the others like what a person should look at."""


def findings_map(findings: gpd.GeoDataFrame, layers: Mapping[str, pd.DataFrame], city: City) -> str:
    """Findings on a map of the layers, as SVG; empty where nothing has a place."""
    return overview(findings, _scenery(layers, city))


def changes_map(changes: Changes, layer: str, old: gpd.GeoDataFrame, city: City) -> str:
    """
    The changes of a comparison on a map of the earlier layer, as SVG: red what a person must not overlook, blue the record alone.

    Empty where nothing changed.
    """
    table = changes.changes
    dots = findings_frame(
        pd.DataFrame(
            {
                "code": "Z00",
                "rule": table["kind"].to_numpy(),
                "severity": [SEVERITY_OF.get(kind, "review") for kind in table["kind"]],
                "layer": layer,
                "message": table["message"].to_numpy(),
                "geometry": table.geometry.to_numpy(),
            }
        ),
        crs=old.crs,
    )
    return overview(dots, _scenery({layer: old}, city))


def _scenery(layers: Mapping[str, pd.DataFrame], city: City) -> Scenery:
    return Scenery([subject(name, frame, city.schema.layers.get(name)) for name, frame in layers.items() if len(frame)])
