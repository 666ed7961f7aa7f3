"""
The sync as a City meets it, end to end against the rehearsal server: every type there and back, and what is said
without the extra. What servers that lie do to it: test_sync_liars.py.
"""

import datetime
import sys
import time

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely
import shapely.affinity
import store_city
from click.testing import CliRunner
from rehearsal_parcels import require_arcgis

from citygis import sync
from citygis.cli import main
from citygis.gpkg import write_geopackage
from citygis.readers.service import complete_read, plain_reader
from citygis.rehearsal import rehearsing
from citygis.schema import schema

SYSTEMS = {"Ft": 2227, "Web": 3857, "World": 4326}
LENGTHS = {"APN": 20, "NOTE": 2000, "SITUS": 80, "LEGALDAY": 10}

FIELDS = {
    "APN": "apn",
    "SITUS": "situs_text",
    "NOTE": "legal_text",
    "TRACT": "tract_id",
    "OURS": "city_owned",
    "YEAR": "roll_year",
    "BIG": "lot",
    "RATIO": "misclose_ft",
    "AREA": "calc_area_sqft",
    "DAY": "legal_from",
    "RECDATE": "legal_to",
    "MOMENT": "tx_from",
    "LEGALDAY": "legal_from",
    "KIND": "status",
}
"""Every kind of remote field, and the City field that goes into it."""

ZONES = ("UTC", "America/Los_Angeles")
"""Of the machine that plans and the one that sends; each system is tried both ways round."""

TRACT = "0f8fad5b-d9cb-469f-a165-70867728950e"


def every_type() -> gpd.GeoDataFrame:
    """Four City parcels: the limits of each type, a null in each, and a hole, a multipart, an island in a hole among them."""
    frame = store_city.parcels(4)
    frame["situs_text"] = pd.Series(["1 FIRST ST", None, "Ünïcode 'quote' \"double\" {} <b> \\ \t.", ""], dtype="str")
    frame["legal_text"] = pd.Series(["x" * 2000, None, "line one\nline two", "\u2028 \U0001f5fa"], dtype="str")
    frame["tract_id"] = pd.Series([TRACT.upper(), None, "{" + TRACT + "}", TRACT], dtype="str")
    frame["city_owned"] = pd.array([True, None, False, True], dtype="boolean")
    frame["roll_year"] = pd.array([2026, None, -(2**31), 2**31 - 1], dtype="Int64")
    frame["lot"] = pd.Series([str(2**53 - 1), None, str(1 - 2**53), "0"], dtype="str")
    frame["misclose_ft"] = [0.5, np.nan, -3.25, 3.0e38]
    frame["calc_area_sqft"] = [8000.123456789012, np.nan, 1e-300, -1.7976931348623157e308]
    # A day is a day wherever it is read; the years 1900 and 2038 lie beyond what 32 bits of seconds hold.
    days = pd.Series(["1899-12-31", None, "2024-02-29", "2038-01-20"], dtype="datetime64[s]")
    frame["legal_from"], frame["legal_to"] = days, days
    # The second is within the hour that Los Angeles skips, the third within the one that it has twice.
    moments = ["1900-01-01T00:00:00.001Z", None, "2026-03-08T10:30:00Z", "2026-11-01T08:30:00.999Z"]
    frame["tx_from"] = pd.to_datetime(pd.Series(moments), utc=True, format="ISO8601").astype("datetime64[us, UTC]")
    shapes = frame.geometry.to_numpy()
    west, south, _east, _north = shapes[0].bounds
    hole = shapely.box(west + 20, south + 20, west + 60, south + 60)
    island = shapely.box(west + 30, south + 30, west + 40, south + 40)
    shapes[0] = shapely.union(shapely.difference(shapes[0], hole), island)
    shapes[1] = shapely.MultiPolygon([shapes[1], shapely.affinity.translate(shapes[1], 0, -300)])
    return frame.set_geometry(shapes, crs=6420)


def turned(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The same features, each with the values and the shape of the next: nulls become values and values nulls."""
    keys = ["apn", "apn_display", "global_id"]
    values = frame.drop(columns=keys).iloc[[1, 2, 3, 0]].reset_index(drop=True)
    return gpd.GeoDataFrame(values.assign(**{name: frame[name] for name in keys}), geometry=values.geometry.to_numpy(), crs=6420)


def deep(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The same with a height at each corner, no two alike."""
    flat = frame.geometry.to_numpy()
    tall = shapely.force_3d(flat)
    places = shapely.get_coordinates(tall, include_z=True)
    places[:, 2] = np.round(17.0 + (places[:, 0] - 6.3e6) / 64 + (places[:, 1] - 2.1e6) / 8, 3)
    return frame.set_geometry(shapely.set_coordinates(tall, places), crs=6420)


def like_the_remote(frame: gpd.GeoDataFrame, epsg: int) -> gpd.GeoDataFrame:
    """A layer to begin with, of the right types, whose one feature is taken out before the test."""
    made = {
        "APN": frame["apn"],
        "SITUS": frame["situs_text"],
        "NOTE": frame["legal_text"],
        "TRACT": pd.Series([TRACT] * len(frame), dtype="str"),
        "OURS": pd.array([1] * len(frame), dtype="Int16"),
        "YEAR": pd.array([1] * len(frame), dtype="Int32"),
        "BIG": pd.array([1] * len(frame), dtype="Int64"),
        "RATIO": np.ones(len(frame), dtype="float32"),
        "AREA": np.ones(len(frame)),
        "DAY": [datetime.date(2024, 1, 1)] * len(frame),
        "RECDATE": pd.to_datetime(["2024-01-01"] * len(frame)).tz_localize("UTC"),
        "MOMENT": pd.to_datetime(["2024-01-01"] * len(frame)).tz_localize("UTC"),
        "LEGALDAY": pd.Series(["2024-01-01"] * len(frame), dtype="str"),
        "KIND": frame["status"],
        "global_id": frame["global_id"],
    }
    flat = shapely.has_z(frame.geometry.to_numpy()).any()
    place = shapely.Point(6.3e6, 2.1e6, 9.0) if flat else shapely.Point(6.3e6, 2.1e6)
    shapes = gpd.GeoSeries([place.buffer(30)] * len(frame), crs=2227).to_crs(epsg)
    shapes = shapely.force_3d(shapes.to_numpy(), 9.0) if flat else shapes.to_numpy()
    return gpd.GeoDataFrame(made, geometry=gpd.GeoSeries(shapes, crs=epsg))


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    """A server with an empty layer per system, flat and with heights, and a City with a target for each."""
    require_arcgis()
    folder = tmp_path_factory.mktemp("acceptance")
    city = store_city.make_city(folder)
    (folder / "privacy.toml").write_text('[layers.parcel]\norganization = ["tx_from"]\n', encoding="utf-8")
    (folder / "sync").mkdir()
    one = every_type().iloc[:1]
    layers = {name: like_the_remote(one, epsg) for name, epsg in SYSTEMS.items()}
    layers |= {f"{name}Z": like_the_remote(deep(one), epsg) for name, epsg in SYSTEMS.items()}
    codes = [{"name": f"{code} of them", "code": code} for code in (0, 1)]
    changes = {
        "fields": [
            {"name": "TRACT", "type": "esriFieldTypeGUID", "length": 38},
            {"name": "OURS", "domain": {"type": "codedValue", "name": "ours", "codedValues": codes}},
        ]
    }
    with rehearsing(layers, lengths=LENGTHS, definition=dict.fromkeys(layers, changes), snap=True) as server:
        for name in layers:
            epsg = SYSTEMS[name.removesuffix("Z")]
            text = f'layer = "parcel"\nurl = "{server.layer_url(name)}"\nportal = "{server.portal}"\naudience = "organization"\n'
            text += f'certificate = "{server.certificate}"\nnatural_key = ["apn"]\n[fields]\n'
            text += "".join(f'{remote} = "{own}"\n' for remote, own in FIELDS.items())
            if epsg != 2227:
                text += (
                    f'[frame]\nlabel = "EPSG:{epsg}"\nreally = "NAD83(2011)"\nreason = "By projection"\nstated_by = "A. Clerk"\n'
                )
            (folder / "sync" / f"{name}.toml").write_text(text, encoding="utf-8")
            server.edit(name, deletes=[one["global_id"].iloc[0]])
        yield server, city, folder


@pytest.fixture
def signed_in(office, monkeypatch):
    """The office, and its login in the environment."""
    server, city, folder = office
    monkeypatch.setenv("CITYGIS_USER", server.user)
    monkeypatch.setenv("CITYGIS_PASSWORD", server.password)
    return server, city, folder


@pytest.fixture
def zone(monkeypatch):
    """Sets the time zone of this process."""

    def lives_in(name: str) -> None:
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield lives_in
    monkeypatch.undo()
    time.tzset()


def projected(frame: gpd.GeoDataFrame, epsg: int) -> np.ndarray:
    """Coordinates in another label of the same datum, by PROJ's projections alone: the plane, degrees, the plane of the label."""
    places = shapely.get_coordinates(frame.geometry.to_numpy(), include_z=True)
    lon, lat = pyproj.Transformer.from_crs(6420, 6318, always_xy=True).transform(places[:, 0], places[:, 1])
    geographic = {2227: 4269, 3857: 4326, 4326: 4326}[epsg]
    to = pyproj.Transformer.from_crs(geographic, epsg, always_xy=True)
    return np.column_stack([*to.transform(lon, lat), places[:, 2]])


def require_there(server, name: str, frame: gpd.GeoDataFrame) -> None:
    """The layer, read by the reader that shares no code with the writer's client, says what the frame says."""
    reader = plain_reader(server.layer_url(name), token=server.token(), certificate=server.certificate)
    back = complete_read(reader).frame.set_index("global_id").loc[frame["global_id"]]
    assert len(back) == len(frame)

    def same(remote: str, expected: list) -> None:
        said = [None if pd.isna(value) else value for value in back[remote]]
        assert said == expected, (name, remote, said, expected)

    def plain(column: str) -> list:
        return [None if pd.isna(value) else value for value in frame[column]]

    same("APN", plain("apn"))
    same("SITUS", plain("situs_text"))
    same("NOTE", plain("legal_text"))
    same("TRACT", [value and TRACT for value in plain("tract_id")])
    same("OURS", [None if value is None else int(value) for value in plain("city_owned")])
    same("YEAR", plain("roll_year"))
    same("BIG", [None if value is None else int(value) for value in plain("lot")])
    ratio = back["RATIO"].to_numpy("float32", na_value=np.nan)
    assert np.array_equal(ratio, frame["misclose_ft"].to_numpy("float32"), equal_nan=True)
    same("AREA", plain("calc_area_sqft"))
    same("DAY", [None if value is None else value.date() for value in plain("legal_from")])
    same("LEGALDAY", [None if value is None else f"{value:%Y-%m-%d}" for value in plain("legal_from")])
    same("RECDATE", [None if value is None else value.tz_localize("UTC") for value in plain("legal_to")])
    same("MOMENT", plain("tx_from"))
    same("KIND", plain("status"))
    epsg = SYSTEMS[name.removesuffix("Z")]
    deep_ = name.endswith("Z")
    # Half a thousandth of a foot, and what it is in degrees, besides the rounding of two transformations.
    off = {2227: 0.00052, 3857: 0.00021, 4326: 3e-9}[epsg]
    dimensions = [True] * len(back) if deep_ else [False] * len(back)
    assert shapely.has_z(back.geometry.to_numpy()).tolist() == dimensions
    meant = frame.set_geometry(
        shapely.set_coordinates(shapely.force_3d(frame.geometry.to_numpy()), projected(frame, epsg)), crs=epsg
    )
    for one, other in zip(meant.geometry, back.geometry, strict=True):
        assert shapely.get_num_geometries(one) == shapely.get_num_geometries(other)
        assert sorted(map(len_of_holes, shapely.get_parts(one))) == sorted(map(len_of_holes, shapely.get_parts(other)))
        mine, theirs = (sorted_corners(each, with_z=deep_) for each in (one, other))
        assert mine.shape == theirs.shape
        assert np.abs(mine - theirs)[:, :2].max() <= off, np.abs(mine - theirs).max(axis=0)
        assert not deep_ or np.abs(mine - theirs)[:, 2].max() <= 0.00052


def len_of_holes(polygon: shapely.Polygon) -> int:
    return len(polygon.interiors)


def sorted_corners(shape: shapely.Geometry, *, with_z: bool) -> np.ndarray:
    """The distinct corners of each ring, in an order that no program's habit decides: by place to a hundredth of a foot."""
    places = np.concatenate(
        [shapely.get_coordinates(ring, include_z=with_z)[:-1] for ring in shapely.get_rings(shapely.get_parts(shape))]
    )
    low = places[:, :2].min(axis=0)
    size = (places[:, :2].max(axis=0) - low).max()
    key = np.round((places[:, :2] - low) / size * 1000)
    return places[np.lexsort((key[:, 1], key[:, 0]))]


@pytest.mark.parametrize(
    ("name", "zones"),
    [
        (f"{name}{tall}", ZONES if (tall == "Z") == (at % 2 == 0) else ZONES[::-1])
        for at, name in enumerate(SYSTEMS)
        for tall in ("", "Z")
    ],
    ids=lambda each: each if isinstance(each, str) else "to ".join(each),
)
def test_every_type_goes_the_whole_way_and_comes_back_equal_whatever_the_zone_of_the_machine(
    signed_in, zone, tmp_path, name, zones
):
    server, city, _folder = signed_in
    target = sync.read_target(name, city)
    for each in server.features(name):
        server.edit(name, deletes=[each["attributes"]["GlobalID"]])
    for path in target.folder.glob("base*"):
        path.unlink()
    first = deep(every_type()) if name.endswith("Z") else every_type()
    for number, frame in enumerate([first, turned(first)]):
        zone(zones[0])
        made = sync.prepare(target, city=city, layer=frame)
        assert not made.refusals and not made.stops and len(made.adds if number == 0 else made.updates) == 4, made
        sync.save_plan(made, tmp_path / f"{number}.json")
        zone(zones[1])  # planned on one machine, sent from another
        run = sync.apply(sync.read_plan(tmp_path / f"{number}.json"), target, city=city, layer=frame)
        assert run.is_clean and len(run.done) == 4, run
        require_there(server, name, frame)
        assert sync.verify(target, city=city, layer=frame).is_clean


# -- the command -------------------------------------------------------------------------------------------------------


def test_without_the_extra_every_subcommand_that_needs_it_says_the_one_line_and_the_others_work(signed_in, tmp_path, monkeypatch):
    _server, city, folder = signed_in
    target = sync.read_target("Ft", city)
    path = sync.save_plan(sync.Plan(target="Ft", url=target.url, layer="parcel"), tmp_path / "plan.json")
    (folder / "sync" / "fresh.toml").write_text(
        "".join(line for line in target.path.read_text().splitlines(keepends=True) if not line.startswith("url"))
    )
    write_geopackage(tmp_path / "parcels.gpkg", {"parcel": store_city.parcels(2)}, schema=schema())
    for name in [name for name in sys.modules if name.split(".")[0] == "arcgis"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "arcgis", None)

    def ran(*arguments):
        return CliRunner().invoke(main, ["sync", *map(str, arguments), "--city", str(folder)])

    for arguments in (
        ("plan", "Ft"),
        ("apply", path, "--apply"),
        ("verify", "Ft"),
        ("link", "Ft"),
        ("pull", "Ft", "--out", tmp_path / "a.gpkg"),
        ("pull", "Ft", "--edits", "--out", tmp_path / "b.gpkg"),
        ("publish", "fresh", "--apply", "--from", tmp_path / "parcels.gpkg"),
    ):
        result = ran(*arguments)
        assert result.exit_code == 3 and "pip install 'citygis[arcgis]'" in result.stderr, (arguments, result.output)
        assert len(result.stderr.strip().splitlines()[-1:]) == 1 and "Traceback" not in result.output
    assert ran("runs", "Ft").exit_code == 0
    assert ran("apply", path).exit_code == 0
    (folder / "sync" / "fresh.toml").unlink()
