"""Each exercise of the training path takes the answer that citygis itself gives, and no other."""

import importlib.util
import re
import subprocess
import sys

import pytest
from conftest import REQUIRE_ALL, ROOT

import citygis as cg
from citygis.gpkg import layers_of, read_geopackage

SAMPLE = ROOT / "sample_data"


def training():
    """scripts/training.py as a module."""
    spec = importlib.util.spec_from_file_location("training", ROOT / "scripts" / "training.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


EXERCISES = training().EXERCISES


@pytest.fixture(scope="module")
def city():
    return cg.open_city(SAMPLE / "city")


@pytest.fixture(scope="module")
def base():
    path = SAMPLE / "city" / "city_base.gpkg"
    return {info.name: read_geopackage(path, info.name) for info in layers_of(path)}


@pytest.fixture(scope="module")
def july(city):
    raw = cg.read(SAMPLE / "deliveries" / "county_parcels_2026q3.zip")
    return cg.convert(raw, "parcel", crosswalk="county_assessor", city=city)


@pytest.fixture(scope="module")
def october(city):
    raw = cg.read(SAMPLE / "deliveries" / "county_parcels_2026q4.zip")
    return cg.convert(raw, "parcel", crosswalk="county_assessor", city=city)


@pytest.fixture(scope="module")
def changes(july, october):
    return cg.compare(july.layer, october.layer, key="apn").changes


@pytest.fixture(scope="module")
def found(city, base, july, changes, tmp_path_factory):
    """The answers, each by the way that the exercise teaches."""
    from citygis.readers import read_landxml
    from citygis.readers.deed import read_deed

    held = {name: base[name] for name in ("control_station", "corner")}
    day = cg.field_work(
        SAMPLE / "gps_day" / "emlid_20261016.csv", "corner", city=city, purpose="parcel", frame="NAD83(2011)@2017.50", held=held
    )
    parcels = read_landxml(SAMPLE / "survey" / "tract_3999.xml").parcels
    lot = parcels[parcels["name"].str.removeprefix("LOT ") == "7"]
    deed = read_deed((SAMPLE / "survey" / "deeds" / "faulty_09_transposed.txt").read_text())
    told = " ".join(deed.findings.loc[deed.findings["code"] == "L08", "message"])
    findings = cg.validate({"parcel": july.layer, "tract": base["tract"]}, city=city)
    split = changes[(changes["kind"] == "split") & (changes["old"] == "19102012")]
    sheet = cg.Sheet.from_file(ROOT / "citygis" / "sheets" / "templates" / "parcel_map.toml")
    path = cg.draw(sheet, {"parcel": base["parcel"]}, city=city).save(tmp_path_factory.mktemp("sheet") / "map.pdf")
    from citygis.sheets.preflight import preflight

    measured = next(check.measured for check in preflight(path).checks if check.name == "scale of the viewport")
    feet, inches = re.fullmatch(r"([\d,]+) ft = ([\d.]+) in", measured).groups()
    notice = cg.analysis.hearing_notice(base["parcel"], ["192-010-73"], distance_ft=300)
    return {
        "deliveries": str(len(july.quarantine)),
        "gps": day.findings.loc[day.findings["code"] == "M01", "feature"].iloc[0],
        "tract": f"{lot['computed_area_sqft'].iloc[0]:.0f}",
        "deed": re.search(r"for ([\d.]+)\.", told)[1],
        "quality": findings.loc[(findings["code"] == "A06") & (findings["layer"] == "parcel"), "feature"].iloc[0],
        "changes": str((changes["kind"] == "split").sum()),
        "lineage": split["new"].iloc[0].split("; ")[0],
        "sheets": str(250 * float(inches) / float(feet.replace(",", ""))),
        "notice": str((notice.table["relation"] == "within").sum()),
    }


@pytest.fixture(scope="module")
def answer(found, request):
    """The answer to an exercise by the way that it teaches; the sync's only where the extra is."""

    def of(name):
        return found[name] if name in found else request.getfixturevalue("found_by_sync")

    return of


TARGET = """
layer = "parcel"
url = "{url}"
portal = "{portal}"
certificate = "{certificate}"
audience = "public"
natural_key = ["apn"]
batch = 10

[where]
parcel_kind = ["CONDO"]

[fields]
APN = "apn"
Situs = "situs_text"
"""


@pytest.fixture(scope="module")
def found_by_sync(base, tmp_path_factory):
    """How many features the layer holds, once the reply to the first batch was lost."""
    if not REQUIRE_ALL:
        pytest.importorskip("arcgis")
    from citygis.cli.init import make_city_folder
    from citygis.rehearsal import rehearsing

    folder = tmp_path_factory.mktemp("synced") / "riverbend"
    city = make_city_folder(folder, settings=(SAMPLE / "city" / "city.toml").read_text(encoding="utf-8"))
    layer = base["parcel"].rename(columns={"apn": "APN", "situs_text": "Situs"})[["APN", "Situs", "geometry"]].iloc[:0]
    lost = {"on": "applyEdits", "kind": "reset", "when": "after", "nth": [1]}
    with rehearsing({"Parcels": layer}, lengths={"APN": 20, "Situs": 80}) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("CITYGIS_USER", server.user)
        patch.setenv("CITYGIS_PASSWORD", server.password)
        (folder / "sync").mkdir()
        text = TARGET.format(url=server.layer_url("Parcels"), portal=server.portal, certificate=server.certificate.as_posix())
        (folder / "sync" / "condominiums.toml").write_text(text, encoding="utf-8")
        target = cg.sync.read_target("condominiums", city)
        remote = cg.sync.connected(target)
        plan = cg.sync.prepare(target, city=city, layer=base["parcel"], remote=remote)
        server.faults([lost])
        run = cg.sync.apply(plan, target, city=city, layer=base["parcel"], remote=remote)
        assert run.is_clean and any(each["fault"] for each in server.trace() if each["operation"] == "applyEdits")
        return str(len(server.features("Parcels")))


@pytest.mark.parametrize("name", EXERCISES)
def test_an_exercise_takes_the_answer_that_its_command_gives(name, answer):
    assert training().is_right(name, answer(name)), answer(name)


@pytest.mark.parametrize("name", EXERCISES)
def test_an_exercise_takes_no_other_answer(name):
    for wrong in ("0", "", "not known", "123456789012"):
        assert not training().is_right(name, wrong)


@pytest.mark.parametrize("name", EXERCISES)
def test_no_answer_is_written_on_the_page(name, answer):
    page = (ROOT / "docs" / "training" / "index.md").read_text(encoding="utf-8")
    section = page.split(f"**`{name}`**")[1].split("\n\n")[0]
    assert not re.search(rf"(?<![\d.-]){re.escape(answer(name))}(?![\d-])", section)


def test_the_program_says_right_or_gives_a_hint(found):
    words = [sys.executable, str(ROOT / "scripts" / "training.py"), "check", "deliveries"]
    right = subprocess.run([*words, found["deliveries"]], capture_output=True, text=True)
    wrong = subprocess.run([*words, "7"], capture_output=True, text=True)
    assert (right.returncode, right.stdout.strip()) == (0, "Right.")
    assert wrong.returncode == 1 and "quarantine" in wrong.stderr


def test_every_exercise_stands_on_the_page_in_its_order():
    page = (ROOT / "docs" / "training" / "index.md").read_text(encoding="utf-8")
    assert re.findall(r"^\*\*`(\w+)`\*\*", page, flags=re.MULTILINE) == list(EXERCISES)
