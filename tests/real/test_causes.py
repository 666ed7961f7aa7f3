"""A county's parcels: the findings come down to a list that a person can work through."""

import geopandas as gpd
import numpy as np
import pytest

from citygis.quality import validate
from citygis.quality.causes import causes


@pytest.fixture(scope="module")
def san_joaquin(real_data):
    return gpd.read_file(real_data / "parcels" / "sjv_WHcentral.shp").to_crs("EPSG:2227")


def test_hundreds_of_findings_come_down_to_dozens_of_causes(san_joaquin):
    found = validate(san_joaquin, "parcel", only="geometry", key="APN")
    why = causes(found, {"parcel": san_joaquin}, key="APN")
    assert sorted(why["finding_ids"].explode()) == sorted(found["finding_id"])
    assert len(found) > 500 and len(why) <= 120
    # Four in five findings are in the first fifty causes: what a person reads first is most of the work.
    assert why["findings"].head(50).sum() >= 0.8 * len(found)
    assert why["errors"].is_monotonic_decreasing


def test_one_lot_shifted_in_the_midst_of_real_lots_is_told_by_its_movement(san_joaquin):
    clean = san_joaquin.loc[san_joaquin.is_valid].reset_index(drop=True)
    # A lot with enough neighbours that share their corners with it exactly, found by counting them.
    whole = [
        set(map(tuple, np.asarray(part.exterior.coords)))
        for geometry in clean.geometry
        for part in getattr(geometry, "geoms", [geometry])
    ]
    owners = [row for row, geometry in enumerate(clean.geometry) for _ in getattr(geometry, "geoms", [geometry])]
    uses: dict[tuple, set] = {}
    for row, corners in zip(owners, whole, strict=True):
        for corner in corners:
            uses.setdefault(corner, set()).add(row)
    shared = [
        (row, np.mean([len(uses[corner]) > 1 for corner in corners]))
        for row, corners in zip(owners, whole, strict=True)
        if 5 <= len(corners) <= 12 and clean.geometry[row].geom_type == "Polygon"
    ]
    row = next(row for row, share in shared if share == 1.0 and not clean["APN"].duplicated(keep=False)[row])
    moved = clean.copy()
    moved.loc[row, "geometry"] = moved.translate(0.08, -0.05)[row]
    found = validate(moved, "parcel", only="geometry", key="APN")
    why = causes(found, {"parcel": moved}, key="APN")
    told = why[(why["cause"] == "shifted") & why["feature_names"].map(lambda names: clean["APN"][row] in names)]
    assert len(told) == 1 and "0.080 ft east and 0.050 ft south" in told["said"].iloc[0]
