"""A small City with a desk: forty lots, owners whose names must not show, hostile texts, findings, a plan, a ledger."""

import contextlib
import datetime
import http.client
import json
import re
import threading
import uuid
from urllib.parse import urlencode

import pandas as pd
import shapely
from store_city import LATER, load, make_city, parcels, source

from citygis.desk import Room, Server
from citygis.findings import findings_frame
from citygis.jobs import append_event
from citygis.jobs.ledger import LEDGER
from citygis.quality import records
from citygis.schema import empty_layer, feature_ids, schema, source_id_of
from citygis.sync import Add, Conflict, Plan, Update, Was, save_plan
from citygis.sync.codes import refused

OWNER = "PLANTED Q OWNERNAME"
STREET_OF_OWNER = "77 SECRETMAIL LANE"
HOSTILE = "</script><img src=x onerror=window.harmed=1>\"'"


def owners(lots):
    """The roll: one fictional owner each."""
    empty = empty_layer(schema().layer("parcel_owner"), crs=None)
    known = {"apn": lots["apn"], "owner_name": f"{OWNER} JR", "mail_1": STREET_OF_OWNER, "mail_city": "Riverbend"}
    known |= {"mail_state": "CA", "mail_zip": "95000", "roll_year": 2026, "status": "ACTIVE"}
    known |= {"global_id": feature_ids("parcel_owner", lots["apn"]), "source_id": source_id_of("a" * 64)}
    known |= {name: lots[name] for name in ("method", "accuracy_basis", "created_by_record") if name in empty}
    columns = {name: pd.Series(known.get(name), index=lots.index, dtype=dtype) for name, dtype in empty.dtypes.items()}
    return pd.DataFrame(columns)


def desk_city(folder):
    """The City's folder: change 1 loads forty lots, change 2 renames the street of one."""
    city = make_city(folder)
    lots = parcels(40)
    lots.loc[7, "situs_text"] = f"7 {HOSTILE}"
    load(city, {"parcel": lots, "parcel_owner": owners(lots), "source_document": source()}, message="The first forty lots")
    renamed = lots.iloc[[3]].assign(situs_text=pd.Series(["3 SECOND ST"], index=[3], dtype="str"))
    load(city, {"parcel": renamed}, author=HOSTILE, message=f"Second Street {HOSTILE}", at=LATER)
    found = [
        {
            "code": "T01",
            "severity": "error",
            "layer": "parcel",
            "feature": "100-000-03",
            "other": "100-000-04",
            "message": "They overlap.",
        },
        {"code": "A05", "severity": "review", "layer": "parcel", "feature": HOSTILE, "message": HOSTILE},
        {"code": "A05", "severity": "review", "layer": "parcel_owner", "feature": "1", "message": f"owner_name is {OWNER}"},
    ]
    shapes = [lots.geometry.iloc[3], lots.geometry.iloc[30], None]
    frame = findings_frame(
        [{**row, "rule": "r", "geometry": shape} for row, shape in zip(found, shapes, strict=True)], crs=city.crs
    )
    write(folder / "report" / "findings.json", json.dumps(records(frame)))
    save_plan(a_plan(lots), folder / "sync" / "plan_parcel.json")
    ledger = folder / "jobs" / LEDGER
    ledger.parent.mkdir()
    run = {"run": "r1", "job": "county"}
    at = datetime.datetime(2026, 6, 1, 2, tzinfo=datetime.UTC)
    append_event(ledger, {"event": "run started", **run, "title": "The county's month"}, at=at)
    append_event(ledger, {"event": "step started", **run, "step": "read", "kind": "read"}, at=at)
    append_event(ledger, {"event": "step done", **run, "step": "read", "kind": "read", "counts": {"rows in": 40}}, at=at)
    append_event(ledger, {"event": "run ended", **run, "exit": 0}, at=at)
    write(folder / "desk" / "roll.csv", f"apn,owner_name\n10000003,{OWNER}\n")
    write(folder / "desk" / ".hidden.csv", "apn\n")
    write(folder / "outside.csv", "apn\n1\n")
    (folder / "desk" / "link.csv").symlink_to(folder / "outside.csv")
    return city


def a_plan(lots):
    """A plan that adds, updates, and stands in conflict, with an owner and a hostile text in it."""
    ids = [str(each) for each in lots["global_id"]]
    hers = {"base": "", "local": OWNER, "remote": ""}
    square = {"rings": [[[0, 0], [0, 9], [9, 9], [9, 0], [0, 0]]]}
    return Plan(
        adds=(Add(str(uuid.UUID(int=1, version=4)), {"APN": "10000099", "OWNER_NAME": OWNER}, square),),
        updates=(Update(ids[3], {"SITUS": Was("3 FIRST ST", HOSTILE)}, Was(square, square), "0" * 32),),
        conflicts=(Conflict(ids[4], "both_changed", {"MAIL_1": hers}, "edited on both sides"),),
        refusals=(refused(ids[5], "Y01", "OWNER_NAME", f"{OWNER} is too long"),),
        counts={"local": 41, "remote": 40},
        target="parcels",
        layer="parcel",
        url="https://gis.riverbend.example/FeatureServer/0",
    )


def write(path, text):
    """A file of the City's folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


@contextlib.contextmanager
def open_desk(city, *, profile="public", **options):
    """A desk that listens, in this process."""
    lines = []
    room = Room(city, profile=profile)
    room.prepare()
    server = Server(room, "127.0.0.1", 0, log=lines.append, **options)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield Client(server, lines)
    finally:
        server.shutdown()
        server.server_close()
        room.close()
        thread.join(10)


class Client:
    """A clerk without a browser. Everything that was sent back is in ``heard``."""

    def __init__(self, server, lines):
        self.server, self.lines, self.heard = server, lines, []
        self.host = f"127.0.0.1:{server.door.port}"
        self.url = f"http://{self.host}"

    def send(self, method, path, body=None, **headers):
        """Status, headers and text of one request; a header of None is left out."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.door.port, timeout=60)
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        headers = {"Host": self.host, **{name.replace("_", "-"): value for name, value in headers.items()}}
        if body is not None:
            headers = {"Content-Length": str(len(body)), "Content-Type": "application/x-www-form-urlencoded", **headers}
        for name, value in headers.items():
            if value is not None:
                connection.putheader(name, value)
        connection.endheaders(body)
        reply = connection.getresponse()
        content = reply.read()
        connection.close()
        self.heard.append(content)
        return reply.status, reply.headers, content

    def get(self, path, **headers):
        """Status and text of a page."""
        status, _, content = self.send("GET", path, **headers)
        return status, content.decode("utf-8", "replace")

    def post(self, path, **form):
        """Status, headers and text of a form that was sent from the desk's own page."""
        body = urlencode({"token": self.server.door.token, **form}, doseq=True).encode()
        status, headers, content = self.send("POST", path, body, Origin=self.url)
        return status, headers, content.decode("utf-8", "replace")

    def ask(self, question, **form):
        """The path and the page of an answer."""
        status, headers, said = self.post(f"/ask/{question}", **form)
        assert status == 303, re.sub(r"\s+", " ", said)[:2000]
        return headers["Location"], self.get(headers["Location"])[1]


def middle(lots, row):
    """The middle of a lot, as a query."""
    place = shapely.centroid(lots.geometry.iloc[row])
    return f"{place.x},{place.y}"
