"""A feature layer in memory: it keeps the rules of ``applyEdits``, loses replies on request, and remembers each call."""

import copy
import json
import os
import random
import re
import uuid
from pathlib import Path
from typing import NamedTuple

from citygis.readers.service.faults import ServiceFault
from citygis.sync.model import EditReply, ItemResult

KINDS = {
    "reset": ("ambiguous", None),
    "429": ("throttled", 429),
    "429-in-200": ("throttled", 429),
    "503": ("ambiguous", 503),
    "504": ("ambiguous", 504),
    "html-200": ("ambiguous", None),
    "error-500": ("ambiguous", 500),
    "498": ("auth", 498),
    "499": ("auth", 499),
    "half-body": ("ambiguous", None),
    "slow": ("ambiguous", None),
    "413": ("too_large", 413),
}
"""What a client makes of each fault of the rehearsal server."""


class Fault(NamedTuple):
    """A reply that gets lost, of the `nth` call (from 1) of ``query``, ``applyEdits`` or ``definition``; ``after`` the work."""

    on: str
    kind: str
    when: str = "before"
    nth: int = 1
    retry_after_s: float | None = None


class Crashed(BaseException):
    """The process dies here."""


def parcels_definition(**changes):
    """The JSON of a layer of parcels in the City's system (EPSG:6420, ESRI 103004... California zone 3, US survey feet)."""
    fields = [
        {"name": "OBJECTID", "type": "esriFieldTypeOID", "nullable": False, "editable": False},
        {"name": "GlobalID", "type": "esriFieldTypeGlobalID", "length": 38, "nullable": False, "editable": False},
        {"name": "APN", "type": "esriFieldTypeString", "length": 20, "nullable": True, "editable": True, "alias": "Parcel number"},
        {"name": "SITUS", "type": "esriFieldTypeString", "length": 40, "nullable": True, "editable": True, "alias": "Address"},
        {"name": "ROLL_YEAR", "type": "esriFieldTypeInteger", "nullable": True, "editable": True},
        {"name": "AREA_SQFT", "type": "esriFieldTypeDouble", "nullable": True, "editable": True},
        {"name": "REMARK", "type": "esriFieldTypeString", "length": 80, "nullable": True, "editable": True},
        {"name": "Shape__Area", "type": "esriFieldTypeDouble", "nullable": True, "editable": False},
    ]
    return {
        "currentVersion": 12,
        "id": 0,
        "name": "Parcels",
        "type": "Feature Layer",
        "objectIdField": "OBJECTID",
        "globalIdField": "GlobalID",
        "geometryType": "esriGeometryPolygon",
        "hasZ": False,
        "hasM": False,
        "maxRecordCount": 2000,
        "supportsApplyEditsWithGlobalIds": True,
        "supportsRollbackOnFailureParameter": True,
        "advancedQueryCapabilities": {"supportsPagination": True, "supportsOrderBy": True},
        "allowTrueCurvesUpdates": False,
        "capabilities": "Create,Delete,Query,Update,Editing",
        "extent": {
            "xmin": 6_290_000.0,
            "ymin": 2_090_000.0,
            "xmax": 6_320_000.0,
            "ymax": 2_120_000.0,
            "spatialReference": {"wkid": 6420, "latestWkid": 6420},
        },
        "editingInfo": {"dataLastEditDate": 1_763_750_000_000},
        "fields": fields,
        **changes,
    }


class FakeRemote:
    """
    A layer; `citygis.sync.remote.Remote` by its methods.

    ``faults`` are `Fault`; ``rate`` loses that share of all replies by ``chance``, half of them after the work was done; ``twice``
    carries each edit out twice and sends the second reply; ``crash_at`` holds numbers of edits to die at, before (negative) or
    after the work; ``path`` keeps the rows in a file. ``edits`` lists the global ids of each POST, ``calls`` the name of each
    request.
    """

    def __init__(self, definition=None, rows=(), *, faults=(), rate=0.0, seed=0, twice=False, path=None, kinds=None):
        self.url = "https://gis.riverbend.example/arcgis/rest/services/Parcels/FeatureServer/0"
        self.layer = definition or parcels_definition()
        self.faults = list(faults)
        self.rate, self.chance, self.twice = rate, random.Random(seed), twice
        self.kinds = kinds or ("reset", "429", "503", "504", "html-200", "error-500", "498", "half-body", "slow")
        self.path = Path(path) if path else None
        self.crash_at = set()
        self.counts = {"query": 0, "applyEdits": 0, "definition": 0}
        self.calls, self.edits, self.renewed = [], [], 0
        self.can_renew = True
        self.before_edit = None
        self.rows = {}
        self._next = 1
        self._clock = 1_763_750_000_000
        if self.path and self.path.exists():
            said = json.loads(self.path.read_text())
            self.rows, self._next, self._clock = said["rows"], said["next"], said["clock"]
        else:
            for row in rows:
                self.put(row["attributes"], row.get("geometry"))

    # --- the third party's side -------------------------------------------------------------------------------------------

    def put(self, attributes, geometry=None, *, global_id=None):
        """A row set from outside, new or in the place of another; its global id, lower case."""
        global_id = (global_id or attributes.get("GlobalID") or str(uuid.uuid4())).strip("{}").lower()
        names = [each["name"] for each in self.layer["fields"]]
        held = self.rows.get(global_id)
        object_id = held["attributes"]["OBJECTID"] if held else self._next
        self._next += 0 if held else 1
        blank = dict.fromkeys(names)
        before = held["attributes"] if held else blank
        said = {**before, **attributes, "OBJECTID": object_id, "GlobalID": "{" + global_id.upper() + "}"}
        self.rows[global_id] = {"attributes": said, "geometry": copy.deepcopy(geometry if geometry else held and held["geometry"])}
        self._clock += 1000
        self._save()
        return global_id

    def drop(self, global_id):
        """A row deleted from outside."""
        del self.rows[global_id]
        self._clock += 1000
        self._save()

    def values(self, field):
        """The values of a field by global id."""
        return {key: row["attributes"][field] for key, row in self.rows.items()}

    # --- Remote -----------------------------------------------------------------------------------------------------------

    def definition(self):
        """The layer's JSON."""
        fault = self._fault("definition")
        if fault:
            raise fault
        return {**copy.deepcopy(self.layer), "editingInfo": {"dataLastEditDate": self._clock}}

    def query(self, parameters):
        """The reply to a query."""
        fault = self._fault("query")
        if fault:
            raise fault
        rows = sorted(self.rows.values(), key=lambda row: row["attributes"]["OBJECTID"])
        rows = _selected(rows, str(parameters.get("where", "1=1")))
        if parameters.get("objectIds"):
            wanted = {int(each) for each in str(parameters["objectIds"]).split(",")}
            rows = [row for row in rows if row["attributes"]["OBJECTID"] in wanted]
        if _true(parameters.get("returnCountOnly")):
            return {"count": len(rows)}
        if _true(parameters.get("returnIdsOnly")):
            return {"objectIdFieldName": "OBJECTID", "objectIds": [row["attributes"]["OBJECTID"] for row in rows]}
        most = min(int(parameters.get("resultRecordCount") or 10**9), self.layer["maxRecordCount"])
        first = int(parameters.get("resultOffset") or 0)
        page = rows[first : first + most]
        fields = str(parameters.get("outFields", "*"))
        names = [each["name"] for each in self.layer["fields"]]
        wanted = names if fields == "*" else [name for name in names if name.lower() in fields.lower().split(",")]
        with_geometry = self.layer.get("geometryType") and _true(parameters.get("returnGeometry", True))
        features = [
            {"attributes": {name: row["attributes"].get(name) for name in wanted}}
            | ({"geometry": copy.deepcopy(row["geometry"])} if with_geometry and row["geometry"] is not None else {})
            for row in page
        ]
        reply = {
            "objectIdFieldName": "OBJECTID",
            "globalIdFieldName": "GlobalID",
            "geometryType": self.layer.get("geometryType"),
            "spatialReference": self.layer["extent"]["spatialReference"],
            "fields": [each for each in self.layer["fields"] if each["name"] in wanted],
            "features": features,
        }
        return reply | ({"exceededTransferLimit": True} if first + most < len(rows) else {})

    def apply_edits(self, *, adds, updates, deletes):
        """One applyEdits with useGlobalIds and without rollback."""
        ids = [_id(each["attributes"]["GlobalID"]) for each in (*adds, *updates)] + [_id(each) for each in deletes]
        json.dumps([list(adds), list(updates), list(deletes)], allow_nan=False)
        self.edits.append(ids)
        if self.before_edit:
            self.before_edit(self)
        number = len(self.edits)
        if -number in self.crash_at:
            raise Crashed
        fault, when = self._fault("applyEdits"), self._when
        if fault and when == "before":
            raise fault
        reply = self._carried_out(adds, updates, deletes)
        if self.twice:
            reply = self._carried_out(adds, updates, deletes)
        self._save()
        if number in self.crash_at:
            raise Crashed
        if fault:
            raise fault
        return reply

    def renew(self):
        """A new login."""
        self.renewed += 1
        return self.can_renew

    # --- inside -----------------------------------------------------------------------------------------------------------

    def _carried_out(self, adds, updates, deletes):
        self._clock += 1000
        added = [self._add(each) for each in adds]
        updated = [self._update(each) for each in updates]
        deleted = [self._delete(_id(each)) for each in deletes]
        return EditReply(tuple(added), tuple(updated), tuple(deleted))

    def _add(self, feature):
        global_id = _id(feature["attributes"]["GlobalID"])
        if global_id in self.rows:
            return ItemResult(global_id, False, 1022, "Unique constraint violation.")
        wrong = self._wrong(feature)
        if wrong:
            return ItemResult(global_id, False, *wrong)
        assert "OBJECTID" not in feature["attributes"]
        self.put(feature["attributes"], feature.get("geometry"))
        return ItemResult(global_id, True, None, "")

    def _update(self, feature):
        global_id = _id(feature["attributes"]["GlobalID"])
        if global_id not in self.rows:
            return ItemResult(global_id, False, 1011, "Object is missing.")
        wrong = self._wrong(feature)
        if wrong:
            return ItemResult(global_id, False, *wrong)
        row = self.rows[global_id]
        said = {name: value for name, value in feature["attributes"].items() if name != "GlobalID"}
        row["attributes"] = {**row["attributes"], **said}
        if feature.get("geometry") is not None:
            row["geometry"] = copy.deepcopy(feature["geometry"])
        return ItemResult(global_id, True, None, "")

    def _delete(self, global_id):
        if self.rows.pop(global_id, None) is None:
            return ItemResult(global_id, False, 1011, "Object is missing.")
        return ItemResult(global_id, True, None, "")

    def _wrong(self, feature):
        fields = {each["name"]: each for each in self.layer["fields"]}
        for name, value in feature["attributes"].items():
            if name == "GlobalID":
                continue
            if name not in fields or not fields[name].get("editable", True):
                return 1023, f"Field {name} is not editable."
            if value is None and not fields[name].get("nullable", True):
                return 1001, f"Field {name} is not nullable."
            if isinstance(value, str) and len(value) > fields[name].get("length", 10**6):
                return 1000, "String or binary data would be truncated.\nThe statement has been terminated."
        return None

    def _fault(self, operation):
        self.counts[operation] += 1
        self.calls.append(operation)
        self._when = "before"
        for fault in self.faults:
            if fault.on == operation and fault.nth == self.counts[operation]:
                self._when = fault.when
                return self._made(fault.kind, fault.retry_after_s)
        if self.rate and self.chance.random() < self.rate:
            self._when = self.chance.choice(["before", "after"])
            return self._made(self.chance.choice(self.kinds), None)
        return None

    def _made(self, name, retry_after_s):
        kind, code = KINDS[name]
        return ServiceFault(kind, f"the reply was lost ({name})", code=code, retry_after_s=retry_after_s)

    def _save(self):
        if self.path:
            temporary = self.path.with_suffix(".new")
            temporary.write_text(json.dumps({"rows": self.rows, "next": self._next, "clock": self._clock}))
            os.replace(temporary, self.path)


def _id(text):
    assert text.startswith("{") and text == text.upper(), text
    return text.strip("{}").lower()


def _true(value):
    return str(value).lower() == "true"


def _selected(rows, where):
    """Rows by the conditions that reading needs; anything else is an error, as it would be there."""
    above = re.search(r"OBJECTID\s*>\s*(-?\d+)", where, re.IGNORECASE)
    if above:
        rows = [row for row in rows if row["attributes"]["OBJECTID"] > int(above[1])]
    among = re.search(r"GlobalID\s+IN\s*\(([^)]*)\)", where, re.IGNORECASE)
    if among:
        wanted = {part.strip().strip("'").upper() for part in among[1].split(",")}
        rows = [row for row in rows if row["attributes"]["GlobalID"].upper() in wanted]
    rest = re.sub(r"OBJECTID\s*>\s*-?\d+|GlobalID\s+IN\s*\([^)]*\)|1\s*=\s*1|AND|[()\s]", "", where, flags=re.IGNORECASE)
    if rest:
        raise ServiceFault("refused", f"'where' clause is invalid: {where}", code=400)
    return rows
