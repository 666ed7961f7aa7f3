"""Survey point files: the order is told or proven, never guessed, and every line is accounted for."""

import numpy as np
import pytest
import shapely

from citygis.errors import CRSError, ReadError
from citygis.readers.magnitude import foot_note, round_metres
from citygis.readers.points import looks_like_points, raw_instrument, read_points, stated_layout

# Around the City of Riverbend, in US survey feet.
BOX = (6_290_000, 2_080_000, 6_390_000, 2_160_000)
FEET_A_METRE = 3937 / 1200
NORTHINGS = [2122699.97, 2122750.5, 2122801.25, 2122852.0]
EASTINGS = [6337530.52, 6337600.25, 6337650.75, 6337700.0]


def written(tmp_path, text, name="points.txt", encoding="utf-8"):
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    return path


def pnezd(delimiter=",", rows=4):
    shots = zip(NORTHINGS, EASTINGS, strict=True)
    return [delimiter.join((str(101 + k), f"{n}", f"{e}", f"{20 + k}.5", "IP")) for k, (n, e) in enumerate(shots)][:rows]


def accounted(captures):
    by_nature = sum(captures.records.get(kind, 0) for kind in ("header", "comment", "blank"))
    return sum(captures.records.values()) == len(captures.frame) + len(captures.rejected) + by_nature


def reasons(captures):
    return captures.rejected.set_index("source_ref")["reason"].to_dict()


def notes(captures):
    return " ".join(captures.notes)


# --- order -------------------------------------------------------------------------------------------------------------------


def test_northing_first_is_found_by_where_the_city_lies(tmp_path):
    captures = read_points(written(tmp_path, "\n".join(pnezd()) + "\n"), box=BOX)
    assert captures.frame.geometry.iloc[0] == shapely.Point(6337530.52, 2122699.97)
    assert "Order PNEZD by magnitude: 4 of 4 rows" in notes(captures)
    assert captures.frame["elevation"].tolist() == [20.5, 21.5, 22.5, 23.5]
    assert captures.frame.crs is None and captures.frame["elevation_unit"].isna().all()


def test_easting_first_is_found_by_where_the_city_lies(tmp_path):
    text = "".join(f"{k},{e},{n},20.1,EP\n" for k, (e, n) in enumerate(zip(EASTINGS, NORTHINGS, strict=True)))
    captures = read_points(written(tmp_path, text), box=BOX)
    assert captures.frame.geometry.iloc[0] == shapely.Point(6337530.52, 2122699.97)
    assert "Order PENZD by magnitude" in notes(captures)


@pytest.mark.parametrize(
    ("order", "line"),
    [
        ("PNEZ", "1,2122699.97,6337530.52,20.5"), ("PENZ", "1,6337530.52,2122699.97,20.5"), ("PNED", "1,2122699.97,6337530.52,IP"),
        ("PEND", "1,6337530.52,2122699.97,IP"), ("NEZD", "2122699.97,6337530.52,20.5,IP"),
        ("ENZD", "6337530.52,2122699.97,20.5,IP"),
        ("NEZ", "2122699.97,6337530.52,20.5"), ("PNE", "1,2122699.97,6337530.52"), ("PNEZD", "A-7,2122699.97,6337530.52,,IP"),
    ],
)  # fmt: skip
def test_every_order_is_understood_stated_or_not(tmp_path, order, line):
    text = f"{line}\n" * 3 if order != "PNEZD" else f"{line}\n1,2122699.97,6337530.52,20.5,IP\n"
    path = written(tmp_path, text)
    stated, found = read_points(path, order=order), read_points(path, box=BOX)
    assert f"Order {order} by magnitude" in notes(found)
    for captures in (stated, found):
        assert captures.frame.geometry.iloc[0] == shapely.Point(6337530.52, 2122699.97)
        assert captures.frame["code"].notna().iloc[0] == ("D" in order)
        assert captures.frame["name"].notna().iloc[0] == ("P" in order)


def test_a_single_row_with_northing_and_easting_exchanged_is_rejected(tmp_path):
    lines = pnezd()
    lines[2] = f"103,{EASTINGS[2]},{NORTHINGS[2]},22.5,IP"
    captures = read_points(written(tmp_path, "\n".join(lines) + "\n"), box=BOX)
    assert reasons(captures) == {"line 3": "order_contradicts"} and len(captures.frame) == 3 and accounted(captures)
    # 3 of 4 agree
    assert "3 of 4 rows" in notes(captures)


def test_a_single_row_in_metres_among_feet_is_rejected(tmp_path):
    lines = pnezd()
    lines[1] = f"102,{NORTHINGS[1] / FEET_A_METRE:.4f},{EASTINGS[1] / FEET_A_METRE:.4f},6.5,IP"
    captures = read_points(written(tmp_path, "\n".join(lines) + "\n"), box=BOX)
    assert reasons(captures) == {"line 2": "units_mixed"} and accounted(captures)


def test_a_whole_file_in_metres_is_refused_and_told_how_to_state_it(tmp_path):
    text = "".join(
        f"{k},{n / FEET_A_METRE:.4f},{e / FEET_A_METRE:.4f},6,IP\n"
        for k, (n, e) in enumerate(zip(NORTHINGS, EASTINGS, strict=True))
    )
    path = written(tmp_path, text)
    for order in (None, "PNEZD"):
        with pytest.raises(CRSError, match=r"in metres: 4 of 4 rows.*--source-crs"):
            read_points(path, order=order, box=BOX)


def test_local_coordinates_are_asked_about_never_guessed(tmp_path):
    path = written(tmp_path, "1,1000,500,20,EP1 B\n2,1050,500,20,EP1\n")
    for box in (None, BOX):
        with pytest.raises(ReadError, match=r"--order PNEZD .*--order PENZD"):
            read_points(path, box=box)
    assert read_points(path, order="PENZD").frame.geometry.iloc[0] == shapely.Point(1000, 500)
    # stated by a person, elsewhere than the City: kept, and said
    assert "2 rows lie outside the City's box" in notes(read_points(path, order="PNEZD", box=BOX))


def test_a_square_box_that_both_orders_fit_is_asked_about(tmp_path):
    with pytest.raises(ReadError, match="both orders"):
        read_points(written(tmp_path, "1,1000,500,20,EP\n2,1050,510,20,EP\n"), box=(0, 0, 2000, 2000))


def test_two_files_run_together_are_not_decided_by_a_bare_majority(tmp_path):
    lines = pnezd()
    lines[2:] = [f"{k},{EASTINGS[k]},{NORTHINGS[k]},22.5,IP" for k in (2, 3)]
    with pytest.raises(ReadError, match=r"2 rows.*northing first, 2 with the easting first"):
        read_points(written(tmp_path, "\n".join(lines) + "\n"), box=BOX)


@pytest.mark.parametrize("header", ["", "Point,Easting,Northing,Elevation,Description\n"])
def test_a_stated_order_that_the_numbers_contradict_is_refused(tmp_path, header):
    path = written(tmp_path, header + "\n".join(pnezd()) + "\n")
    with pytest.raises(ReadError, match=r"PENZD.*4 of 4 rows outside.*as PNEZD"):
        read_points(path, order=None if header else "PENZD", box=BOX)


def test_an_order_that_the_header_contradicts_is_refused(tmp_path):
    path = written(tmp_path, "Point,Northing,Easting,Elevation,Description\n" + "\n".join(pnezd()) + "\n")
    with pytest.raises(ReadError, match="PENZD was stated, but its header says PNEZD"):
        read_points(path, order="PENZD")


@pytest.mark.parametrize("order", ["PNX", "PNN", "PZD", "PDNE", ""])
def test_an_order_that_is_none_is_an_error(order):
    with pytest.raises(ValueError, match="Invalid order"):
        stated_layout(order)


def test_a_box_that_is_none_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="Invalid box"):
        read_points(written(tmp_path, "1,2,3\n"), box=(2, 1, 1, 2))


# --- feet --------------------------------------------------------------------------------------------------------------------


def test_the_cost_of_the_wrong_foot_at_the_place_is_said():
    # 2.000004 ppm of 6,337,530 and 2,122,700 ft: 12.675 ft east, 4.245 ft north.
    (note,) = foot_note(np.array([6337530.5]), np.array([2122700.0]))
    assert "12.7 ft east and 4.2 ft north" in note and "PRC 8810" in note
    assert foot_note(np.array([1000.0]), np.array([500.0])) == []


def test_round_metres_in_international_feet_are_a_hint():
    # 10,000 m / 0.3048 = 32,808.39895 ft; in US survey feet it would be 32,808.33333.
    found = round_metres(["32808.39895", "1234.56789", "0.00000", None, "IP"])
    assert (found.international, found.us_survey) == (1, 0) and "international feet" in found.notes[0]
    found = round_metres(["32808.33333", "1234.56789"])
    assert (found.international, found.us_survey) == (0, 1) and "US survey feet" in found.notes[0]


def test_a_number_with_few_decimals_hints_at_no_foot():
    assert round_metres(["32808.4", "3281", "6561680"]).notes == ()


def test_the_unit_of_a_header_becomes_that_of_the_elevation(tmp_path):
    for unit, label in (("(ftUS)", "ft_us"), ("[US survey feet]", "ft_us"), ("(m)", "m"), ("(ft)", None)):
        text = f"Point,Northing {unit},Easting {unit},Elevation {unit},Description\n1,1000,500,20,EP\n2,1000,501,,EP\n"
        frame = read_points(written(tmp_path, text)).frame
        assert frame["elevation_unit"].astype(object).where(frame["elevation_unit"].notna(), None).tolist() == [label, None]


def test_a_header_with_two_units_is_refused(tmp_path):
    with pytest.raises(ReadError, match="different units"):
        read_points(written(tmp_path, "Point,Northing (m),Easting (ftUS),Elev\n1,1000,500,20\n"))


# --- lines -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [",", "\t", ";", " ", "   ", ", "])
def test_delimiters_are_found(tmp_path, delimiter):
    captures = read_points(written(tmp_path, "\n".join(pnezd(delimiter)) + "\n"), box=BOX)
    assert captures.frame.geometry.iloc[3] == shapely.Point(6337700.0, 2122852.0) and captures.frame["code"].eq("IP").all()


@pytest.mark.parametrize(
    ("delimiter", "sent", "read"),
    [
        (",", '"TREE 12 OAK"', "TREE 12 OAK"), (",", "TREE, 12 OAK", "TREE, 12 OAK"), (",", '"TREE, 12"" OAK"', 'TREE, 12" OAK'),
        (",", '12" OAK', '12" OAK'), (",", 'PIPE 24" x 12"', 'PIPE 24" x 12"'), (" ", "TREE 12 OAK, BIG", "TREE 12 OAK, BIG"),
        (" ", '"TREE 12 OAK"', "TREE 12 OAK"), ("\t", "FH, by 3rd & Main", "FH, by 3rd & Main"), (",", '"OAK" DEAD', '"OAK" DEAD'),
    ],
)  # fmt: skip
def test_a_description_may_hold_the_delimiter_and_quotes(tmp_path, delimiter, sent, read):
    text = delimiter.join(("12", "905", "402", "19", sent)) + "\n"
    assert read_points(written(tmp_path, text), order="PNEZD").frame["code"].tolist() == [read]


def test_quoted_cells_before_the_description_are_read(tmp_path):
    captures = read_points(written(tmp_path, '"A, 1","905","402","19","TREE, 12"\n"A2","906","403","","FH"\n'), order="PNEZD")
    assert captures.frame["name"].tolist() == ["A, 1", "A2"] and captures.frame["code"].tolist() == ["TREE, 12", "FH"]
    assert captures.frame.geometry.iloc[1] == shapely.Point(403, 906)


def test_comments_blanks_and_the_header_are_counted_and_hidden_points_are_said(tmp_path):
    lines = ["# job Riverbend", "", "Pt No,Northing,Easting,Elev,Desc", *pnezd(), "// end", "#999,2122600,6337500,20,IP"]
    captures = read_points(written(tmp_path, "\r\n".join(lines) + "\r\n"), box=BOX)
    assert captures.records == {"point": 4, "header": 1, "comment": 3, "blank": 1} and accounted(captures)
    assert captures.rows.tolist() == ["line 4", "line 5", "line 6", "line 7"]
    assert "1 comment line looks like points" in notes(captures) and "PNEZD by its header" in notes(captures)


def test_a_header_in_another_order_with_columns_of_its_own_is_followed(tmp_path):
    rows = ("1,IP,6337530.52,2122699.97,20.5,7", "2,IP,6337600,2122700,20.5", "3,IP,6337601,2122701,2,7,9", "")
    text = "\n".join(("Point,Code,Easting,Northing,Elevation,Crew", *rows))
    captures = read_points(written(tmp_path, text), box=BOX)
    assert captures.frame.geometry.iloc[0] == shapely.Point(6337530.52, 2122699.97)
    assert captures.frame["Crew"].iloc[0] == "7" and captures.frame["code"].iloc[0] == "IP"
    assert reasons(captures) == {"line 4": "wrong_field_count"}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_names_and_encodings_are_kept(tmp_path, encoding):
    text = "BM-7Ä,1000,500,20,Peña\n007,1001,501,20,IP\n007,1002,502,20,IP\n"
    captures = read_points(written(tmp_path, text, encoding=encoding), order="PNEZD")
    assert captures.frame["name"].tolist() == ["BM-7Ä", "007", "007"] and captures.frame["code"].iloc[0] == "Peña"
    assert "1 point names occur more than once (2 rows, all kept): 007" in notes(captures)
    assert ("Windows 1252" in notes(captures)) == (encoding == "cp1252")


def test_every_bad_line_is_rejected_by_reason_and_the_sum_holds(tmp_path):
    lines = [
        "1,1000,500,20,IP",
        "2,1001",
        "3,abc,500,20,IP",
        "4,1000,500,IP",
        "5,,500,20,IP",
        "6,1000,500,20,\x00IP",
        "7,nan,500,2,IP",
        "8,1,000.5,5,2",
    ]
    captures = read_points(written(tmp_path, "\n".join([*lines, "9,1002.5"])), order="PNEZD")
    assert reasons(captures) == {
        "line 2": "wrong_field_count", "line 3": "not_a_number", "line 4": "not_a_number", "line 5": "no_position",
        "line 6": "not_text", "line 7": "not_a_number", "line 9": "cut_off",
    }  # fmt: skip
    assert accounted(captures) and captures.records == {"point": 9}
    assert captures.rejected.loc[captures.rejected["source_ref"] == "line 3", "text"].tolist() == ["3,abc,500,20,IP"]


def test_a_file_without_points_is_refused(tmp_path):
    for text in ("Minutes of the meeting\nwere read\n", "# only a comment\n", "213-214\n193-192\n"):
        with pytest.raises(ReadError, match="no survey points"):
            read_points(written(tmp_path, text), order="PNEZD")


# --- what is no list of points -----------------------------------------------------------------------------------------------

RAW = {
    "RW5": "JB,NMRIVERBEND,DT07-22-2024,TM13:13:51\nMO,AD0,UN0,SF1.0\nOC,OP1,N 2122699.97,E 6337530.52,EL 16.4\n",
    "Nikon": "CO,Nikon RAW data format V2.00\nST,1,,2,,5.0,0.0,0.0\nSS,9,2.000,16.009,56.2846,98.9647,11:58:14,90\n",
    "Sokkia": "00NMSDR33 V04-04.02     00-000-00 00:00 211111\n08TP        0001\n",
    "raw observations": "Rec_Type\tPoint ID\tHoriz_ Angle\tVert_ Angle\tSlope Dist\tLocal_N\nSS\t1\t0\t0.5\t3.35\t1655\n",
}


@pytest.mark.parametrize("kind", RAW)
def test_raw_data_of_instruments_is_refused_with_what_to_export(tmp_path, kind):
    path = written(tmp_path, RAW[kind])
    assert kind in raw_instrument(path) and not looks_like_points(path)
    with pytest.raises(ReadError, match=f"{kind}.*export the points as text in the order PNEZD"):
        read_points(path, order="PNEZD")


@pytest.mark.parametrize(
    ("text", "is_points"),
    [
        ("1,1000,500,20,IP\n2,1001,501,20,IP\n", True), ("1 1000.5 500.5 20 IP\n", True),
        ("Point,Northing,Easting,Elevation,Description\n1,1000,500,20,IP\n", True),
        ("PT\tN\tE\tZ\tD\n1\t1000\t500\t20\tIP\n", True),
        ("apn,easting,northing\n19101001,6337530,2122700\n", False), ("FID,AREA,PERIMETER\n1,20.5,30.5\n2,1.5,2.5\n", False),
        ("OWNER,TAX\nA,1\n", False), ("lon,lat,fix_type,h_rms_m\n-121.2,37.8,FIXED,0.1\n", False), ("213-214\n193-192\n", False),
        ("Minutes\n", False), ("\x00\x01\x02", False),
    ],
)  # fmt: skip
def test_point_files_are_told_from_tables(tmp_path, text, is_points):
    assert looks_like_points(written(tmp_path, text)) is is_points


def test_a_file_that_is_too_large_is_refused_before_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr("citygis.readers.points.LARGEST_BYTES", 10)
    with pytest.raises(ReadError, match="refused"):
        read_points(written(tmp_path, "1,1000,500,20,IP\n"), order="PNEZD")
