"""San Joaquin County's parcels, converted, loaded, and seen by another program with the same count and system."""

import re
import subprocess

import shapely
from click.testing import CliRunner
from pandas.testing import assert_frame_equal
from store_city import make_city

from citygis.changes import ChangeSet, LayerChange, lineage_frame
from citygis.cli import main
from citygis.findings import findings_frame
from citygis.gpkg import layers_of
from citygis.store import store

ACCEPT = [
    "A06=stacked parcels share a number",
    "D01=not confirmed, a test",
    "G04=stacked",
    "T01=county line work",
    "T26=county line work",
]


def test_san_joaquin_s_parcels_arrive_once_and_ogrinfo_counts_the_same(real_data, tmp_path, require_program):
    city = make_city(tmp_path / "city")
    runner, out = CliRunner(), tmp_path / "parcels.gpkg"
    sent = real_data / "parcels" / "sjv_WHcentral.shp"
    runner.invoke(main, ["convert", str(sent), "--to", "parcel", "--out", str(out), "--quiet"], catch_exceptions=False)
    converted = {layer.name: layer.rows for layer in layers_of(out)}
    assert converted["parcel"] + converted["quarantine"] == 1556
    refused = runner.invoke(main, ["load", str(out), "--city", str(city.folder)])
    assert refused.exit_code == 3 and len(store(city).read("parcel")) == 0
    accept = [text for reason in ACCEPT for text in ("--accept", reason)]
    loaded = runner.invoke(main, ["load", str(out), "--city", str(city.folder), *accept], catch_exceptions=False)
    assert loaded.exit_code == 0, loaded.output
    content = city.store_path.read_bytes()
    again = runner.invoke(main, ["load", str(out), "--city", str(city.folder)], catch_exceptions=False)
    assert again.exit_code == 0 and "Nothing to change" in again.stdout
    assert city.store_path.read_bytes() == content
    command = [require_program("ogrinfo"), "-ro", "-so", str(city.store_path), "parcel"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert re.search(rf"Feature Count: {converted['parcel']}\n", said)
    assert "NAD83(2011) / California zone 3 (ftUS)" in said
    with store(city) as db:
        before = db.read("parcel")
        moved = before.iloc[[0]].assign(lot="9").set_geometry(before.geometry.iloc[[0]].translate(1, 0))
        edit = LayerChange(before.iloc[:0], moved, before.iloc[[1]][["global_id"]])
        edited = db.apply(ChangeSet({"parcel": edit}, lineage_frame()), findings=findings_frame(crs=city.crs))
        assert len(db.read("parcel")) == len(before) - 1
        db.undo(edited)
        after = db.read("parcel")
        assert shapely.to_wkb(after.geometry).tolist() == shapely.to_wkb(before.geometry).tolist()
        same = [name for name in before if name not in ("geometry", "tx_from", "editor")]
        assert_frame_equal(after[same], before[same])
        assert_frame_equal(db.read("parcel", as_of=1)[same], before[same])
