"""Each fault of the rehearsal server, seen by the standard library's client, and by the arcgis client where it matters."""

import http.client
import json
import socket
import ssl
import time
import urllib.parse

import pytest
from rehearsal_parcels import ask, parcels, require_arcgis

from citygis.errors import SettingsError
from citygis.rehearsal import rehearsing
from citygis.rehearsal.faults import Faults

ADD = json.dumps([{"attributes": {"APN": "0100"}}])


@pytest.fixture(scope="module")
def running():
    with rehearsing({"Parcels": parcels(9)}, anonymous=True, max_record_count=3) as server:
        yield server


@pytest.fixture
def server(running):
    yield running
    running.faults([])
    running.reset()


def add(server):
    return ask(server, f"{server.layer_url('Parcels')}/applyEdits", method="POST", is_signed_in=False, adds=ADD)


def count(server):
    return len(server.features("Parcels"))


LOST = {"reset": (ConnectionResetError, ssl.SSLError, http.client.RemoteDisconnected), "half-body": (http.client.IncompleteRead,)}


@pytest.mark.parametrize(("when", "rows"), [("before", 9), ("after", 10)])
@pytest.mark.parametrize("kind", LOST)
def test_a_lost_reply_says_nothing_of_whether_the_edit_was_kept(server, kind, when, rows):
    server.faults([{"on": "applyEdits", "kind": kind, "when": when}])
    with pytest.raises(LOST[kind]):
        add(server)
    assert count(server) == rows


REPLIES = {
    "429-in-200": (200, 429),
    "error-500": (200, 500),
    "498": (200, 498),
    "499": (200, 499),
}


@pytest.mark.parametrize(("when", "rows"), [("before", 9), ("after", 10)])
@pytest.mark.parametrize("kind", REPLIES)
def test_an_error_in_http_200_comes_before_or_after_the_commit(server, kind, when, rows):
    server.faults([{"on": "applyEdits", "kind": kind, "when": when}])
    status, reply = add(server)
    assert (status, reply["error"]["code"]) == REPLIES[kind]
    assert count(server) == rows


@pytest.mark.parametrize(("kind", "status"), [("429", 429), ("503", 503), ("504", 504), ("html-200", 200)])
def test_a_gateways_answer_has_its_status_and_retry_after(server, kind, status):
    server.faults([{"on": "applyEdits", "kind": kind, "retry_after_s": 2}])
    url = urllib.parse.urlsplit(server.layer_url("Parcels"))
    connection = http.client.HTTPSConnection(url.netloc, context=ssl._create_unverified_context())
    connection.request("POST", f"{url.path}/applyEdits", "f=json")
    reply = connection.getresponse()
    assert reply.status == status and reply.headers["Retry-After"] == "2"
    assert reply.read().startswith(b'{"error"' if kind == "429" else b"<!doctype html>")
    connection.close()


def test_twice_carries_a_post_out_twice_and_sends_the_second_reply(server):
    server.faults([{"on": "applyEdits", "kind": "twice"}])
    named = {"GlobalID": "{11111111-2222-3333-4444-555555555555}", "APN": "0100"}
    said = {"adds": json.dumps([{"attributes": named}]), "useGlobalIds": "true", "rollbackOnFailure": "false"}
    _, reply = ask(server, f"{server.layer_url('Parcels')}/applyEdits", method="POST", is_signed_in=False, **said)
    assert reply["addResults"][0]["error"]["code"] == 1022
    assert count(server) == 10


def test_slow_before_is_not_done_for_a_client_that_has_gone_and_slow_after_is(server):
    url = urllib.parse.urlsplit(server.layer_url("Parcels"))
    for when, rows in (("before", 9), ("after", 10)):
        server.clear_trace()
        server.faults([{"on": "applyEdits", "kind": "slow", "when": when, "seconds": 2}])
        connection = http.client.HTTPSConnection(url.netloc, context=ssl._create_unverified_context())
        form = urllib.parse.urlencode({"f": "json", "adds": ADD})
        connection.request("POST", f"{url.path}/applyEdits", form, {"Content-Type": "application/x-www-form-urlencoded"})
        connection.close()  # gone long before the two seconds are over
        end = time.monotonic() + 60
        while not any(entry["operation"] == "applyEdits" and "duration_s" in entry for entry in server.trace()):
            assert time.monotonic() < end, "the server never came to an end with it"
            time.sleep(0.05)
        assert count(server) == rows, when


def test_nth_counts_the_requests_of_one_operation_and_kinds_of_query_have_names(server):
    server.faults([{"on": "query:features", "kind": "error-500", "nth": [2]}])
    url = f"{server.layer_url('Parcels')}/query"
    ask(server, url, where="1=1", returnCountOnly="true", is_signed_in=False)
    replies = [ask(server, url, where="1=1", is_signed_in=False)[1] for _ in range(3)]
    assert ["error" in reply for reply in replies] == [False, True, False]
    assert [entry["fault"] for entry in server.trace()][-3:] == [None, "error-500 before", None]


def test_chance_is_the_same_for_a_seed_and_times_ends_it():
    def drawn(**said):
        faults = Faults()
        faults.set([{"on": "*", "kind": "503", "rate": 0.3, **said}])
        return [faults.hit(("query",)) is not None for _ in range(1000)]

    assert drawn(seed=4) == drawn(seed=4) != drawn(seed=5)
    # 300 expected of 1,000; five standard deviations of a binomial are 72.
    assert abs(sum(drawn(seed=4)) - 300) < 72
    assert sum(drawn(seed=4, times=2)) == 2


def test_a_fault_that_does_not_say_what_it_must_is_refused(server):
    with pytest.raises(SettingsError, match="kind"):
        Faults().set([{"on": "query", "kind": "explode"}])
    with pytest.raises(ValueError, match="wehn"):
        server.faults([{"on": "query", "kind": "503", "wehn": "after"}])


def test_the_plain_arcgis_client_repeats_an_edit_whose_reply_was_lost(server):
    # What this server is for: three adds, one lost reply, six rows and a success (arcgis 2.4.4).
    require_arcgis()
    from arcgis.features import FeatureLayer
    from arcgis.gis import GIS

    layer = FeatureLayer(server.layer_url("Parcels"), GIS(server.portal, token=server.token(), verify_cert=False))
    server.clear_trace()
    server.faults([{"on": "applyEdits", "kind": "reset", "when": "after", "nth": [1]}])
    result = layer.edit_features(adds=[{"attributes": {"APN": f"{i}"}} for i in range(3)])
    assert [r["success"] for r in result["addResults"]] == [True] * 3
    assert count(server) == 9 + 6
    assert [entry["fault"] for entry in server.trace() if entry["operation"] == "applyEdits"] == ["reset after", None]


def test_the_plain_arcgis_client_reads_short_when_a_page_is_an_error_in_http_200(server):
    require_arcgis()
    from arcgis.features import FeatureLayer
    from arcgis.gis import GIS

    layer = FeatureLayer(server.layer_url("Parcels"), GIS(server.portal, token=server.token(), verify_cert=False))
    server.faults([{"on": "query:features", "kind": "429-in-200", "nth": [2]}])
    assert len(layer.query("1=1", order_by_fields="OBJECTID").features) < 9


def test_a_client_that_never_shakes_hands_holds_up_nobody(server):
    host, port = urllib.parse.urlsplit(server.portal).netloc.split(":")
    with socket.create_connection((host, int(port))) as silent:
        assert ask(server, f"{server.portal}/sharing/rest", is_signed_in=False)[0] == 200
        silent.setblocking(False)
        with pytest.raises(BlockingIOError):  # the server still waits for it: it was not given up before the other was answered
            silent.recv(1)
