"""A service is read whole or not at all; what it sends is what GDAL reads of it."""

import json
import random
import re

import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
from service_layers import FIELDS, lots

from citygis.errors import ReadError
from citygis.readers.service import ServiceFault, answered, complete_read, layer_definition, plain_reader
from citygis.readers.service.complete import pause_s

pytest.importorskip("cryptography")
from citygis.rehearsal import rehearsing


class Service:
    """A layer in memory that says what it is told to; pages by key, as a service does."""

    url = "https://gis.example/FeatureServer/0"

    def __init__(self, ids, *, maximum=5, **changes):
        self.ids = list(ids)
        self.maximum = maximum
        self.changes = changes
        self.faults = {}
        self.asked = []
        self.renewals = 0
        self.edited = 1

    def definition(self):
        self._fault("definition")
        return {
            "name": "Lots",
            "type": "Feature Layer",
            "objectIdField": "OBJECTID",
            "globalIdField": "GlobalID",
            "geometryType": "esriGeometryPoint",
            "maxRecordCount": self.maximum,
            "fields": list(FIELDS),
            "extent": {"spatialReference": {"wkid": 2227}},
            "editingInfo": {"dataLastEditDate": self.edited},
        }

    def query(self, parameters):
        self.asked.append(dict(parameters))
        if "returnCountOnly" in parameters:
            self._fault("count")
            return {"count": self.changes.get("count", len(self.ids))}
        if "returnIdsOnly" in parameters:
            self._fault("ids")
            return {"objectIds": self.changes.get("listed", self.ids)}
        self._fault("page")
        after = int(re.search(r"OBJECTID > (-?\d+)", parameters["where"])[1])
        left = [each for each in sorted(self.ids) if each > after]
        page = left[: min(self.maximum, int(parameters["resultRecordCount"]), self.changes.get("page_end", 99))]
        features = [
            {
                "attributes": {"OBJECTID": each, "GlobalID": f"{{{each:08X}-0000-0000-0000-000000000000}}"},
                "geometry": {"x": each, "y": 0},
            }
            for each in page
        ]
        return {"features": features, "exceededTransferLimit": len(page) < len(left)}

    def renew(self):
        self.renewals += 1
        return self.changes.get("renews", True)

    def _fault(self, operation):
        waiting = self.faults.get(operation, [])
        if waiting and (kind := waiting.pop(0)):
            raise ServiceFault(kind, f"fault: {kind}")


def read(service, **options):
    return complete_read(service, sleep=lambda seconds: None, **options)


@pytest.mark.parametrize("count", [0, 1, 4, 5, 6, 12])
def test_every_size_around_the_page_is_whole(count):
    service = Service(range(10, 10 + count))
    reading = read(service)
    assert reading.object_ids.tolist() == list(range(10, 10 + count))
    assert len(reading.frame) == count
    assert reading.frame.crs.to_epsg() == 2227
    assert reading.frame["global_id"].tolist() == [f"{each:08x}-0000-0000-0000-000000000000" for each in range(10, 10 + count)]
    # Definition, count, pages, ids; after a full page another tells that it was the last; what is of several pages is dated.
    assert reading.requests == 3 + count // 5 + 1 + (count > 5)


def test_a_definition_that_is_known_is_not_asked_for_again_but_where_several_pages_are_dated_by_it():
    for count, asked in ((3, 0), (12, 1)):
        service = Service(range(count))
        known = layer_definition(service.definition(), where="test")
        ask, times = service.definition, []
        service.definition = lambda ask=ask, times=times: times.append(1) or ask()
        assert len(read(service, definition=known).frame) == count
        assert len(times) == asked


def test_a_definition_from_before_an_edit_costs_a_second_read_and_no_feature():
    service = Service(range(12))
    known = layer_definition(service.definition(), where="test")
    service.edited = 2
    assert len(read(service, definition=known).frame) == 12
    assert sum("returnCountOnly" in each for each in service.asked) == 2


def test_pages_that_end_early_are_followed():
    assert len(read(Service(range(1, 20), page_end=2)).frame) == 19


def test_progress_is_told_of_all():
    told = []
    read(Service(range(12)), progress=lambda done, total: told.append((done, total)))
    assert told == [(5, 12), (10, 12), (12, 12)]


def test_only_the_fields_asked_for_and_the_keys_come():
    service = Service(range(3))
    assert list(read(service, fields=["apn"]).frame.columns) == ["OBJECTID", "GlobalID", "APN", "global_id", "geometry"]
    assert service.asked[1]["outFields"] == "OBJECTID,GlobalID,APN"
    with pytest.raises(ValueError, match="NOWHERE"):
        read(Service(range(3)), fields=["NOWHERE"])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"count": 13}, "12 features were read and it counts 13"),
        ({"count": None}, "counts None"),
        ({"listed": list(range(1, 12))}, "lists 11"),
        ({"listed": [*range(1, 12), 99]}, "not the same ones"),
    ],
)
def test_a_short_read_is_an_error_with_both_figures(changes, words):
    service = Service(range(1, 13), **changes)
    with pytest.raises(ReadError, match=f"Short read of https://gis.example.*{words}.*3 reads"):
        read(service)


def test_a_field_that_a_reply_has_no_more_is_no_field_of_nulls():
    service = Service(range(3))
    ask = service.query
    service.query = lambda parameters: ask(parameters) | {"fields": [{"name": "OBJECTID"}, {"name": "GlobalID"}]}
    with pytest.raises(ReadError, match="answered without its field APN"):
        read(service, fields=["APN"])


def test_a_layer_edited_while_it_is_read_is_read_again():
    service = Service(range(12))
    ask = service.definition

    def edited_once():
        said = ask()
        service.edited = 2
        return said

    service.definition = edited_once
    assert len(read(service).frame) == 12
    assert sum("returnCountOnly" in each for each in service.asked) == 2


def test_a_layer_that_is_always_being_edited_is_refused():
    service = Service(range(12))
    ask = service.definition

    def edited_always():
        service.edited += 1
        return ask()

    service.definition = edited_always
    with pytest.raises(ReadError, match="edited while it was read"):
        read(service)


@pytest.mark.parametrize("operation", ["definition", "page", "count", "ids"])
@pytest.mark.parametrize("kind", ["ambiguous", "throttled", "not_sent", "auth"])
def test_a_fault_that_passes_is_waited_out(operation, kind):
    service = Service(range(12))
    service.faults = {operation: [None, kind] if operation == "page" else [kind]}
    assert len(read(service).frame) == 12
    assert service.renewals == (kind == "auth")


def test_a_fault_that_stays_ends_the_read():
    service = Service(range(12))
    service.faults = {"page": [None] + ["ambiguous"] * 100}
    with pytest.raises(ReadError, match="did not answer: fault: ambiguous"):
        read(service)


def test_a_refusal_and_a_lost_login_are_not_repeated():
    service = Service(range(12))
    service.faults = {"page": ["refused"]}
    with pytest.raises(ReadError, match="may be queried"):
        read(service)
    service = Service(range(12), renews=False)
    service.faults = {"page": ["auth"]}
    with pytest.raises(ReadError, match="credentials"):
        read(service)
    assert service.renewals == 1


def test_a_page_that_is_too_large_is_asked_for_in_halves():
    service = Service(range(100), maximum=40)
    service.faults = {"page": ["too_large", "too_large"]}
    assert len(read(service).frame) == 100
    assert [each["resultRecordCount"] for each in service.asked[1:4]] == [40, 20, 10]


def test_waits_are_random_below_twice_the_last_and_not_less_than_asked():
    waits, faults = [], [ServiceFault("throttled", "x", retry_after_s=7.0)] * 2 + [ServiceFault("ambiguous", "x")] * 3

    def call():
        if faults:
            raise faults.pop(0)
        return "answer"

    assert answered(call, Service([]), sleep=waits.append) == "answer"
    assert waits[:2] == [7.0, 7.0]
    assert all(0 <= wait <= 2.0**n for n, wait in enumerate(waits[2:], 2))


def test_another_spatial_reference_than_the_layers_is_refused():
    service = Service(range(3))
    ask = service.query
    service.query = lambda parameters: ask(parameters) | {"spatialReference": {"wkid": 4326}}
    with pytest.raises(ReadError, match="answers in"):
        read(service)


# -- against the rehearsal server -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def served():
    """Three layers, one of them tall, read by anybody."""
    layers = {"Lots": lots(12), "Web": lots(12, epsg=3857), "World": lots(12, epsg=4326)}
    layers["Wells"] = layers["Lots"].set_geometry(shapely.force_3d(layers["Lots"].centroid, 88.25))
    holed = lots(3)
    easting, northing, _, _ = holed.total_bounds
    hole = shapely.box(easting + 10, northing + 10, easting + 20, northing + 20)
    island = shapely.box(easting + 12, northing + 12, easting + 15, northing + 15)
    shapes = holed.geometry.to_numpy()
    shapes[0] = shapely.union(shapely.difference(shapes[0], hole), island)
    shapes[1] = None
    layers["Holed"] = holed.set_geometry(shapes, crs=2227)
    with rehearsing(layers, lengths={"APN": 12}, max_record_count=5, anonymous=True) as rehearsal:
        yield rehearsal, layers


def reader_of(rehearsal, layer):
    return plain_reader(rehearsal.layer_url(layer), certificate=rehearsal.certificate)


@pytest.mark.parametrize("layer", ["Lots", "Web", "World", "Wells", "Holed"])
def test_what_was_put_in_is_read_and_gdal_reads_the_same(served, layer, monkeypatch):
    rehearsal, layers = served
    reading = complete_read(reader_of(rehearsal, layer))
    given = layers[layer]
    frame = reading.frame.set_index("global_id").loc[given["GlobalID"]]
    assert frame["APN"].isna().tolist() == given["APN"].isna().tolist()
    assert frame["APN"].dropna().tolist() == given["APN"].dropna().tolist()
    assert frame["UNITS"].tolist() == given["UNITS"].astype("Int64").tolist()
    assert frame["AREA"].isna().tolist() == given["AREA"].isna().tolist()
    assert frame["RECDATE"].tolist() == given["RECDATE"].tolist()
    assert reading.frame.crs == given.crs
    for before, after in zip(given.geometry, frame.geometry, strict=True):
        assert (before is None) == (after is None)
        if before is not None:
            assert after.has_z == before.has_z
            assert shapely.normalize(after).equals_exact(shapely.normalize(before), 1e-9)

    monkeypatch.setenv("GDAL_HTTP_UNSAFESSL", "YES")
    url = f"ESRIJSON:{rehearsal.layer_url(layer)}/query?where=1%3D1&outFields=*&orderByFields=OBJECTID&returnZ=true&f=json"
    gdal = pyogrio.read_dataframe(url, datetime_as_string=False)
    ours = reading.frame
    assert gdal["OBJECTID"].tolist() == ours["OBJECTID"].tolist()
    assert [None if value is None else value.strip("{}").lower() for value in gdal["GlobalID"]] == ours["global_id"].tolist()
    assert gdal["APN"].fillna("").tolist() == ours["APN"].fillna("").tolist()
    assert gdal["UNITS"].fillna(-1).tolist() == ours["UNITS"].fillna(-1).tolist()
    assert gdal["AREA"].fillna(-1.0).tolist() == ours["AREA"].fillna(-1.0).tolist()
    theirs = pd.to_datetime(gdal["RECDATE"], utc=True)
    assert ((theirs == ours["RECDATE"]) | (theirs.isna() & ours["RECDATE"].isna())).all()
    assert gdal.crs.equals(ours.crs, ignore_axis_order=True)
    for theirs, mine in zip(gdal.geometry, ours.geometry, strict=True):
        assert (theirs is None) == (mine is None)
        if mine is not None:
            assert shapely.normalize(theirs).equals(shapely.normalize(mine))


@pytest.mark.parametrize("kind", ["reset", "429", "429-in-200", "503", "504", "html-200", "error-500", "half-body"])
def test_a_page_with_a_fault_is_asked_for_again(served, kind):
    rehearsal, _ = served
    rehearsal.faults([{"on": "query", "kind": kind, "nth": [2], "when": "before"}])
    reading = complete_read(reader_of(rehearsal, "Lots"), sleep=lambda seconds: None)
    rehearsal.faults([])
    assert len(reading.frame) == 12
    assert reading.requests == 8


def test_one_page_that_always_fails_fails_the_read_and_never_shortens_it(served):
    rehearsal, _ = served
    rehearsal.faults([{"on": "query", "kind": "429-in-200", "nth": list(range(2, 40))}])
    with pytest.raises(ReadError, match="too many requests"):
        complete_read(reader_of(rehearsal, "Lots"), sleep=lambda seconds: None)
    rehearsal.faults([])


def test_a_part_is_read_whole_too(served):
    rehearsal, layers = served
    reading = complete_read(reader_of(rehearsal, "Lots"), where="UNITS >= 4")
    assert len(reading.frame) == (layers["Lots"]["UNITS"] >= 4).sum()


def test_an_upstream_answer_is_plain_json(served):
    rehearsal, _ = served
    answer = reader_of(rehearsal, "Lots").query({"where": "1=1", "returnCountOnly": True})
    assert json.dumps(answer) == '{"count": 12}'
    assert np.isscalar(answer["count"])


def test_a_server_that_ignores_the_condition_is_left_and_not_read_for_ever():
    service = Service(range(10), maximum=5)
    ask = service.query
    service.query = lambda parameters: ask({**parameters, "where": "OBJECTID > -1"}) if "where" in parameters else ask(parameters)
    with pytest.raises(ReadError, match="does not keep to the condition OBJECTID > 4"):
        read(service)


def test_after_a_429_that_names_no_time_a_minute_passes():
    assert pause_s(ServiceFault("throttled", "x"), 1, random.Random(0)) == 60.0
    assert pause_s(ServiceFault("throttled", "x", retry_after_s=3600.0), 1, random.Random(0)) == 600.0
