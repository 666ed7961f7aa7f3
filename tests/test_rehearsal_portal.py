"""The portal with the real arcgis client: each way to sign in, items, and the publishing of a new hosted layer."""

import json

import pytest
from rehearsal_parcels import ask, parcels, require_arcgis

from citygis.rehearsal import rehearsing


@pytest.fixture(scope="module")
def server():
    require_arcgis()
    with rehearsing({"Parcels": parcels(2)}, service="Riverbend") as running:
        yield running


def signed_in(server, **said):
    from arcgis.gis import GIS

    return GIS(server.portal, verify_cert=False, **said)


@pytest.mark.parametrize("way", ["generateToken", "signin", "token", "api_key"])
def test_every_way_to_sign_in_gives_the_user_and_a_portal_that_is_not_enterprise(server, way):
    said = {
        "generateToken": {"username": server.user, "password": server.password, "use_gen_token": True},
        "signin": {"username": server.user, "password": server.password},
        "token": {"token": server.token()},
        "api_key": {"api_key": server.token()},
    }[way]
    server.clear_trace()
    gis = signed_in(server, **said)
    assert gis.users.me.username == "rehearsal"
    assert gis.properties.isPortal is False
    used = {entry["operation"] for entry in server.trace()}
    assert (way in used) is (way in ("generateToken", "signin"))
    assert not any(entry["token_in_url"] for entry in server.trace())


def test_a_wrong_password_does_not_sign_in(server):
    with pytest.raises(Exception, match="Invalid username or password"):
        signed_in(server, username=server.user, password="wrong", use_gen_token=True)
    with pytest.raises(Exception, match="Invalid username or password"):
        signed_in(server, username=server.user, password="wrong")


def test_the_services_item_leads_to_its_layers_and_is_found(server):
    gis = signed_in(server, token=server.token())
    item = gis.content.get(server.item_id)
    assert item.title == "Riverbend" and [layer.properties.name for layer in item.layers] == ["Parcels"]
    assert [found.id for found in gis.content.search('title:"Riverbend" AND owner:rehearsal', item_type="Feature Service")] == [
        item.id
    ]
    assert gis.content.is_service_name_available("Riverbend", "featureService") is False


def test_a_new_hosted_layer_is_published_by_the_client_edited_and_deleted(server):
    from arcgis.features import FeatureLayerCollection

    gis = signed_in(server, token=server.token())
    item = gis.content.create_service(
        "Zoning", service_type="featureService", create_params={"name": "Zoning", "spatialReference": {"wkid": 102643}}
    )
    codes = {"type": "codedValue", "name": "zone", "codedValues": [{"name": "Residential", "code": "R"}]}
    fields = [{"name": "zone", "type": "esriFieldTypeString", "alias": "Zone", "length": 8, "nullable": False, "domain": codes}]
    extent = {"xmin": 0, "ymin": 0, "xmax": 1, "ymax": 1, "spatialReference": {"wkid": 102643, "latestWkid": 2227}}
    layer = {"name": "zoning", "type": "Feature Layer", "geometryType": "esriGeometryPolygon", "fields": fields, "extent": extent}
    assert FeatureLayerCollection(item.url, gis).manager.add_to_definition({"layers": [layer]})["success"]
    made = gis.content.get(item.id).layers[0]
    names = {f["name"]: f for f in made.properties.fields}
    assert {"OBJECTID", "GlobalID", "zone", "EditDate", "Shape__Area"} <= set(names)
    assert names["zone"]["nullable"] is False and names["zone"]["domain"]["codedValues"][0]["code"] == "R"
    ring = [[0, 0], [0, 10], [10, 10], [10, 0], [0, 0]]
    adds = [
        {"attributes": {"zone": "M-1"}, "geometry": {"rings": [ring]}},
        {"attributes": {"zone": None}, "geometry": {"rings": [ring]}},
    ]
    good, bad = made.edit_features(adds=adds, rollback_on_failure=False)["addResults"]
    assert good["success"] and bad["error"]["code"] == 1001
    assert made.query("1=1").features[0].attributes["Shape__Area"] == 100
    assert item.update({"title": "Zoning of Riverbend"}) and gis.content.get(item.id).title == "Zoning of Riverbend"
    assert item.delete(permanent=True)
    assert "error" in ask(server, item.url)[1]


def test_a_name_that_is_taken_and_one_that_is_none_are_refused(server):
    url = f"{server.portal}/sharing/rest/content/users/rehearsal/createService"
    for name in ("Riverbend", "a/../b", ""):
        _, reply = ask(server, url, method="POST", createParameters=json.dumps({"name": name}))
        assert reply["error"]["code"] == 400, name
    assert ask(server, url, is_signed_in=False, method="POST", createParameters='{"name": "X"}')[1]["error"]["code"] == 499
