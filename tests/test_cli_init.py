"""`citygis init`: a City's folder that works at once."""

import pytest
from click.testing import CliRunner

import citygis as cg
from citygis.cli import main
from citygis.errors import SettingsError, StoreError


def init(*arguments):
    return CliRunner().invoke(main, ["init", *map(str, arguments)])


def test_a_new_city_has_its_settings_folders_sheets_and_an_empty_store(tmp_path):
    folder = tmp_path / "elsewhere"
    assert init(folder, "--name", "City of Elsewhere", "--county", "Yolo", "--crs", "EPSG:6418").exit_code == 0
    city = cg.open_city(folder)
    assert (city.name, city.county, city.crs.to_epsg()) == ("City of Elsewhere", "Yolo", 6418)
    assert {path.name for path in folder.iterdir()} >= {
        "city.toml",
        "crosswalks",
        "styles",
        "sheets",
        "jobs",
        "receivers",
        "grids",
        "city.gpkg",
        "README.md",
    }
    assert {path.stem for path in city.sheets_folder.iterdir()} >= {"parcel_map", "parcel_wall_map", "map_act", "boundary_map"}
    with cg.store(city) as db:
        assert {info.name: info.rows for info in db.layers()}["parcel"] == 0


def test_a_folder_that_is_a_city_already_is_left_as_it_is(tmp_path):
    init(tmp_path)
    before = (tmp_path / "city.toml").read_bytes()
    result = init(tmp_path, "--name", "Another")
    assert result.exit_code == 3 and (tmp_path / "city.toml").read_bytes() == before


@pytest.mark.parametrize(("crs", "words"), [("EPSG:4326", "not in feet"), ("zone 3", "not a coordinate system")])
def test_a_city_that_would_mislead_is_refused_and_nothing_is_left(tmp_path, crs, words):
    result = init(tmp_path / "elsewhere", "--crs", crs)
    assert result.exit_code == 3 and words in result.stderr
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("name", ['City of "Quotes"', "City of Back\\slash", "Ciudad de San José"])
def test_a_name_may_have_any_letters(tmp_path, name):
    assert init(tmp_path / "elsewhere", "--name", name).exit_code == 0
    assert cg.open_city(tmp_path / "elsewhere").name == name


def test_a_file_in_the_way_is_one_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    result = init(tmp_path / "file" / "city")
    assert result.exit_code == 3 and isinstance(result.exception, (SystemExit, SettingsError, StoreError))


def test_the_frame_is_set_as_stated(tmp_path):
    result = init(tmp_path / "elsewhere", "--realization", "NAD83(2011)", "--epoch", "2017.5")
    assert result.exit_code == 0
    assert str(cg.open_city(tmp_path / "elsewhere").frame) == "NAD83(2011)@2017.50"


@pytest.mark.parametrize("options", [("--realization", "CCS2022"), ("--realization", "ITRF2014"), ("--epoch", "20175")])
def test_a_frame_that_no_city_can_have_is_refused_and_nothing_is_left(tmp_path, options):
    result = init(tmp_path / "elsewhere", *options)
    assert result.exit_code == 3 and not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize(
    ("county", "crs", "kept"),
    [
        ("San Joaquin", "EPSG:6420", True),
        ("San Joaquin County", "EPSG:2227", True),
        ("Stanislaus", "EPSG:6420", False),
        ("San Joaquin", "EPSG:6418", False),
    ],
)
def test_the_packaged_velocity_stays_where_it_was_computed(tmp_path, county, crs, kept):
    result = init(tmp_path / "elsewhere", "--county", county, "--crs", crs)
    assert result.exit_code == 0
    city = cg.open_city(tmp_path / "elsewhere")
    assert (city.velocity is not None) is kept
    assert ("velocity is not stated" in result.stderr) is not kept


def test_a_velocity_can_be_stated_with_its_source(tmp_path):
    stated = ("--velocity-north", "12.5", "--velocity-east", "-8.25", "--velocity-source", 'NGS HTDP 3.6.0, "downtown"')
    result = init(tmp_path / "elsewhere", "--county", "Yolo", *stated)
    assert result.exit_code == 0 and "velocity is not stated" not in result.stderr
    velocity = cg.open_city(tmp_path / "elsewhere").velocity
    assert (velocity.north_mm_yr, velocity.east_mm_yr, velocity.source) == (12.5, -8.25, 'NGS HTDP 3.6.0, "downtown"')
    assert velocity.lon is None and velocity.up_mm_yr == 0


def test_half_a_velocity_is_refused(tmp_path):
    result = init(tmp_path / "elsewhere", "--velocity-north", "12.5", "--velocity-east", "-8.25")
    assert result.exit_code == 2 and "--velocity-source" in result.stderr and not (tmp_path / "elsewhere").exists()


def test_a_city_of_another_realization_is_not_said_to_be_nad83_2011(tmp_path):
    init(tmp_path / "kestrel", "--state", "WA", "--crs", "EPSG:2926", "--realization", "NAD83(HARN)", "--epoch", "1991.0")
    assert not [name for name in cg.open_city(tmp_path / "kestrel").same_datum if "2011" in name]
    init(tmp_path / "elsewhere")
    assert [name for name in cg.open_city(tmp_path / "elsewhere").same_datum if "2011" in name]
