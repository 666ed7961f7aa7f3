"""The rehearsal server's write side: the codes of Esri's 'Feature service error codes', asked by the arcgis client and by hand."""

import json
import math

import geopandas as gpd
import pytest
import shapely
from rehearsal_parcels import ask, parcels, require_arcgis

from citygis.rehearsal import rehearsing

OWN = "{11111111-2222-3333-4444-555555555555}"
OTHER = "{99999999-2222-3333-4444-555555555555}"
RING = [[6000000, 2000000], [6000000, 2000100], [6000050, 2000100], [6000050, 2000000], [6000000, 2000000]]
# A half circle above (0, 0)-(200, 0), its top at (100, 100).
CURVED = {"curveRings": [[[0, 0], {"c": [[200, 0], [100, 100]]}, [0, 0]]]}


@pytest.fixture(scope="module")
def running():
    point = gpd.GeoDataFrame({"N": [1]}, geometry=[shapely.Point(6000000, 2000000, 30)], crs=2227)
    changes = {
        "Parcels": {
            "fields": [{"name": "APN", "nullable": False}, {"name": "LOCKED", "type": "esriFieldTypeInteger", "editable": False}]
        },
        "Frozen": {"allowGeometryUpdates": False, "capabilities": "Query,Update", "globalIdField": None},
    }
    frames = {"Parcels": parcels(3), "Frozen": parcels(2), "Heights": point}
    with rehearsing(frames, lengths={"APN": 12}, definition=changes) as server:
        yield server


@pytest.fixture
def server(running):
    yield running
    running.reset()


@pytest.fixture
def client(server):
    require_arcgis()
    from arcgis.features import FeatureLayer
    from arcgis.gis import GIS

    gis = GIS(server.portal, token=server.token(), verify_cert=False)
    return FeatureLayer(server.layer_url("Parcels"), gis)


def edit(server, name="Parcels", operation="applyEdits", **said):
    form = {key: value if isinstance(value, str) else json.dumps(value) for key, value in said.items()}
    return ask(server, f"{server.layer_url(name)}/{operation}", method="POST", **form)[1]


def lot(global_id=OWN, geometry=None, **attributes):
    return {"attributes": {"GlobalID": global_id, "APN": "0100", **attributes}, "geometry": geometry or {"rings": [RING]}}


def ids(server, layer="Parcels"):
    return [f["attributes"]["GlobalID"] for f in server.features(layer)]


def test_a_global_id_that_is_there_is_1022_and_the_other_adds_go_in_without_rollback(server, client):
    client.edit_features(adds=[lot()], use_global_ids=True, rollback_on_failure=False)
    result = client.edit_features(adds=[lot(OWN.lower()), lot(OTHER, APN="0101")], use_global_ids=True, rollback_on_failure=False)
    first, second = result["addResults"]
    assert (first["success"], first["error"]["code"]) == (False, 1022)
    assert second["success"] and second["globalId"] == OTHER
    assert len(server.features("Parcels")) == 5


def test_with_rollback_one_failure_refuses_all_with_an_error_at_the_top(server, client):
    client.edit_features(adds=[lot()], use_global_ids=True)
    with pytest.raises(Exception, match="400"):
        client.edit_features(adds=[lot(OTHER), lot()], use_global_ids=True, rollback_on_failure=True)
    reply = edit(server, adds=[lot(OTHER), lot()], useGlobalIds="true")
    assert reply["error"]["code"] == 400 and reply["error"]["message"] == "Unable to complete operation."
    assert reply["error"]["details"][-1] == "Operation rolled back." and "addResults" not in reply
    assert OTHER not in ids(server) and len(ids(server)) == 4


def test_a_missing_object_is_1011_for_updates_and_both_spellings_of_deletes(server, client):
    known = ids(server)
    assert (
        client.edit_features(updates=[lot(OTHER)], use_global_ids=True, rollback_on_failure=False)["updateResults"][0]["error"][
            "code"
        ]
        == 1011
    )
    for deletes in ([OTHER, known[0]], json.dumps([OTHER, known[1]])):
        missing, done = client.edit_features(deletes=deletes, use_global_ids=True, rollback_on_failure=False)["deleteResults"]
        assert missing["error"]["code"] == 1011 and done["success"]
    assert ids(server) == known[2:]


REFUSED = {
    "over-long text": ({"APN": "1234567890123"}, 1000, "would be truncated"),
    "null where none may be": ({"APN": None}, 1001, "not nullable"),
    "unknown field": ({"NO_SUCH": 1}, 1016, "NO_SUCH"),
    "text in a date": ({"RECORDED": "2024-01-01"}, 1016, "RECORDED"),
    "field that is not editable": ({"LOCKED": 1}, 1023, "LOCKED"),
    "area kept by the service": ({"Shape__Area": 1.0}, 1023, "Shape__Area"),
}


@pytest.mark.parametrize(("values", "code", "word"), REFUSED.values(), ids=list(REFUSED))
def test_what_a_field_does_not_take_is_refused_with_its_code(server, client, values, code, word):
    before = server.features("Parcels")
    for result in (
        client.edit_features(adds=[lot(**values)], use_global_ids=True, rollback_on_failure=False)["addResults"],
        edit(server, updates=[{"attributes": {"OBJECTID": 1, **values}}], rollbackOnFailure="false")["updateResults"],
    ):
        assert result[0]["error"]["code"] == code and word in result[0]["error"]["description"]
    assert server.features("Parcels") == before


def test_unknown_fields_can_be_ignored_instead(server):
    server.settings(unknown_fields="ignore")
    try:
        assert edit(server, adds=[lot(NO_SUCH=1)], useGlobalIds="true")["addResults"][0]["success"]
    finally:
        server.settings(unknown_fields="refuse")


def test_missing_empty_and_malformed_global_ids_have_their_own_codes(server):
    adds = [
        {"attributes": {"APN": "1"}},
        {"attributes": {"APN": "1", "GlobalID": ""}},
        {"attributes": {"APN": "1", "GlobalID": "x"}},
    ]
    results = edit(server, adds=adds, useGlobalIds="true", rollbackOnFailure="false")["addResults"]
    assert [r["error"]["code"] for r in results] == [1020, 1021, 1016]


def test_without_use_global_ids_a_new_one_is_given(server):
    (result,) = edit(server, adds=[lot()])["addResults"]
    assert result["success"] and result["globalId"] != OWN


def test_nan_in_a_body_is_refused_as_no_json(server, client):
    body = json.dumps([lot(N=math.nan)])
    status, reply = ask(server, f"{server.layer_url('Parcels')}/applyEdits", method="POST", adds=body)
    assert status == 400 and reply["error"]["code"] == 400 and "NaN" in reply["error"]["details"][1]
    with pytest.raises(Exception):  # noqa: B017  the client raises what it likes
        client.edit_features(adds=[lot(LOCKED=math.nan)], use_global_ids=True)


def test_geometries_that_are_none_are_1015_and_heights_are_asked_for_with_1014(server):
    bad = [{"paths": [RING]}, {"rings": [RING[:2]]}, {"rings": [[[0, 0], [0, "x"], [1, 1], [0, 0]]]}, {"rings": "x"}, [1]]
    results = edit(server, adds=[lot(f"{{11111111-2222-3333-4444-00000000000{i}}}", g) for i, g in enumerate(bad)],
                   useGlobalIds="true", rollbackOnFailure="false")["addResults"]  # fmt: skip
    assert [r["error"]["code"] for r in results] == [1015] * len(bad)
    (flat,) = edit(server, "Heights", adds=[{"attributes": {}, "geometry": {"x": 1, "y": 2}}], rollbackOnFailure="false")[
        "addResults"
    ]
    assert flat["error"]["code"] == 1014


def test_a_true_curve_stays_one_and_is_not_overwritten_by_who_does_not_know_it(server):
    (added,) = server.edit("Parcels", adds=[lot(geometry=CURVED)])["addResults"]
    assert added["success"] and server.features("Parcels")[-1]["geometry"] == CURVED
    url = f"{server.layer_url('Parcels')}/query"
    said = {"where": f"GlobalID='{OWN}'", "outFields": "*"}
    (densified,) = ask(server, url, **said)[1]["features"]
    shape = shapely.Polygon(densified["geometry"]["rings"][0])
    half_circle = math.pi * 100**2 / 2
    assert half_circle * 0.999 < shape.area < half_circle
    assert densified["attributes"]["Shape__Area"] == pytest.approx(shape.area, rel=1e-9)
    assert ask(server, url, returnTrueCurves="true", **said)[1]["features"][0]["geometry"] == CURVED
    update = {"updates": [{"attributes": {"GlobalID": OWN}, "geometry": densified["geometry"]}], "useGlobalIds": "true"}
    (refused,) = edit(server, rollbackOnFailure="false", **update)["updateResults"]
    assert refused["error"]["code"] == 1005
    (named,) = edit(server, updates=[{"attributes": {"GlobalID": OWN, "OWNER": "Somebody"}}], useGlobalIds="true")["updateResults"]
    assert named["success"] and server.features("Parcels")[-1]["geometry"] == CURVED
    assert edit(server, trueCurveClient="true", **update)["updateResults"][0]["success"]


def test_what_the_layer_does_not_offer_is_refused(server):
    assert edit(server, "Frozen", adds=[lot()])["error"]["code"] == 400
    assert edit(server, "Frozen", updates=[lot()], useGlobalIds="true")["error"]["code"] == 405
    update = [{"attributes": {"OBJECTID": 1}, "geometry": {"rings": [RING]}}]
    assert edit(server, "Frozen", updates=update, rollbackOnFailure="false")["updateResults"][0]["error"]["code"] == 1004
    assert "GlobalID" not in server.features("Frozen")[0]["attributes"]


def test_delete_features_answers_success_for_ids_that_are_not_there(server):
    assert [r["success"] for r in edit(server, operation="deleteFeatures", objectIds="1,77")["deleteResults"]] == [True, True]
    assert [f["attributes"]["OBJECTID"] for f in server.features("Parcels")] == [2, 3]


def test_add_features_tells_a_rollback_by_feature(server):
    reply = edit(server, operation="addFeatures", features=[lot(), lot(APN=None)])
    assert [r["error"]["code"] for r in reply["addResults"]] == [1003, 1001]
    assert len(ids(server)) == 3


def test_another_system_is_placed_in_the_layers_and_snapped_where_asked(server):
    corner = gpd.GeoSeries([shapely.box(6000000, 2000000, 6000050, 2000100)], crs=2227).to_crs(3857)
    rings = [list(map(list, corner[0].exterior.coords))[::-1]]
    server.settings(snap=True)
    try:
        edit(server, adds=[lot(geometry={"rings": rings, "spatialReference": {"wkid": 102100}})], useGlobalIds="true")
    finally:
        server.settings(snap=False)
    placed = shapely.Polygon(server.features("Parcels")[-1]["geometry"]["rings"][0])
    # The grid is 0.0001 m, or 0.000328 ft.
    assert placed.hausdorff_distance(shapely.box(6000000, 2000000, 6000050, 2000100)) < 0.000328


def test_each_edit_moves_the_dates_and_names_the_editor(server):
    def dates():
        return ask(server, server.layer_url("Parcels"))[1]["editingInfo"]

    before = dates()
    edit(server, updates=[{"attributes": {"OBJECTID": 1, "OWNER": "A"}}])
    between = dates()
    server.edit("Parcels", updates=[{"attributes": {"OBJECTID": 2, "OWNER": "B"}}])
    after = dates()
    assert before["dataLastEditDate"] < between["dataLastEditDate"] < after["dataLastEditDate"]
    assert before["schemaLastEditDate"] == after["schemaLastEditDate"]
    assert [f["attributes"]["Editor"] for f in server.features("Parcels")] == ["rehearsal", "third_party", "rehearsal"]


def test_changes_since_a_generation_are_told_by_kind(server):
    service = server.service
    generation = ask(server, service)[1]["changeTrackingInfo"]["layerServerGens"][0]["serverGen"]
    edit(
        server,
        adds=[lot()],
        updates=[{"attributes": {"GlobalID": ids(server)[0], "OWNER": "A"}}],
        deletes=[ids(server)[1]],
        useGlobalIds="true",
    )
    _, found = ask(
        server, f"{service}/extractChanges", method="POST", layers="[0]", serverGens=f"[{generation}]", returnIdsOnly="true"
    )
    assert found["edits"] == [{"id": 0, "objectIds": {"adds": [4], "updates": [1], "deletes": [2]}}]


def test_fields_are_added_and_taken_out_and_the_features_follow(server):
    url = server.layer_url("Parcels").replace("/rest/services/", "/rest/admin/services/")
    field = {"fields": [{"name": "ZONE", "type": "esriFieldTypeString", "length": 8}]}
    assert ask(server, f"{url}/addToDefinition", method="POST", addToDefinition=json.dumps(field))[1] == {"success": True}
    assert server.features("Parcels")[0]["attributes"]["ZONE"] is None
    edit(server, updates=[{"attributes": {"OBJECTID": 1, "ZONE": "R-1"}}])
    assert server.features("Parcels")[0]["attributes"]["ZONE"] == "R-1"
    ask(server, f"{url}/deleteFromDefinition", method="POST", deleteFromDefinition=json.dumps({"fields": [{"name": "ZONE"}]}))
    assert "ZONE" not in server.features("Parcels")[0]["attributes"]
