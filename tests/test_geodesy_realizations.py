"""The parameters between frames: those of EPSG, evaluated as EPSG evaluates them."""

import numpy as np
import pytest
from pyproj import CRS, Transformer

from citygis.geodesy import Frame
from citygis.geodesy.pipeline import build_pipeline, route_between
from citygis.geodesy.realizations import realization, realizations, way_to_hub


def test_csrn2025_is_the_time_dependent_helmert_of_itrf2020_at_2025():
    # EPSG 10953, as published: mm, mas, ppb.
    at = realization("ITRF2020").helmert.at(2025.0)
    assert at.translation_mm == pytest.approx((1015.75, -1920.11, -559.77), abs=1e-9)
    assert at.rotation_mas == pytest.approx((27.78143, -11.78187, 10.16211), abs=1e-9)
    assert at.scale_ppb == pytest.approx(-1.13124, abs=1e-9)


@pytest.mark.parametrize(
    ("name", "epsg"),
    [
        ("ITRF2008", 7911),
        ("ITRF2014", 7912),
        ("ITRF2020", 9989),
        ("WGS 84 (G1674)", 7663),
        ("WGS 84 (G1762)", 7665),
        ("WGS 84 (G2139)", 9754),
        ("WGS 84 (G2296)", 10605),
    ],
)
@pytest.mark.parametrize("date", [1997.0, 2010.0, 2026.37])
def test_each_helmert_lands_where_proj_does_with_its_own_database(name, epsg, date):
    place = -121.276, 37.822, -20.0
    theirs = Transformer.from_crs(f"EPSG:{epsg}", "EPSG:6319", always_xy=True)
    there = theirs.transform(*place, date)
    degrees, names = CRS.from_epsg(6318), ("a", "b")
    fixed = build_pipeline(
        route_between(Frame(name, date), Frame("NAD83(2011)", date)), degrees, degrees, vector=None, grids=None, names=names
    )
    ours = Transformer.from_pipeline(fixed.definition).transform(*place)
    # PROJ goes to some realizations of WGS 84 by another frame of the same: 10 mm, by their own accuracy.
    allowed_m = 2e-5 if name.startswith("ITRF") else 0.02
    assert np.subtract(ours[:2], there[:2]) * 111_000 == pytest.approx([0, 0], abs=allowed_m)
    assert ours[2] == pytest.approx(there[2], abs=allowed_m + 2e-4)


def test_every_way_leads_to_nad83_2011():
    for each in realizations().realization:
        assert way_to_hub(each.name)[-1].name == "NAD83(2011)"
        assert each.kind != "gridded" or each.grids
        assert each.source


def test_an_unknown_realization_is_a_wrong_argument():
    with pytest.raises(ValueError, match="Must be one of"):
        realization("NAD84")
