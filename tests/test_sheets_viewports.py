"""Map frames as coordinates in a PDF, read by GDAL."""

import json
import subprocess
from fractions import Fraction

import numpy as np
import pyproj
import pytest
import shapely

from citygis.sheets.frame import Frame
from citygis.sheets.pdf import pdf_bytes
from citygis.sheets.scene import Group, Scene, rectangle
from citygis.sheets.viewports import Viewport

LAMBERT, MERCATOR = pyproj.CRS("EPSG:6420"), pyproj.CRS("EPSG:6447")
FRAME = Frame(LAMBERT, Fraction(500), 6_330_000.0, 2_090_000.0, 72.0, 90.0, 1440.0, 720.0)
SCENE = Scene(1584, 864, (Group("Lots", (rectangle(FRAME.box_pt, stroke="#000000", width_pt=1),)),))


def read_by_gdal(program, folder, *viewports):
    (folder / "sheet.pdf").write_bytes(pdf_bytes(SCENE, viewports=viewports))
    told = subprocess.run([program, "-json", folder / "sheet.pdf"], capture_output=True, text=True, check=True).stdout
    return json.loads(told)


def neat_line(told):
    return np.array(shapely.from_wkt(told["metadata"][""]["NEATLINE"]).exterior.coords)[:4]


@pytest.mark.parametrize("crs", [LAMBERT, MERCATOR], ids=["lambert", "mercator"])
@pytest.mark.parametrize("rotation_deg", [0.0, 7.5, 90.0, -30.0])
def test_gdal_reads_system_and_corners_within_a_hundredth_of_a_foot(tmp_path, require_program, crs, rotation_deg):
    frame = FRAME._replace(crs=crs, rotation_deg=rotation_deg)
    if crs is MERCATOR:
        frame = frame._replace(easting=660_000.0, northing=1_700_000.0)
    told = read_by_gdal(require_program("gdalinfo"), tmp_path, Viewport(frame, "Map"))
    assert pyproj.CRS(told["coordinateSystem"]["wkt"]).to_epsg() == crs.to_epsg()
    found = neat_line(told)
    assert shapely.Polygon(found).is_valid
    distances = np.hypot(*(found[:, None] - frame.corners[None]).transpose(2, 0, 1))
    assert distances.min(axis=0) == pytest.approx(np.zeros(4), abs=0.01)
    # GDAL's affine transform, from which QGIS places the page: its upper left corner, an inch across it, an inch down it, in
    # pixels at 150 dpi.
    origin_e, across_e, down_e, origin_n, across_n, down_n = told["geoTransform"]
    across, down = 150 * np.array([(across_e, across_n), (down_e, down_n)])
    ground = np.array([(origin_e, origin_n)]) + np.array([(0, 0), across, down])
    assert frame.to_page(ground) == pytest.approx(np.array([(0, 864), (72, 864), (0, 792)]), abs=0.001)


def test_gdal_takes_the_map_when_there_is_an_inset_too(tmp_path, require_program):
    inset = FRAME._replace(scale=Fraction(4000), left_pt=1500.0, bottom_pt=780.0, width_pt=80.0, height_pt=80.0)
    for viewports in ((Viewport(FRAME, "Map"), Viewport(inset, "Key map")), (Viewport(inset, "Key map"), Viewport(FRAME, "Map"))):
        found = neat_line(read_by_gdal(require_program("gdalinfo"), tmp_path, *viewports))
        assert found[:, 0].min() == pytest.approx(FRAME.extent.easting_min, abs=0.01)
        assert found[:, 1].max() == pytest.approx(FRAME.extent.northing_max, abs=0.01)
