"""Tables of text: nothing is cast, nothing is dropped."""

import delivered
import pytest
import shapely

from citygis.errors import ReadError
from citygis.readers import read

ROWS = "apn,note,lon,lat\n0019,Peña,-121.3,37.8\n0020,,-121.2,37.9\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_text_is_read_in_the_encoding_it_is_in(tmp_path, encoding):
    content = ROWS.encode(encoding)
    (tmp_path / "a.csv").write_bytes(content if encoding != "utf-16-le" else b"\xff\xfe" + content)
    frame = read(tmp_path / "a.csv", source_crs=4269)
    assert frame["note"].fillna("").tolist() == ["Peña", ""] and frame["apn"].tolist() == ["0019", "0020"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(tmp_path, delimiter):
    (tmp_path / "a.csv").write_text(ROWS.replace(",", delimiter), encoding="utf-8")
    assert list(read(tmp_path / "a.csv", source_crs=4269).columns[:4]) == ["apn", "note", "lon", "lat"]


def test_a_quoted_cell_may_hold_delimiters_quotes_and_lines(tmp_path):
    (tmp_path / "a.csv").write_text('apn,legal,lon,lat\n1,"LOT 3, BLK 2,\nTHE ""OLD"" TRACT",-121.3,37.8\n')
    frame = read(tmp_path / "a.csv", source_crs=4269)
    assert frame["legal"].tolist() == ['LOT 3, BLK 2,\nTHE "OLD" TRACT'] and len(frame) == 1


@pytest.mark.parametrize(
    ("header", "crs"),
    [
        ("LON,LAT", 4269), ("Longitude,Latitude", 4269), ("LONG_DEC,LAT_DEC", 4269), ("lng,lat", 4269),
        ("Easting,Northing", 6420), ("POINT_X,POINT_Y", 6420), ("X,Y", 6420), ("x_coord,y_coord", 6420), ("E,N", 6420),
    ],
)  # fmt: skip
def test_coordinate_columns_are_found_by_their_names(tmp_path, header, crs):
    numbers = "-121.27,37.82" if crs == 4269 else "6337500,2122600"
    (tmp_path / "a.csv").write_text(f"id,{header}\n1,{numbers}\n")
    east, north = numbers.split(",")
    assert read(tmp_path / "a.csv", source_crs=crs).geometry.iloc[0] == shapely.Point(float(east), float(north))


def test_columns_in_the_order_northing_easting_are_not_exchanged(tmp_path):
    (tmp_path / "a.csv").write_text("id,Northing,Easting\n1,2122600,6337500\n")
    assert read(tmp_path / "a.csv", source_crs=6420).geometry.iloc[0] == shapely.Point(6337500, 2122600)


def test_of_two_pairs_the_one_in_the_stated_system_is_taken(tmp_path):
    (tmp_path / "a.csv").write_text("lon,lat,easting,northing\n-121.27,37.82,6337500,2122600\n")
    assert read(tmp_path / "a.csv", source_crs=6420).geometry.iloc[0].x == 6337500
    assert read(tmp_path / "a.csv", source_crs=4269).geometry.iloc[0].x == -121.27


def test_thousands_commas_in_coordinates_are_understood(tmp_path):
    (tmp_path / "a.csv").write_text('easting,northing\n"6,337,500.5","2,122,600"\n')
    assert read(tmp_path / "a.csv", source_crs=6420).geometry.iloc[0] == shapely.Point(6337500.5, 2122600)


@pytest.mark.parametrize(
    ("lon", "code"), [("nan", "R03"), ("inf", "R03"), ("37 49 20", "R01"), ("west of here", "R01"), ("", "R01"), ("1,5", "R01")]
)
def test_coordinates_that_are_no_numbers_are_reported(tmp_path, lon, code):
    (tmp_path / "a.csv").write_text(f'lon,lat\n"{lon}",37.8\n-121.3,37.8\n')
    frame = read(tmp_path / "a.csv", source_crs=4269)
    assert frame["read_code"].fillna("").tolist() == [code, ""] and frame.geometry.isna().tolist() == [True, False]


def test_a_row_without_coordinates_has_null_geometry_and_no_problem(tmp_path):
    (tmp_path / "a.csv").write_text("id,lon,lat\n1,,\n2,-121.3,37.8\n")
    frame = read(tmp_path / "a.csv", source_crs=4269)
    assert frame.geometry.isna().tolist() == [True, False] and "read_code" not in frame


@pytest.mark.parametrize(
    "wkt",
    [
        "CURVEPOLYGON (CIRCULARSTRING (0 0, 2 0, 2 2, 0 2, 0 0))",
        "circularstring (0 0, 1 1, 2 0)",
        "COMPOUNDCURVE ((0 0, 1 0), CIRCULARSTRING (1 0, 2 1, 3 0))",
        "MULTISURFACE (((0 0, 1 0, 1 1, 0 0)))",
        "SRID=6420;GEOMETRYCOLLECTION (MULTICURVE ((0 0, 1 1)))",
    ],
)
def test_a_true_curve_in_text_is_reported_and_the_rest_is_read(tmp_path, wkt):
    (tmp_path / "a.csv").write_text(f'id,WKT\n1,"POINT (6337500 2122600)"\n2,"{wkt}"\n')
    frame = read(tmp_path / "a.csv", source_crs=6420)
    assert frame["read_code"].fillna("").tolist() == ["", "R01"] and "curve" in frame["read_message"].iloc[1]
    assert frame.geometry.isna().tolist() == [False, True]


@pytest.mark.parametrize(
    "wkt",
    [
        "CURVEPOLYGON (CIRCULARSTRING (0 0, 2 0, 2 2, 0 2, 0 0))",
        "SRID=2227;curvepolygon z (CIRCULARSTRING Z (0 0 0, 1 1 0, 0 0 0))",
        "CIRCULARSTRING (0 0, 1 1, 2 0)",
        "COMPOUNDCURVE ((0 0, 1 0), CIRCULARSTRING (1 0, 2 1, 3 0))",
        "MULTISURFACE (CURVEPOLYGON (CIRCULARSTRING (0 0, 2 0, 0 0)))",
        "MULTICURVE (CIRCULARSTRING (0 0, 1 1, 2 0))",
    ],
)
def test_a_table_of_true_curves_only_is_no_table_without_geometry(tmp_path, wkt):
    (tmp_path / "a.csv").write_text(f'id,WKT\n1,"{wkt}"\n2,"{wkt}"\n')
    frame = read(tmp_path / "a.csv", source_crs=6420)
    assert frame["read_code"].tolist() == ["R01", "R01"] and frame["read_message"].str.contains("curve").all()


def test_a_curve_polygon_of_straight_rings_is_a_polygon(tmp_path):
    rows = [
        "CURVEPOLYGON ((6337000 2122000, 6337010 2122000, 6337010 2122010, 6337000 2122000))",
        "POLYGON ((6337000 2122000, 6337010 2122000, 6337010 2122010, 6337000 2122000))",
        "CURVEPOLYGON (CIRCULARSTRING (6337000 2122000, 6337002 2122000, 6337000 2122000))",
    ]
    (tmp_path / "a.csv").write_text("id,WKT\n" + "".join(f'{i},"{wkt}"\n' for i, wkt in enumerate([*rows, ""])))
    frame = read(tmp_path / "a.csv", source_crs=6420)
    assert frame["read_code"].fillna("").tolist() == ["", "", "R01", ""]
    assert frame.geometry.iloc[:2].area.tolist() == [50, 50]


def test_bad_wkt_is_reported_and_the_rest_is_read(tmp_path):
    rows = ["POINT (6337500 2122600)", "POLYGON ((0 0, 1 0, 1 1))", "nonsense", ""]
    (tmp_path / "a.csv").write_text("id,WKT\n" + "".join(f'{i},"{wkt}"\n' for i, wkt in enumerate(rows)))
    frame = read(tmp_path / "a.csv", source_crs=6420)
    assert frame["read_code"].fillna("").tolist() == ["", "R01", "R01", ""] and len(frame) == 4


def test_columns_of_one_name_are_numbered(tmp_path):
    (tmp_path / "a.csv").write_text("id,id,,lon,lat\n1,2,3,-121.3,37.8\n")
    assert list(read(tmp_path / "a.csv", source_crs=4269).columns[:3]) == ["id", "id_2", "column_3"]


def test_a_table_without_coordinates_has_no_geometry_and_no_frame(tmp_path):
    (tmp_path / "roll.csv").write_text("apn,value\n1,2\n")
    frame = read(tmp_path / "roll.csv")
    assert frame.geometry.isna().all() and frame.crs is None and frame["value"].tolist() == ["2"]


def test_a_table_without_header_is_refused(tmp_path):
    (tmp_path / "a.csv").write_text("\n\n")
    with pytest.raises(ReadError, match="no header"):
        read(tmp_path / "a.csv")


def test_a_table_of_bytes_that_are_no_text_is_refused(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"apn,lon,lat\n\x81\x8d,1,2\n")
    with pytest.raises(ReadError, match="neither UTF-8 nor cp1252"):
        read(tmp_path / "a.csv")


def test_an_empty_table_is_refused(tmp_path):
    (tmp_path / "a.csv").write_text("apn,lon,lat\n")
    with pytest.raises(ReadError, match="no rows"):
        read(tmp_path / "a.csv", source_crs=4269)


def test_a_csv_written_by_another_program_comes_back_row_for_row(tmp_path):
    path = delivered.write(tmp_path, ".csv")
    assert read(path, source_crs=6420)["LOT"].tolist() == ["1", "2", "3"]


def test_a_table_of_more_columns_than_any_has_is_refused_at_once(tmp_path):
    path = tmp_path / "wide.csv"
    path.write_text("longitude,latitude," + ",".join(f"c{n}" for n in range(200_000)) + "\n-121.276,37.822\n")
    with pytest.raises(ReadError, match="columns; more than 10,000"):
        read(path)
