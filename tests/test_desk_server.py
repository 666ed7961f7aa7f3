"""The desk over HTTP: who gets in, what is answered, and what never leaves."""

import contextlib
import io
import json
import re
import socket
import sqlite3
import threading
import time
import zipfile
import zlib
from urllib.parse import quote

import pytest
from desk_city import HOSTILE, OWNER, STREET_OF_OWNER, desk_city, middle, open_desk
from store_city import LATER, load, parcels

from citygis.desk import Room, Server, server
from citygis.desk.door import HEADERS, LARGEST_BODY
from citygis.errors import SettingsError, StoreError


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    return desk_city(tmp_path_factory.mktemp("desk") / "city")


@pytest.fixture(scope="module")
def desk(city):
    with open_desk(city) as client:
        yield client


@pytest.fixture(scope="module")
def staff(city):
    with open_desk(city, profile="staff") as client:
        yield client


def test_every_reply_carries_the_policy_of_the_page(desk):
    for path in ("/", "/nope", "/static/desk.js", "/ground?box=1", "/jobs"):
        _, headers, _ = desk.send("GET", path)
        assert {name: headers[name] for name in HEADERS} == HEADERS
    assert "default-src 'self'" in HEADERS["Content-Security-Policy"]


def test_pages_have_no_script_or_style_of_their_own_and_name_no_other_host(desk):
    for path in ("/", "/ask/notice", "/findings", "/batches", "/batches/2", "/plans", "/plans/0", "/jobs"):
        status, said = desk.get(path)
        assert status == 200, path
        assert "<style" not in said and " style=" not in said and " onclick" not in said and "<script>" not in said
        assert 'src="http' not in said and 'href="http' not in said


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1:1", "localhost", "evil.example:{port}", "user@127.0.0.1:{port}", ""])
def test_a_name_that_was_made_to_point_here_is_turned_away(desk, host):
    status, _, said = desk.send("GET", "/", Host=host.format(port=desk.server.door.port))
    assert status == 421 and b"Riverbend" not in said


def test_localhost_by_name_is_the_desk_too(desk):
    assert desk.send("GET", "/", Host=f"localhost:{desk.server.door.port}")[0] == 200


@pytest.mark.parametrize("origin", [None, "null", "http://evil.example", "https://127.0.0.1", "http://127.0.0.1:1"])
def test_a_form_from_elsewhere_is_turned_away(desk, origin):
    body = f"token={desk.server.door.token}&apn=100-000-03".encode()
    assert desk.send("POST", "/ask/notice", body, Origin=origin)[0] == 403
    assert desk.send("POST", "/validate", body, Origin=origin, Referer="http://evil.example/")[0] == 403


def test_referer_stands_in_for_an_origin_that_was_not_sent(desk):
    body = f"token={desk.server.door.token}&apn=100-000-03&distance_ft=50".encode()
    assert desk.send("POST", "/ask/notice", body, Referer=f"{desk.url}/ask/notice")[0] == 303


@pytest.mark.parametrize("token", ["", "wrong", "ü"])
def test_a_form_without_this_desk_s_token_is_turned_away(desk, token):
    assert desk.post("/ask/notice", token=token, apn="100-000-03")[0] == 403


def test_another_site_s_script_gets_nothing(desk):
    assert desk.send("GET", "/search?q=100", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="no-cors")[0] == 403


def test_a_body_that_is_too_large_is_refused_unread(desk):
    status, headers, _ = desk.send("POST", "/ask/notice", b"", Origin=desk.url, Content_Length=str(LARGEST_BODY + 1))
    assert status == 413 and headers["Connection"] == "close"
    assert desk.send("POST", "/ask/notice", b"", Origin=desk.url, Content_Length=None, Transfer_Encoding="chunked")[0] == 411
    assert desk.send("POST", "/ask/notice", b"{}", Origin=desk.url, Content_Type="application/json")[0] == 415


def raw(desk, request):
    """What is sent back on one connection until the desk closes it."""
    with socket.create_connection(("127.0.0.1", desk.server.door.port), timeout=60) as connection:
        connection.sendall(request.replace("HOST", desk.host).encode())
        said = b""
        while piece := connection.recv(2**16):
            said += piece
    return said


@pytest.mark.parametrize(
    "request_,status",
    [
        ("GET http://[ HTTP/1.1\r\nHost: HOST\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: HOST\r\nHost: evil.example\r\n\r\n", 400),
        (f"GET /?{'a&' * 300} HTTP/1.1\r\nHost: HOST\r\n\r\n", 400),
        ("POST /validate HTTP/1.1\r\nHost: HOST\r\nOrigin: http://[\r\nContent-Length: 0\r\n\r\n", 415),
        ("POST /validate HTTP/1.1\r\nHost: HOST\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabcde", 411),
        (f"POST /validate HTTP/1.1\r\nHost: HOST\r\nContent-Length: {'9' * 5000}\r\n\r\n", 413),
        ("PUT / HTTP/1.1\r\nHost: HOST\r\nContent-Length: 3\r\n\r\nabc", 501),
        ("GET / HTTP/1.1\r\n" + "X: y\r\n" * 300 + "\r\n", 431),
        ("GET /nope HTTP/1.1\r\nHost: HOST\r\nContent-Length: 40\r\n\r\nGET /jobs HTTP/1.1\r\nHost: HOST\r\n\r\n", 404),
    ],
    ids=["address", "two hosts", "fields", "origin", "two lengths", "length", "method", "headers", "one within another"],
)
def test_what_is_no_request_is_told_once_under_the_policy_and_the_connection_closed(desk, request_, status):
    said = raw(desk, request_)
    assert said.startswith(b"HTTP/1.1 %d " % status) and said.count(b"HTTP/1.1 ") == 1
    assert all(f"{name}: {value}".encode() in said for name, value in HEADERS.items())
    assert b"Traceback" not in said and (status == 404 or b"Riverbend" not in said)


def test_an_origin_that_is_no_address_is_another_s(desk):
    assert desk.send("POST", "/validate", b"", Origin="http://[")[0] == 403


def test_a_form_that_breaks_off_is_not_taken_for_a_whole_one(desk):
    head = "POST /validate HTTP/1.1\r\nHost: HOST\r\nOrigin: http://HOST\r\nContent-Length: 900\r\n"
    head += "Content-Type: application/x-www-form-urlencoded\r\n\r\n"
    with socket.create_connection(("127.0.0.1", desk.server.door.port), timeout=60) as connection:
        connection.sendall(f"{head}token={desk.server.door.token}".replace("HOST", desk.host).encode())
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(2**16).startswith(b"HTTP/1.1 400 ")
    assert not desk.server.room.checks.is_running


def test_clients_that_never_finish_asking_hold_up_nobody(city, monkeypatch):
    monkeypatch.setattr(server, "CONNECTIONS", 3)
    with open_desk(city) as client, contextlib.ExitStack() as stack:
        for _ in range(8):
            slow = stack.enter_context(socket.create_connection(("127.0.0.1", client.server.door.port), timeout=60))
            slow.sendall(b"GET / HTTP/1.1\r\nHost: ")
        assert client.get("/static/icon.svg")[0] == 200


def test_a_request_that_comes_drop_by_drop_is_given_up(city, monkeypatch):
    monkeypatch.setattr(server, "IDLE_S", 0.4)
    with open_desk(city) as client, socket.create_connection(("127.0.0.1", client.server.door.port)) as slow:
        slow.settimeout(0.05)
        end, is_open = time.monotonic() + 60, True
        while is_open and time.monotonic() < end:
            try:
                slow.sendall(b"G")
                is_open = bool(slow.recv(1))
            except TimeoutError:
                pass
            except OSError:
                is_open = False
        assert not is_open


@pytest.mark.parametrize("said", ["9" * 5000, "²", "-1", ""])
def test_a_place_in_a_list_that_is_none_is_its_beginning(desk, said):
    assert desk.send("GET", f"/findings?run={quote(said)}&from={quote(said)}")[0] == 200


@pytest.mark.parametrize(
    "path",
    [
        "/static/../server.py",
        "/static/%2e%2e/server.py",
        "/static/..%2fserver.py",
        "/static//etc/passwd",
        "/answer/../../etc/passwd",
        "/answer/x/package.zip",
        "/plans/-1",
        "/plans/99",
        "/plans/..%2f..%2fcity.toml",
        "/batches/9",
        "/batches/1;drop",
        "/ask/__init__",
        "/ask/notice/..",
    ],
)
def test_no_path_leads_out(desk, path):
    status, said = desk.get(path)
    assert status == 404
    assert "Traceback" not in said and "root:" not in said and "[folders]" not in said


@pytest.mark.parametrize(
    "name", ["../outside.csv", "/etc/passwd", "link.csv", ".hidden.csv", "nope.csv", "roll.csv#x", "sqlite:///x.db"]
)
def test_only_a_file_that_is_offered_can_be_named(staff, name):
    status, _, said = staff.post("/ask/join", table=name)
    assert status == 422 and "no such file is offered" in said


def test_the_files_offered_are_those_of_the_desk_s_folder_alone(desk):
    said = desk.get("/ask/join")[1]
    assert "<option>roll.csv</option>" in said
    assert "outside.csv" not in said and "hidden" not in said.replace('type="hidden"', "") and "link.csv" not in said


def test_a_notice_tells_the_neighbours(desk):
    path, said = desk.ask("notice", apn="10000003", distance_ft="50")
    # Lots stand 20 ft apart in a row, 120 ft from the next row.
    assert all(f"100-000-0{k}" in said for k in (2, 3, 4)) and "100-000-05</td>" not in said.split("nearest out")[0]
    assert "<b>3</b> on the list" in said and "Every figure that was worked out a second way agrees." in said
    assert "Gov. Code 65091" in said
    drawn = json.loads(desk.get(f"{path}/ground")[1])
    assert {layer["name"]: layer["count"] for layer in drawn} == {"within": 2, "subject": 1, "radius": 1}


def test_the_package_is_a_zip_of_the_answer_s_files(desk):
    path, _ = desk.ask("notice", apn="100-000-03", distance_ft="50")
    status, headers, content = desk.send("GET", f"{path}/package.zip")
    assert (
        status == 200 and headers["Content-Type"] == "application/zip" and headers["Content-Disposition"].startswith("attachment")
    )
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        assert file.testzip() is None
        assert {"notice/list.csv", "notice/list.xlsx", "notice/ground.gpkg", "notice/map.pdf", "notice/method.html"} <= set(
            file.namelist()
        )
        listed = file.read("notice/list.csv").decode("utf-8-sig")
        for name in file.namelist():
            desk.heard.append(file.read(name))
    assert len(listed.splitlines()) == 4


def test_the_same_question_is_answered_once(desk):
    one, _ = desk.ask("notice", apn="100-000-06", distance_ft="60")
    assert desk.ask("notice", apn="100-000-06", distance_ft="60")[0] == one
    assert desk.ask("notice", apn="100-000-06", distance_ft="61")[0] != one


@pytest.mark.parametrize(
    "form,said",
    [
        ({"apn": "999-999-99"}, "There is no parcel"),
        ({"apn": ""}, "needs apn"),
        ({"apn": "100-000-03", "distance_ft": "far"}, "Must be a number"),
        ({"apn": "100-000-03", "case": "zoning"}, "Invalid case"),
        ({"apn": "100-000-03", "distance_ft": "-1"}, "Give one above zero"),
        ({"apn": "1" * 2001}, "more than 2,000 characters"),
    ],
)
def test_what_is_wrong_with_a_form_is_told_beside_it(desk, form, said):
    status, _, page = desk.post("/ask/notice", **form)
    assert status == 422 and said in page and "Traceback" not in page and 'role="alert"' in page


@pytest.mark.parametrize("said,first", [("100-000-03", "100-000-03"), ("10000003", "100-000-03"), ("100 000 03", "100-000-03")])
def test_a_parcel_is_found_by_any_spelling_of_its_number(desk, said, first):
    assert json.loads(desk.get(f"/search?q={said.replace(' ', '%20')}")[1])[0]["apn"] == first


@pytest.mark.parametrize("said", ["5 FIRST ST", "5 first street", "5%20First%20St.", "5 fir"])
def test_a_parcel_is_found_by_its_address(desk, said):
    assert json.loads(desk.get(f"/search?q={said.replace(' ', '%20')}")[1])[0]["apn"] == "100-000-05"


def test_a_click_finds_the_parcel_that_lies_there_or_none(desk):
    lots = parcels(40)
    assert json.loads(desk.get(f"/parcel?at={middle(lots, 21)}")[1])[0]["apn"] == "100-000-21"
    assert json.loads(desk.get("/parcel?at=0,0")[1]) == []
    assert desk.get("/parcel?at=nan,0")[0] == 404


def test_hostile_texts_of_the_store_are_only_text(desk, staff):
    for client in (desk, staff):
        for path in (
            "/findings",
            "/batches",
            "/batches/2",
            "/plans/0",
            "/find?find=7",
            f"/ask/notice?apn={HOSTILE.replace(' ', '%20')}",
        ):
            said = client.get(path)[1]
            assert "<img" not in said
    assert "&lt;img" in desk.get("/batches")[1] and "&lt;img" in desk.get("/findings")[1]


def test_findings_are_narrowed_and_changes_and_plans_told(desk):
    said = desk.get("/findings?code=T01")[1]
    assert "They overlap." in said and "1 findings" in said
    said = desk.get("/batches/2")[1]
    assert "situs_text: 3 FIRST ST → 3 SECOND ST" in said
    (layer,) = json.loads(desk.get("/batches/2/ground")[1])
    assert (layer["name"], layer["count"]) == ("updated", 1)
    said = desk.get("/plans/0")[1]
    assert "<b>1</b> adds" in said and "SITUS: 3 FIRST ST →" in said and "edited on both sides" in said
    said = desk.get("/jobs")[1]
    assert "The county&#39;s month" in said and "40 rows in" in said


def test_the_store_is_validated_on_request(desk):
    assert desk.post("/validate")[0] == 303
    while desk.server.room.checks.is_running:
        threading.Event().wait(0.05)
    assert "this desk, change 2" in desk.get("/findings")[1] and not desk.server.room.checks.trouble


def test_twenty_clerks_at_once_get_each_their_own_answer(desk):
    answers = {}

    def ask(row):
        answers[row] = desk.ask("notice", apn=f"100-000-{row}", distance_ft="30")[1]

    threads = [threading.Thread(target=ask, args=(row,)) for row in range(12, 32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert {row: f"30 ft around 100-000-{row}" in said for row, said in answers.items()} == dict.fromkeys(range(12, 32), True)


def test_staff_see_owners(staff):
    _, said = staff.ask("notice", apn="100-000-03", distance_ft="50")
    assert OWNER in said and STREET_OF_OWNER in said
    assert OWNER in staff.get("/findings")[1] and OWNER in staff.get("/plans/0")[1]


def test_no_owner_ever_leaves_a_public_desk(desk):
    for form in (
        {"apn": "100-000-03", "distance_ft": "50", "public": "", "contiguous_owner": "on", "roll": "roll.csv"},
        {"apn": "10000009"},
    ):
        desk.ask("notice", **form)
    desk.ask("join", table="roll.csv", names="on")
    for path in (
        "/",
        "/findings",
        "/batches/1",
        "/batches/2",
        "/plans/0",
        "/jobs",
        "/ask/notice",
        "/search?q=PLANTED",
        "/search?q=77%20SECRETMAIL",
    ):
        desk.get(path)
    desk.get("/ground?box=6299000,2099000,6306000,2103000&px=800")
    assert "parcel_owner" not in desk.server.room.keeper.current().layers
    everything = b"".join(desk.heard)
    assert len(everything) > 50_000
    for secret in (OWNER, STREET_OF_OWNER, "SECRETMAIL"):
        assert secret.encode() not in everything


def opened(content, name="file"):
    """A file and what is packed in it: of a ZIP or XLSX each file, of a PDF each stream, of a GeoPackage each row as text."""
    yield name, content
    if content[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(content)) as file:
            for each in file.namelist():
                yield from opened(file.read(each), f"{name}/{each}")
    elif content[:4] == b"%PDF":
        for stream in re.findall(rb"stream\r?\n(.*?)endstream", content, re.DOTALL):
            with contextlib.suppress(zlib.error):
                yield name, zlib.decompress(stream)
    elif content[:6] == b"SQLite":
        with contextlib.closing(sqlite3.connect(":memory:")) as database:
            database.deserialize(content)
            for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                if not table.startswith("rtree"):
                    columns = [row[1] for row in database.execute(f'PRAGMA table_info("{table}")')]
                    yield f"{name}/{table}", repr((columns, database.execute(f'SELECT * FROM "{table}"').fetchall())).encode()


def packages(client):
    """Every file of the packages of what may be asked with a table of owners lying in the desk's folder."""
    asked = [("notice", {"apn": "100-000-03", "distance_ft": "90", "contiguous_owner": "on", "roll": "roll.csv", "public": ""})]
    asked += [("join", {"table": "roll.csv", "names": "on"})]
    for question, form in asked:
        path, _ = client.ask(question, **form)
        status, _, content = client.send("GET", f"{path}/package.zip")
        assert status == 200
        yield from opened(content, question)


def test_no_file_of_a_public_package_tells_an_owner(desk):
    files = dict(packages(desk))
    assert {"notice/notice/ground.gpkg/gpkg_contents", "notice/notice/list.xlsx/xl/workbook.xml"} <= set(files)
    for name, content in files.items():
        assert not any(secret.encode() in content for secret in (OWNER, STREET_OF_OWNER, "SECRETMAIL")), name


def test_the_same_look_into_the_package_of_staff_sees_them(staff):
    seen = {name.rpartition("/")[2] for name, content in packages(staff) if OWNER.encode() in content}
    assert "list.csv" in seen and len(seen) > 1


def test_the_log_tells_no_query_and_no_id_of_an_answer(desk):
    desk.get("/search?q=SOMEBODY")
    path, _ = desk.ask("notice", apn="100-000-08")
    told = "\n".join(desk.lines)
    assert "GET /search 200" in told and "GET /answer/... 200" in told
    assert "SOMEBODY" not in told and path not in told


def test_a_key_is_asked_where_other_machines_may_come_in(city):
    with open_desk(city, key="k" * 32) as client:
        assert client.get("/")[0] == 403 and client.get("/?key=wrong")[0] == 403
        status, headers, _ = client.send("GET", f"/?key={'k' * 32}")
        assert status == 303 and headers["Location"] == "/"
        assert "HttpOnly" in headers["Set-Cookie"] and "SameSite=Strict" in headers["Set-Cookie"]
        assert client.get("/", Cookie=headers["Set-Cookie"].partition(";")[0])[0] == 200


def test_a_port_that_is_taken_is_told(city, desk):
    with pytest.raises(SettingsError, match="Name another --port"):
        Server(desk.server.room, "127.0.0.1", desk.server.door.port)


def test_a_city_without_a_store_has_no_desk(tmp_path):
    from store_city import make_city

    with pytest.raises(StoreError, match="Load something first"):
        Room(make_city(tmp_path / "city"))
    assert not (tmp_path / "city" / "city.gpkg").exists()


def test_what_another_program_changes_is_seen(tmp_path):
    city = desk_city(tmp_path / "city")
    with open_desk(city) as client:
        assert "change 2" in client.get("/")[1]
        path, _ = client.ask("notice", apn="100-000-03", distance_ft="50")
        load(city, {"parcel": parcels(41)}, at=LATER)
        client.server.room.keeper._looked = 0.0
        assert "change 3" in client.get("/")[1]
        assert json.loads(client.get("/search?q=10000040")[1])[0]["apn"] == "100-000-40"
        assert "changed since" in client.get(path)[1]
