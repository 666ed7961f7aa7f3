"""
The client for ArcGIS, and beside it what the plain package does with the same server: the tests called
``test_the_plain_client_...`` hold its defects, so that a version that mends one says so here.
"""

import datetime
import gzip
import http.client
import http.server
import json
import logging
import os
import subprocess
import sys
import threading
import time
import types
import uuid
import warnings

import numpy as np
import pandas as pd
import pytest
import shapely
from conftest import REQUIRE_ALL
from service_layers import global_id, lots

from citygis.errors import ReadError, SyncError
from citygis.readers.service import ServiceFault, complete_read, esri_geometries, feature_rows, plain_id, wire_id
from citygis.sync import arcgis_client
from citygis.sync.arcgis_client import connect, create_service
from citygis.sync.credentials import Credentials
from citygis.sync.gate import Gate, edit_results, unsent
from citygis.sync.redaction import known_secret, redact_logging

if not REQUIRE_ALL:
    pytest.importorskip("arcgis")
from citygis.rehearsal import rehearsing

pytestmark = pytest.mark.filterwarnings("ignore:Unverified HTTPS")  # the plain client, as its guide shows it for a test portal

DAYS = [datetime.date(2024, 2, 29), None, datetime.date(1900, 1, 1)]


def every_type(epsg):
    """Three lots with a column of each kind, a null in each, and a hole, a multipart and a long text among them."""
    frame = lots(3, epsg=epsg)
    west, south, east, north = frame.geometry[0].bounds
    width, height = east - west, north - south
    hole = shapely.box(west + width / 4, south + height / 4, west + width / 2, south + height / 2)
    shapes = frame.geometry.to_numpy()
    shapes[0] = shapely.difference(shapes[0], hole)
    shapes[1] = shapely.MultiPolygon(
        [shapes[1], shapely.translate(shapes[1]) if False else shapely.box(west, north * 1.0001, east, north * 1.0002)]
    )
    frame["SMALL"] = pd.array([1, None, -32_768], dtype="Int16")
    frame["BIG"] = pd.array([2**53 - 1, None, 0], dtype="Int64")
    frame["RATIO"] = np.array([0.5, np.nan, -3.25], dtype="float32")
    frame["DAY"] = DAYS
    frame["NOTE"] = ["x" * 4000, None, 'Quote \' and "double" & ünïcode {} <b>']
    frame["RECDATE"] = pd.to_datetime(["1900-01-01 00:00", None, "2026-03-08 10:30"]).tz_localize("UTC")
    return frame.set_geometry(shapes, crs=epsg)


@pytest.fixture(scope="module")
def rehearsal():
    """A portal and a service with layers in three systems, one of them tall."""
    layers = {"Lots": lots(12), "Ft": every_type(2227), "Web": every_type(3857), "World": every_type(4326)}
    layers["Wells"] = layers["Lots"].set_geometry(shapely.force_3d(layers["Lots"].centroid, 88.25))
    lengths = {"APN": 12, "NOTE": 4000}
    with rehearsing(layers, lengths=lengths, max_record_count=5) as made:
        yield made


@pytest.fixture(autouse=True)
def as_at_the_start(rehearsal):
    yield
    rehearsal.faults([])
    rehearsal.settings(token_minutes=60, anonymous=False)
    rehearsal.reset()
    rehearsal.clear_trace()


@pytest.fixture
def remote(rehearsal):
    made = connected(rehearsal, "Lots")
    rehearsal.clear_trace()
    return made


def connected(rehearsal, layer, **options):
    login = options.pop("credentials", None) or Credentials(user=rehearsal.user, password=rehearsal.password)
    return connect(rehearsal.layer_url(layer), rehearsal.portal, login, certificate=rehearsal.certificate, **options)


def new_lots(count, *, start=100):
    """`count` features to add, far from the others."""
    frame = lots(start + count).iloc[start:]
    return [
        {"attributes": {"GlobalID": wire_id(row.GlobalID), "APN": f"{at}"}, "geometry": ring_of(row.geometry)}
        for at, row in enumerate(frame.itertuples())
    ]


def ring_of(shape):
    ring = [list(point) for point in shapely.get_coordinates(shapely.normalize(shape))]
    return {"rings": [ring], "spatialReference": {"wkid": 2227}}


def posts(rehearsal, operation="applyEdits"):
    return [each for each in rehearsal.trace() if each["operation"] == operation]


def one_post(rehearsal):
    """Whether exactly one batch of edits arrived."""
    return len(posts(rehearsal)) == 1


def ids(rehearsal, layer="Lots"):
    return sorted(plain_id(each["attributes"]["GlobalID"]) for each in rehearsal.features(layer))


def read(remote, **options):
    return complete_read(remote, sleep=lambda seconds: None, **options)


# -- the whole way ----------------------------------------------------------------------------------------------------------


def test_a_login_is_one_post_of_the_password(rehearsal):
    rehearsal.clear_trace()
    remote = connected(rehearsal, "Lots")
    assert [(each["method"], each["operation"]) for each in rehearsal.trace()] == [("POST", "generateToken")]
    assert len(read(remote).frame) == 12


def test_a_wrong_password_is_posted_once(rehearsal):
    rehearsal.clear_trace()
    with pytest.raises(SyncError, match="does not let in") as told:
        connected(rehearsal, "Lots", credentials=Credentials(user=rehearsal.user, password="Wrong-Harbor-77"))
    assert "Harbor" not in str(told.value)
    assert len(rehearsal.trace()) == 1


def test_edits_are_made_and_told_one_by_one(rehearsal, remote):
    updates = [
        {"attributes": {"GlobalID": wire_id(global_id(1)), "APN": "777-010-00"}},
        {"attributes": {"GlobalID": wire_id(global_id(2)), "APN": "x" * 13}},
    ]
    reply = remote.apply_edits(adds=new_lots(2), updates=updates, deletes=[wire_id(global_id(3)), wire_id(global_id(99))])
    assert [each.is_done for each in reply.adds] == [True, True]
    assert [each.global_id for each in reply.adds] == [global_id(100), global_id(101)]
    assert [(each.global_id, each.is_done, each.code) for each in reply.updates] == [
        (global_id(1), True, None),
        (global_id(2), False, 1000),
    ]
    assert [(each.is_done, each.code) for each in reply.deletes] == [(True, None), (False, 1011)]
    assert ids(rehearsal) == sorted([global_id(n) for n in (*range(12), 100, 101) if n != 3])
    assert len(posts(rehearsal)) == 1


def test_a_connection_that_edits_costs_seven_requests_to_the_portal_and_one_that_reads_none(rehearsal, remote):
    read(remote)
    assert not [each for each in rehearsal.trace() if each["operation"] == "portal"]
    remote.definition()
    rehearsal.clear_trace()
    for _ in range(3):
        remote.apply_edits(adds=[], updates=[{"attributes": {"GlobalID": wire_id(global_id(1)), "APN": "1"}}], deletes=[])
    assert len(posts(rehearsal)) == 3
    assert len(rehearsal.trace()) <= 7 + 3


@pytest.mark.parametrize("layer", ["Ft", "Web", "World"])
def test_nulls_dates_long_text_holes_and_multiparts_go_out_and_come_back_equal(rehearsal, layer):
    remote = connected(rehearsal, layer)
    first = read(remote)
    own = [field.name for field in first.definition.own_fields]
    assert {"APN", "SMALL", "UNITS", "BIG", "RATIO", "AREA", "RECDATE", "DAY", "NOTE"} <= set(own)
    fresh = [str(uuid.UUID(int=n + 1000)) for n in range(len(first.frame))]
    rows = feature_rows(first.frame, first.definition, own)
    shapes = esri_geometries(first.frame.geometry.to_numpy(), first.definition)
    features = [
        {"attributes": row | {"GlobalID": wire_id(key)}, "geometry": shape}
        for row, key, shape in zip(rows, fresh, shapes, strict=True)
    ]
    assert all(each.is_done for each in remote.apply_edits(adds=features, updates=[], deletes=[]).adds)
    again = read(remote).frame.set_index("global_id")
    old, new = again.loc[first.frame["global_id"]], again.loc[fresh]
    for name in own:
        assert old[name].isna().tolist() == new[name].isna().tolist(), name
        assert old[name].dropna().tolist() == new[name].dropna().tolist(), name
    assert shapely.equals_exact(shapely.normalize(old.geometry.to_numpy()), shapely.normalize(new.geometry.to_numpy()), 0).all()
    given = every_type(int(layer.replace("Ft", "2227").replace("Web", "3857").replace("World", "4326"))).set_index("GlobalID")
    back = old.loc[given.index]
    assert back["DAY"].tolist() == DAYS
    assert back["NOTE"].isna().tolist() == [False, True, False]
    assert back["NOTE"].dropna().tolist() == given["NOTE"].dropna().tolist()
    assert back["RECDATE"].dropna().tolist() == given["RECDATE"].dropna().tolist()
    assert back["SMALL"].tolist() == [1, pd.NA, -32_768]
    assert back["BIG"].tolist() == [2**53 - 1, pd.NA, 0]
    assert len(back.geometry.iloc[0].interiors) == 1
    assert len(back.geometry.iloc[1].geoms) == 2
    assert shapely.normalize(back.geometry.iloc[1]).equals_exact(shapely.normalize(given.geometry.iloc[1]), 1e-9)


def test_elevations_go_out_and_come_back(rehearsal):
    remote = connected(rehearsal, "Wells")
    first = read(remote)
    shape = esri_geometries([shapely.Point(6_250_000.5, 1_900_000.25, 91.125)], first.definition)[0]
    remote.apply_edits(adds=[{"attributes": {"GlobalID": wire_id(global_id(50))}, "geometry": shape}], updates=[], deletes=[])
    back = read(remote).frame.set_index("global_id").geometry[global_id(50)]
    assert shapely.get_coordinates(back, include_z=True).tolist() == [[6_250_000.5, 1_900_000.25, 91.125]]


def test_the_item_says_who_may_see_it(rehearsal, remote):
    assert remote.access() == "private"


# -- regression 1: one request per call -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("reset", "ambiguous"),
        ("429", "throttled"),
        ("429-in-200", "throttled"),
        ("503", "ambiguous"),
        ("504", "ambiguous"),
        ("html-200", "ambiguous"),
        ("error-500", "ambiguous"),
        ("498", "auth"),
        ("499", "auth"),
        ("half-body", "ambiguous"),
    ],
)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_lost_reply_is_one_post_and_one_set_of_rows(rehearsal, remote, kind, expected, when):
    rehearsal.faults([{"on": "applyEdits", "kind": kind, "when": when, "nth": [1]}])
    with pytest.raises(ServiceFault) as told:
        remote.apply_edits(adds=new_lots(3), updates=[], deletes=[])
    assert told.value.kind == expected
    assert one_post(rehearsal)
    assert len(rehearsal.features("Lots")) == (12 if when == "before" else 15)
    # The connection is good for the next call.
    if expected != "auth":
        remote.apply_edits(adds=[], updates=[], deletes=[wire_id(global_id(0))])
        assert global_id(0) not in ids(rehearsal)


def test_a_server_that_is_slower_than_the_limit_is_one_post(rehearsal):
    remote = connected(rehearsal, "Lots", timeout_s=(10, 2.0))
    rehearsal.clear_trace()
    rehearsal.faults([{"on": "applyEdits", "kind": "slow", "when": "after", "seconds": 4.0, "nth": [1]}])
    began = time.monotonic()
    with pytest.raises(ServiceFault) as told:
        remote.apply_edits(adds=new_lots(3), updates=[], deletes=[])
    assert time.monotonic() - began < 4.0
    assert told.value.kind == "ambiguous"
    assert len(posts(rehearsal)) == 1
    assert len(rehearsal.features("Lots")) == 15


def test_a_server_that_is_gone_was_not_reached():
    with rehearsing({"Lots": lots(2)}) as short:
        remote = connected(short, "Lots")
        remote.definition()
        remote.apply_edits(adds=[], updates=[], deletes=[wire_id(global_id(0))])
        short.stop()
        with pytest.raises(ServiceFault) as told:
            remote.apply_edits(adds=[], updates=[], deletes=[wire_id(global_id(1))])
    assert told.value.kind == "not_sent"


def test_a_portal_that_fails_before_the_edits_means_that_they_were_not_sent(rehearsal):
    remote = connected(rehearsal, "Lots")
    rehearsal.faults([{"on": "portal", "kind": "503", "nth": list(range(1, 30))}])
    with pytest.raises(ServiceFault) as told:
        remote.apply_edits(adds=new_lots(1), updates=[], deletes=[])
    assert told.value.kind == "not_sent"
    assert not posts(rehearsal)


def plain_gis(rehearsal):
    """The package as its own guide shows it."""
    from arcgis.gis import GIS

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return GIS(
            rehearsal.portal,
            username=rehearsal.user,
            password=rehearsal.password,
            verify_cert=False,
            use_gen_token=True,
            set_active=False,
        )


def plain_layer(rehearsal, layer):
    from arcgis.features import FeatureLayer

    made = FeatureLayer(rehearsal.layer_url(layer), gis=plain_gis(rehearsal))
    made.properties  # noqa: B018, asks for them
    rehearsal.clear_trace()
    return made


def test_the_plain_client_posts_edits_again_after_a_reset_and_doubles_the_rows(rehearsal):
    layer = plain_layer(rehearsal, "Lots")
    rehearsal.faults([{"on": "applyEdits", "kind": "reset", "when": "after", "nth": [1]}])
    said = layer.edit_features(adds=new_lots(3))
    assert len(said["addResults"]) == 3
    assert len(posts(rehearsal)) == 2
    assert len(rehearsal.features("Lots")) == 12 + 6


# -- regression 2: no short read --------------------------------------------------------------------------------------------


def test_a_page_with_an_error_in_status_200_never_shortens_a_read(rehearsal, remote):
    for kind in ("429-in-200", "498", "error-500"):
        rehearsal.faults([{"on": "query", "kind": kind, "nth": [2]}])
        assert len(read(remote).frame) == 12
    rehearsal.faults([{"on": "query", "kind": "429-in-200", "nth": list(range(2, 99))}])
    with pytest.raises(ReadError, match="did not answer"):
        read(remote)


def test_the_plain_client_leaves_a_failed_page_out_and_says_nothing(rehearsal):
    layer = plain_layer(rehearsal, "Lots")
    rehearsal.faults([{"on": "query", "kind": "429-in-200", "nth": [3]}])
    found = layer.query("1=1", order_by_fields="OBJECTID")
    assert len(found.features) < 12


# -- regression 3: tokens ---------------------------------------------------------------------------------------------------


def test_a_token_that_ends_between_batches_costs_one_login_and_no_doubled_post(rehearsal, remote):
    remote.apply_edits(adds=new_lots(1), updates=[], deletes=[])
    rehearsal.expire_tokens()
    rehearsal.clear_trace()
    with pytest.raises(ServiceFault) as told:
        remote.apply_edits(adds=new_lots(1, start=200), updates=[], deletes=[])
    assert told.value.kind == "auth"
    assert len(posts(rehearsal)) == 1
    assert remote.renew()
    remote.apply_edits(adds=new_lots(1, start=200), updates=[], deletes=[])
    trace = rehearsal.trace()
    assert len(posts(rehearsal)) == 2
    assert len(posts(rehearsal, "generateToken")) == 1
    assert all(each["auth"] for each in trace if each["operation"] != "generateToken")
    assert not any(each["token_in_url"] for each in trace)
    assert len(rehearsal.features("Lots")) == 14


def test_a_read_outlives_its_token(rehearsal, remote):
    ask, asked = remote.query, []

    def query(parameters):
        asked.append(parameters)
        if len(asked) == 2:
            rehearsal.expire_tokens()
        return ask(parameters)

    remote.query = query
    assert len(read(remote).frame) == 12
    assert len(posts(rehearsal, "generateToken")) == 1


def test_a_token_is_renewed_before_it_ends(rehearsal, monkeypatch):
    rehearsal.settings(token_minutes=10)
    remote = connected(rehearsal, "Lots")
    rehearsal.clear_trace()
    remote.definition()
    assert not posts(rehearsal, "generateToken")
    clock = time.monotonic
    monkeypatch.setattr(arcgis_client.time, "monotonic", lambda: clock() + 8.5 * 60)  # the last fifth of ten minutes
    remote.definition()
    assert len(posts(rehearsal, "generateToken")) == 1
    assert [each["error"] for each in rehearsal.trace()] == [None] * 3


def test_a_bare_token_works_and_is_not_renewed(rehearsal):
    remote = connected(rehearsal, "Lots", credentials=Credentials(token=rehearsal.token()))
    assert len(read(remote).frame) == 12
    remote.apply_edits(adds=new_lots(1), updates=[], deletes=[])
    assert not remote.renew()
    assert not posts(rehearsal, "generateToken")
    rehearsal.expire_tokens()
    with pytest.raises(ReadError, match="credentials"):
        read(remote)


def test_a_public_layer_is_read_without_any(rehearsal):
    rehearsal.settings(anonymous=True)
    assert len(read(connected(rehearsal, "Lots", credentials=Credentials())).frame) == 12
    assert not any(each["auth"] for each in rehearsal.trace())


def test_the_plain_client_sends_a_refused_edit_again_without_its_token(rehearsal):
    layer = plain_layer(rehearsal, "Lots")
    rehearsal.expire_tokens()
    with pytest.raises(Exception, match="Token"):
        layer.edit_features(adds=new_lots(1))
    assert len(posts(rehearsal)) > 1
    assert not all(each["auth"] for each in posts(rehearsal))


# -- regressions 4 and 5: nulls and dates -----------------------------------------------------------------------------------


def test_a_number_that_is_none_never_leaves(rehearsal, remote):
    feature = {"attributes": {"GlobalID": wire_id(global_id(1)), "AREA": float("nan")}}
    with pytest.raises(ValueError, match="JSON"):
        remote.apply_edits(adds=[], updates=[feature], deletes=[])
    assert not posts(rehearsal)


def test_the_plain_client_writes_missing_numbers_as_zero_and_missing_text_as_nothing():
    from arcgis.features import GeoAccessor  # noqa: F401, makes .spatial
    from arcgis.geometry import Point

    frame = pd.DataFrame({"UNITS": pd.array([None], dtype="Int32"), "APN": pd.array([None], dtype="str")})
    frame["SHAPE"] = [Point({"x": 1.0, "y": 2.0, "spatialReference": {"wkid": 2227}})]
    frame.spatial.set_geometry("SHAPE")
    attributes = frame.spatial.to_featureset().features[0].attributes
    assert attributes["UNITS"] == 0
    assert attributes["APN"] == ""


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the time zone of a process is set on POSIX")
def test_the_plain_client_writes_another_moment_on_a_machine_in_another_zone(rehearsal, monkeypatch):
    layer = plain_layer(rehearsal, "Lots")
    seen = []
    try:
        for zone in ("UTC", "America/Los_Angeles"):
            monkeypatch.setenv("TZ", zone)
            time.tzset()
            layer.edit_features(updates=[{"attributes": {"OBJECTID": 1, "RECDATE": datetime.datetime(2024, 1, 1, 12)}}])
            seen.append(
                next(each["attributes"]["RECDATE"] for each in rehearsal.features("Lots") if each["attributes"]["OBJECTID"] == 1)
            )
    finally:
        monkeypatch.undo()
        time.tzset()
    assert seen[1] - seen[0] == 8 * 3_600_000


# -- regression 6: the extra ------------------------------------------------------------------------------------------------


def test_the_extra_is_whole(rehearsal):
    from arcgis.features import FeatureLayerCollection

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        collection = FeatureLayerCollection(rehearsal.layer_url("Lots").rpartition("/")[0], plain_gis(rehearsal))
    assert len(collection.layers) == 5
    assert hasattr(pd.DataFrame({"a": [1]}), "spatial")


def test_without_the_extra_one_line_says_how_to_get_it():
    code = """
import sys
sys.modules["arcgis"] = None
from citygis.errors import SyncError
from citygis.sync.arcgis_client import connect
from citygis.sync.credentials import Credentials
try:
    connect("https://gis.example/FeatureServer/0", "https://www.arcgis.com", Credentials(token="abcdefgh"))
except SyncError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "ArcGIS Online needs the extra: pip install 'citygis[arcgis]'\n"


# -- regression 12: append jobs ---------------------------------------------------------------------------------------------


def test_append_jobs_truncation_and_whole_deletion_are_never_asked_for():
    # They tell no errors by feature, and a job may stay Pending for ever.
    source = "".join(path.read_text() for path in sorted(arcgis_client.Path(arcgis_client.__file__).parent.glob("*.py")))
    for never in ("layer.append(", "appendUpload", "manager.truncate(", ".delete_features(", "manager.overwrite("):
        assert never not in source


# -- regressions 13 and 16: short messages, no secrets ----------------------------------------------------------------------


def test_a_roll_back_with_five_hundred_details_is_a_short_refusal():
    from citygis.readers.service import Reply, fault_of

    body = {"error": {"code": 400, "message": "Unable to complete operation.", "details": ["Operation rolled back."] * 500}}
    fault = fault_of(Reply(200, {}, json.dumps(body).encode()))
    assert (fault.kind, str(fault)) == ("refused", "Unable to complete operation. Operation rolled back. (400)")


def test_nothing_that_is_written_at_debug_level_holds_the_token_or_the_password(rehearsal, capfd):
    handler = logging.StreamHandler(sys.stdout)
    root, level = logging.getLogger(), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    redact_logging()
    http.client.HTTPConnection.debuglevel = 1
    try:
        remote = connected(rehearsal, "Lots")
        token = remote._bearer.token
        read(remote)
        remote.apply_edits(adds=new_lots(1), updates=[], deletes=[])
        rehearsal.faults([{"on": "applyEdits", "kind": "reset", "when": "after", "nth": [1]}])
        with pytest.raises(ServiceFault) as told:
            remote.apply_edits(adds=new_lots(1, start=300), updates=[], deletes=[])
        print(told.getrepr(), remote, vars(remote))
        logging.getLogger("urllib3").debug("token=%s password=%s", token, rehearsal.password)
    finally:
        http.client.HTTPConnection.debuglevel = 0
        root.removeHandler(handler)
        root.setLevel(level)
    said = "".join(capfd.readouterr())
    assert "generateToken" in said
    assert "applyEdits" in said
    assert token not in said
    assert rehearsal.password not in said


# -- hosts ------------------------------------------------------------------------------------------------------------------


def test_nothing_goes_to_a_host_that_was_not_named(rehearsal, remote):
    with pytest.raises(ServiceFault, match="held back"):
        remote._exchange("https://www.arcgis.com/sharing/rest", {})
    remote.apply_edits(adds=new_lots(1), updates=[], deletes=[])  # the package asks its portal, not www.arcgis.com
    for url in ("http://127.0.0.1:1/x", rehearsal.portal.replace("https", "http"), "https://127.0.0.1:1/x"):
        with pytest.raises(ServiceFault, match="held back"):
            remote._exchange(url, {})


def test_a_certificate_that_is_not_trusted_stops_everything(rehearsal):
    login = Credentials(user=rehearsal.user, password=rehearsal.password)
    rehearsal.clear_trace()
    with pytest.raises(SyncError, match=r"certificate is not trusted here.*--certificate") as told:
        connect(rehearsal.layer_url("Lots"), rehearsal.portal, login)
    assert "password" not in str(told.value) and "let in" not in str(told.value)
    with pytest.raises(SyncError, match="address and the network") as told:
        connect("https://127.0.0.1:9/FeatureServer/0", "https://127.0.0.1:9/portal", login)
    assert "password" not in str(told.value)
    with pytest.raises(SyncError, match="not there"):
        connect(rehearsal.layer_url("Lots"), rehearsal.portal, login, certificate="nowhere.pem")
    assert not rehearsal.trace()


@pytest.mark.parametrize(
    ("url", "portal"),
    [
        ("http://gis.example/FeatureServer/0", "https://www.arcgis.com"),
        ("https://gis.example/FeatureServer/0?token=abcdefgh", "https://www.arcgis.com"),
        ("https://gis.example/FeatureServer/0", "http://portal.example"),
        ("https://gis.example/FeatureServer/0", "https://clerk:abcdefgh@portal.example"),
        ("https://gis.example/FeatureServer/0", "www.arcgis.com"),
    ],
)
def test_an_address_that_is_not_safe_is_refused_before_anything_is_sent(url, portal):
    with pytest.raises(SyncError) as told:
        connect(url, portal, Credentials(token="abcdefgh"))
    assert "abcdefgh" not in str(told.value)


@pytest.mark.parametrize(
    ("portal", "host", "may"),
    [
        ("https://www.arcgis.com", "services3.arcgis.com", True),
        ("https://riverbend.maps.arcgis.com", "www.arcgis.com", True),
        ("https://gis.example/portal", "www.arcgis.com", False),
        ("https://notarcgis.com", "www.arcgis.com", False),
        ("https://www.arcgis.com", "www.arcgis.com.example", False),
        ("https://www.arcgis.com", "notarcgis.com", False),
    ],
)
def test_only_a_portal_of_arcgis_online_leads_to_its_other_hosts(portal, host, may):
    gate = Gate(portal, "https://services9.arcgis.com/x/FeatureServer/0", (1, 1))
    adapter = types.SimpleNamespace(send=lambda request, **options: answer)
    answer = types.SimpleNamespace(status_code=200, iter_content=lambda size: iter(()))
    request = types.SimpleNamespace(url=f"https://{host}/x")
    if may:
        assert gate.guarding(adapter).send(request).status_code == 200
    else:
        with pytest.raises(ServiceFault, match="held back"):
            gate.guarding(adapter).send(request)


def test_a_token_that_a_server_puts_into_its_message_is_cut_out():
    known_secret("tok-3f9c-of-nobody")
    gate = Gate("https://www.arcgis.com", "https://services9.arcgis.com/x/FeatureServer/0", (1, 1))
    body = b'{"error": {"code": 498, "message": "Invalid token tok-3f9c-of-nobody"}}'
    reply = types.SimpleNamespace(status_code=200, headers={}, content=body, iter_content=lambda size: iter([body]))
    adapter = types.SimpleNamespace(send=lambda request, **options: reply)
    with gate.once("/applyEdits"):
        gate.guarding(adapter).send(types.SimpleNamespace(url="https://services9.arcgis.com/x/FeatureServer/0/applyEdits"))
        fault = gate.fault(ValueError("tok-3f9c-of-nobody"))
    assert fault.kind == "auth" and "tok-" not in str(fault) + str(unsent(ServiceFault("auth", "tok-3f9c-of-nobody")))


def test_a_reply_to_edits_that_swells_without_end_is_given_up_before_it_fills_the_memory(monkeypatch):
    pieces = []

    def swelling(size):
        while True:
            pieces.append(size)
            yield b" " * (1 << 20)

    gate = Gate("https://www.arcgis.com", "https://services9.arcgis.com/x/FeatureServer/0", (1, 1))
    reply = types.SimpleNamespace(status_code=200, headers={}, iter_content=swelling, close=lambda: None)
    adapter = types.SimpleNamespace(send=lambda request, **options: reply)
    with gate.once("/applyEdits"):
        with pytest.raises(ServiceFault, match="64 MB") as told:
            gate.guarding(adapter).send(types.SimpleNamespace(url="https://services9.arcgis.com/x/FeatureServer/0/applyEdits"))
        assert gate.fault(told.value).kind == "ambiguous" and len(pieces) == 65


def test_a_packed_reply_is_counted_as_it_is_unpacked(monkeypatch):
    requests = pytest.importorskip("requests")
    monkeypatch.setattr("citygis.sync.gate.LARGEST_BODY_BYTES", 1 << 20)
    packed = gzip.compress(b" " * (8 << 20))

    class Server(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.send_response(200)
            self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", str(len(packed)))
            self.end_headers()
            self.wfile.write(packed)

        def log_message(self, *_said):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        gate = Gate("https://gis.example", "", (1, 5))
        request = requests.Request("POST", f"http://127.0.0.1:{server.server_port}/applyEdits", data={"f": "json"}).prepare()
        plain = requests.adapters.HTTPAdapter()
        adapter = types.SimpleNamespace(send=lambda _request, **options: plain.send(request, **options))
        with pytest.raises(ServiceFault, match="goes on beyond 1 MB"):
            gate.guarding(adapter).send(types.SimpleNamespace(url="https://gis.example/applyEdits"))


# -- results ----------------------------------------------------------------------------------------------------------------

A, B = (wire_id(global_id(n)) for n in (0, 1))


def test_results_are_matched_by_id_and_else_by_position():
    done, lost = (
        {"globalId": B, "success": True},
        {"globalId": None, "success": False, "error": {"code": 1022, "description": "there"}},
    )
    assert [(each.global_id, each.is_done, each.code) for each in edit_results([lost, done], [A, B])] == [
        (global_id(0), False, 1022),
        (global_id(1), True, None),
    ]
    swapped = [{"globalId": B, "success": True}, {"globalId": A, "success": False, "error": {}}]
    assert [(each.global_id, each.is_done, each.code) for each in edit_results(swapped, [A, B])] == [
        (global_id(0), False, 1000),
        (global_id(1), True, None),
    ]


@pytest.mark.parametrize(
    "said",
    [
        None,
        [],
        [{"success": True}],
        [{"globalId": "{" + "9" * 8 + "-0000-0000-0000-000000000000}", "success": True}] * 2,
        [{"globalId": B, "success": True}, {"objectId": -1, "success": False, "error": {"code": 1000}}],
        ["done", "done"],
    ],
)
def test_results_that_do_not_fit_what_was_sent_tell_nothing(said):
    with pytest.raises(ServiceFault) as told:
        edit_results(said, [A, B])
    assert told.value.kind == "ambiguous"


# -- publishing, and what of the package is leaned on -----------------------------------------------------------------------


def test_a_new_service_is_published_empty_and_can_be_written_to(rehearsal):
    definition = {
        "name": "Trees",
        "type": "Feature Layer",
        "geometryType": "esriGeometryPoint",
        "objectIdField": "OBJECTID",
        "globalIdField": "GlobalID",
        "extent": {"xmin": 0, "ymin": 0, "xmax": 1, "ymax": 1, "spatialReference": {"wkid": 102643, "latestWkid": 2227}},
        "fields": [
            {"name": "OBJECTID", "type": "esriFieldTypeOID", "alias": "OBJECTID", "editable": False, "nullable": False},
            {"name": "GlobalID", "type": "esriFieldTypeGlobalID", "alias": "GlobalID", "editable": False, "nullable": False},
            {
                "name": "SPECIES",
                "type": "esriFieldTypeString",
                "alias": "Species",
                "length": 40,
                "editable": True,
                "nullable": True,
            },
        ],
    }
    login = Credentials(user=rehearsal.user, password=rehearsal.password)
    new = {"name": "Trees_of_Riverbend", "definition": definition, "certificate": rehearsal.certificate}
    url = create_service(rehearsal.portal, login, **new)
    remote = connect(url, rehearsal.portal, login, certificate=rehearsal.certificate)
    assert len(read(remote).frame) == 0
    remote.apply_edits(
        adds=[{"attributes": {"GlobalID": A, "SPECIES": "Quercus lobata"}, "geometry": {"x": 6_250_000, "y": 1_900_000}}],
        updates=[],
        deletes=[],
    )
    back = read(remote).frame
    assert back["SPECIES"].tolist() == ["Quercus lobata"]
    assert back.crs.to_epsg() == 2227
    with pytest.raises(SyncError, match="Trees_of_Riverbend"):
        create_service(rehearsal.portal, login, **new)


def test_the_package_still_takes_a_session_and_no_more_is_leaned_on():
    # Only public names of the package; these are the doors that must stay open.
    import inspect

    from arcgis.auth import EsriSession
    from arcgis.features import FeatureLayer
    from arcgis.gis import GIS

    source = arcgis_client.Path(arcgis_client.__file__).read_text()
    assert "gis._" not in source
    assert "layer._" not in source.replace("self._layer._", "")
    assert 'kwargs.get("session", None)' in inspect.getsource(GIS.__init__)
    session = EsriSession(auth=lambda request: request, retries=0, status_to_retry=())
    assert all(adapter.max_retries.total == 0 for adapter in session.adapters.values())
    assert "Invalid Token" in inspect.getsource(FeatureLayer.edit_features)  # why the gate lets one request through, no second
    assert os.environ.get("NB_AUTH_FILE") is None
