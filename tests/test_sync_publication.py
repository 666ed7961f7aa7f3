"""A new hosted layer from the City's schema."""

import geopandas as gpd
import pytest
import shapely
import sync_city

from citygis import sync
from citygis.errors import SyncError
from citygis.readers.service.definition import layer_definition
from citygis.schema import schema

TEXT = sync_city.TARGET.format(batch=200).replace(
    'url = "https://gis.riverbend.example/arcgis/rest/services/Parcels/FeatureServer/0"\n', ""
)
TEXT = TEXT.replace('APN = "apn"', 'APN = "apn"\nKIND = "parcel_kind"\nCITY_OWNED = "city_owned"')


def test_fields_have_the_schemas_types_lengths_domains_and_nulls(tmp_path):
    city, target = sync_city.make(tmp_path, text=TEXT)
    made = sync.publish(target, city=city, layer=sync_city.parcels(5))
    fields = {each["name"]: each for each in made.definition["fields"]}
    assert made.url is None and made.name == "parcels"
    assert fields["APN"]["type"] == "esriFieldTypeString" and fields["APN"]["length"] == 20 and not fields["APN"]["nullable"]
    assert fields["ROLL_YEAR"]["type"] == "esriFieldTypeInteger" and fields["CITY_OWNED"]["type"] == "esriFieldTypeSmallInteger"
    codes = {each["code"] for each in fields["KIND"]["domain"]["codedValues"]}
    assert codes == set(schema().layer("parcel").field("parcel_kind").domain)
    read = layer_definition({**made.definition, "supportsApplyEditsWithGlobalIds": True}, where="x")
    assert read.crs.to_epsg() == 6420 and read.geometry_type == "esriGeometryPolygon" and read.global_id_field == "GlobalID"
    assert [each.name for each in read.own_fields] == list(target.fields)


def test_it_is_made_once_private_and_only_with_apply(tmp_path, monkeypatch):
    city, target = sync_city.make(tmp_path, text=TEXT)
    monkeypatch.setenv("CITYGIS_TOKEN", "a-token")
    asked = []

    def create(portal, credentials, **said):
        asked.append((portal, said["name"], said["access"]))
        return "https://gis.riverbend.example/arcgis/rest/services/parcels/FeatureServer/0"

    sync.publish(target, city=city, layer=sync_city.parcels(5), create=create)
    assert asked == []
    made = sync.publish(target, city=city, layer=sync_city.parcels(5), create=create, apply=True)
    assert asked == [("https://gis.riverbend.example/portal", "parcels", "private")] and made.url.endswith("/0")


def test_a_target_that_has_its_layer_and_one_for_the_organisation_in_public_are_refused(tmp_path):
    city, target = sync_city.make(tmp_path / "a")
    with pytest.raises(SyncError, match="has a layer already"):
        sync.publish(target, city=city, layer=sync_city.parcels(5))
    city, target = sync_city.make(tmp_path / "b", text=TEXT.replace('audience = "public"', 'audience = "organization"'))
    with pytest.raises(SyncError, match="must not be made public"):
        sync.publish(target, city=city, layer=sync_city.parcels(5), access="public")


def test_owners_are_not_published(tmp_path):
    city, target = sync_city.make(tmp_path, text=TEXT.replace('SITUS = "situs_text"', 'OWNER = "situs_text"'))
    with pytest.raises(SyncError, match="Y23"):
        sync.publish(target, city=city, layer=sync_city.parcels(5))


@pytest.mark.parametrize(("flat", "has_z"), [([], True), ([2], False), (range(5), False)])
def test_a_layer_keeps_heights_where_every_shape_has_them(tmp_path, flat, has_z):
    city, target = sync_city.make(tmp_path, text=TEXT)
    frame = sync_city.parcels(5)
    drawn = shapely.force_3d(frame.geometry.to_numpy(), z=12.5)
    drawn[list(flat)] = shapely.force_2d(drawn[list(flat)])
    made = sync.publish(target, city=city, layer=frame.set_geometry(gpd.GeoSeries(drawn, crs=frame.crs)))
    assert made.definition["hasZ"] is has_z
