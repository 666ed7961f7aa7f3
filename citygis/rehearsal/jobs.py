"""
What a service does beside queries and edits: uploads, append and asynchronous jobs, changes since a generation, checks of SQL.
"""

import json
import secrets
import sqlite3
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from citygis.rehearsal.conduct import Conduct
from citygis.rehearsal.contents import feature_rows
from citygis.rehearsal.edits import apply_edits, edits_of, parsed
from citygis.rehearsal.queries import filter_of, is_true
from citygis.rehearsal.rules import RequestError
from citygis.rehearsal.state import Layer, State

_STATUS = {"complete": "Completed", "pending": "Pending", "errors": "CompletedWithErrors", "fail": "Failed"}


class Jobs:
    """
    Uploaded files and the jobs that were asked for; forgotten when the server stops.

    Parameters
    ----------
    folder : path
        For uploaded files.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._jobs: dict[str, dict] = {}
        self._uploads: dict[str, Path] = {}

    def upload(self, name: str, content: bytes) -> dict:
        """Keep a file; the reply names its ``itemID``."""
        upload = "i" + secrets.token_hex(16)
        path = self.folder / upload  # never the client's name
        with open(path, "xb") as file:
            file.write(content)
        self._uploads[upload] = path
        return {"success": True, "item": self._item(upload, name)}

    def begin(self, name: str) -> dict:
        """An upload that comes in parts; the reply names its ``itemID``."""
        return self.upload(name, b"")

    def add_part(self, upload: str, part: str, content: bytes) -> dict:
        """Keep a part of an upload, under its number."""
        path = self.path(upload)
        if not part.isdigit():
            raise RequestError(400, "Unable to upload part.", ["'partId' parameter is invalid"])
        with open(path.with_name(f"{path.name}.{int(part):06d}"), "wb") as file:
            file.write(content)
        return {"success": True, "partId": int(part)}

    def parts(self, upload: str) -> dict:
        """The numbers of the parts of an upload."""
        path = self.path(upload)
        return {"itemID": upload, "parts": [str(int(p.suffix[1:])) for p in sorted(path.parent.glob(f"{path.name}.*"))]}

    def commit(self, upload: str) -> dict:
        """Put the parts of an upload together."""
        path = self.path(upload)
        with open(path, "wb") as file:
            for part in sorted(path.parent.glob(f"{path.name}.*")):
                file.write(part.read_bytes())
                part.unlink()
        return {"success": True, "item": self._item(upload, upload)}

    def uploaded(self, upload: str) -> dict:
        """What is known of an upload; RequestError if nothing is."""
        self.path(upload)
        return self._item(upload, upload)

    def path(self, upload: str) -> Path:
        """The file of an upload or an item."""
        if upload not in self._uploads:
            raise RequestError(400, "Item does not exist or is inaccessible.", [upload[:40]])
        return self._uploads[upload]

    def keep(self, item: str, content: bytes) -> None:
        """Keep a portal item's file, for an append from it."""
        self._uploads[item] = self.folder / f"item-{secrets.token_hex(8)}"
        with open(self._uploads[item], "xb") as file:
            file.write(content)

    def status(self, job: str) -> dict:
        """The state of a job."""
        return self._known(job)["status"]

    def result(self, job: str) -> dict:
        """The body of a job's resultUrl."""
        return self._known(job).get("result", {})

    def add(self, service_url: str, status: str, *, result: dict | None = None, **more) -> dict:
        """Note a job; the reply has its ``statusUrl``."""
        job, now = secrets.token_hex(16), int(time.time() * 1000)
        shown = {"status": status, "submissionTime": now, "lastUpdatedTime": now, **more}
        if result is not None:
            shown["resultUrl"] = f"{service_url}/jobs/{job}/result"
        self._jobs[job] = {"status": shown, "result": result}
        return {"statusUrl": f"{service_url}/jobs/{job}"}

    def _known(self, job: str) -> dict:
        if job not in self._jobs:
            raise RequestError(400, "Job does not exist.", [job[:40]])
        return self._jobs[job]

    def _item(self, upload: str, name: str) -> dict:
        return {"itemID": upload, "itemName": name, "description": "", "date": int(time.time() * 1000), "committed": True}


def asynchronous(
    state: State, layer: Layer, form: Mapping[str, str], jobs: Jobs, service_url: str, *, user: str, conduct: Conduct
) -> dict:
    """
    applyEdits with async=true: done at once, told as a job, whose result may be an error.

    Returns
    -------
    dict
        ``statusUrl``.
    """
    if form.get("editsUploadId"):
        with open(jobs.path(form["editsUploadId"]), "rb") as file:
            sent = parsed(file.read().decode("utf-8", "replace"), "editsUploadId")
        if isinstance(sent, list):
            sent = next((part for part in sent if isinstance(part, dict) and part.get("id", layer.id) == layer.id), {})
        form = {**form, **{name: json.dumps(sent[name]) for name in ("adds", "updates", "deletes") if sent.get(name)}}
    if conduct.async_pending:
        return jobs.add(service_url, "Pending")
    try:
        result = apply_edits(state, layer, form, edits_of(form), user=user, conduct=conduct)
    except RequestError as refused:
        result = refused.body
    return jobs.add(service_url, "Completed", result=result)


def append(
    state: State, layer: Layer, form: Mapping[str, str], jobs: Jobs, service_url: str, *, user: str, conduct: Conduct
) -> dict:
    """
    append: rows of a GeoPackage (uploaded, or an item), or of ``edits``, as one job without results per feature.

    A row whose match is there is updated where ``upsert`` is true, by GlobalID or by ``upsertMatchingField``.

    Returns
    -------
    dict
        ``statusUrl``. How the job ends is said by ``append_behaviour``; with ``complete`` all was done before this reply.
    """
    if not layer.definition.get("supportsAppend"):
        raise RequestError(400, "Unable to complete operation.", ["The layer does not support append."])
    rows = list(_rows(form, jobs))
    if conduct.append_behaviour in ("pending", "fail"):
        return jobs.add(service_url, _STATUS[conduct.append_behaviour], layerName=layer.name, recordCount=0)
    if conduct.append_behaviour == "errors":
        rows = rows[: len(rows) // 2]
    features = [_feature(layer, attributes, geometry) for attributes, geometry in rows]
    global_ids = is_true(form.get("useGlobalIds")) or bool(
        layer.global_id and features and all(layer.global_id in f["attributes"] for f in features)
    )
    with state.lock:
        adds, updates = _sorted(state, layer, features, form)
        said = {"rollbackOnFailure": form.get("rollbackOnFailure", "false"), "useGlobalIds": str(global_ids).lower()}
        try:
            results = apply_edits(state, layer, said, {"adds": adds, "updates": updates, "deletes": []}, user=user, conduct=conduct)
        except RequestError as refused:
            return jobs.add(service_url, "Failed", layerName=layer.name, recordCount=0, error=refused.body["error"])
    done = sum(result["success"] for part in ("addResults", "updateResults") for result in results[part])
    return jobs.add(service_url, _STATUS[conduct.append_behaviour], layerName=layer.name, recordCount=done)


def changes(state: State, service: str, form: Mapping[str, str], service_url: str) -> dict:
    """
    extractChanges: what was added, updated and deleted since a generation of the service.

    Raises
    ------
    RequestError
        400 without layers or generations, or where a layer has not the capability ChangeTracking.
    """
    ids = parsed(form.get("layers") or "[]", "layers")
    since = {}
    for part in parsed(form.get("layerServerGens") or "[]", "layerServerGens"):
        since[part.get("id")] = part.get("serverGen", part.get("minServerGen"))
    general = parsed(form.get("serverGens") or "null", "serverGens")
    first = general[0] if isinstance(general, list) and general else general
    if not ids or (not since and first is None):
        raise RequestError(400, "Unable to extract changes.", ["'layers' and 'serverGens' or 'layerServerGens' are needed"])
    edits, generations = [], []
    with state.lock:
        for layer_id in ids:
            layer = state.layers.get((service, layer_id))
            if layer is None or "ChangeTracking" not in layer.definition.get("capabilities", ""):
                raise RequestError(400, "Unable to extract changes.", [f"Layer {layer_id} does not track changes."])
            edits.append(_changed(state, layer, since.get(layer_id, first) or 0, form))
            generations.append({"id": layer_id, "serverGen": state.generation})
    return {
        "layerServerGens": generations,
        "transportType": "esriTransportTypeUrl",
        "responseType": "esriDataChangesResponse",
        "edits": edits,
    }


def validity(state: State, layer: Layer, form: Mapping[str, str]) -> dict:
    """validateSQL: whether a where clause is understood."""
    try:
        filter_of(state, layer, form.get("sql", ""))
    except RequestError as refused:
        return {"isValidSQL": False, "validationErrors": [{"errorCode": 3006, "description": refused.details[0]}]}
    return {"isValidSQL": True, "validationErrors": []}


def _rows(form: Mapping[str, str], jobs: Jobs) -> Iterable[tuple[dict, dict | None]]:
    source = form.get("appendUploadId") or form.get("appendItemId")
    if source:
        if form.get("appendUploadFormat", "").lower() != "geopackage":
            raise RequestError(400, "Unable to append.", ["'appendUploadFormat' must be geoPackage here"])
        try:
            yield from feature_rows(jobs.path(source))
        except (sqlite3.DatabaseError, ValueError) as error:
            raise RequestError(400, "Unable to append.", [f"The file cannot be read as a GeoPackage: {error}"]) from None
        return
    sent = parsed(form.get("edits") or "null", "edits")
    while isinstance(sent, dict) and "features" not in sent:
        inner = sent.get("featureSet") or sent.get("layers")
        sent = inner[0] if isinstance(inner, list) and inner else inner
    if not isinstance(sent, dict):
        raise RequestError(400, "Unable to append.", ["'edits', 'appendUploadId' or 'appendItemId' is needed"])
    for feature in sent["features"]:
        yield feature.get("attributes") or {}, feature.get("geometry")


def _feature(layer: Layer, attributes: dict, geometry: dict | None) -> dict:
    fields = layer.fields
    known = {fields[name.lower()]["name"]: value for name, value in attributes.items() if name.lower() in fields}
    kept = {name: v for name, v in known.items() if name == layer.global_id or fields[name.lower()].get("editable", True)}
    return {"attributes": kept, **({"geometry": geometry} if geometry else {})}


def _sorted(state: State, layer: Layer, features: list[dict], form: Mapping[str, str]) -> tuple[list[dict], list[dict]]:
    """Features to add and to update; the updates named by OBJECTID and GlobalID."""
    if not is_true(form.get("upsert")):
        return features, []
    name = form.get("upsertMatchingField") or layer.global_id or ""
    field = layer.fields.get(name.lower())
    if field is None:
        raise RequestError(400, "Unable to append.", [f"'upsertMatchingField' names no field: {name}"])
    adds, updates = [], []
    for feature in features:
        value = feature["attributes"].get(field["name"])
        if field["name"] == layer.global_id:
            row = state.find(layer, global_id=value) if value else None
        else:
            row = state.connection.execute(
                f"SELECT objectid, globalid FROM {layer.table} WHERE json_extract(attributes, ?) = ?",
                ('$."' + field["name"] + '"', value),
            ).fetchone()
        if row is None:
            adds.append(feature)
        else:
            named = {layer.object_id: row[0], **({layer.global_id: row[1]} if layer.global_id else {})}
            updates.append({**feature, "attributes": {**feature["attributes"], **named}})
    return ([] if is_true(form.get("skipInserts")) else adds), ([] if is_true(form.get("skipUpdates")) else updates)


def _changed(state: State, layer: Layer, since: int, form: Mapping[str, str]) -> dict:
    rows = state.connection.execute(
        f"SELECT objectid, born, attributes, geometry FROM {layer.table} WHERE edited > ? ORDER BY objectid", (since,)
    ).fetchall()
    deleted = state.connection.execute(
        f"SELECT objectid, globalid FROM {layer.deleted} WHERE died > ? AND born <= ? ORDER BY objectid", (since, since)
    ).fetchall()
    sides = {"adds": [r for r in rows if r[1] > since], "updates": [r for r in rows if r[1] <= since]}
    asked = {"adds": "returnInserts", "updates": "returnUpdates", "deletes": "returnDeletes"}
    wanted = {side for side, parameter in asked.items() if form.get(parameter, "true").lower() != "false"}
    if is_true(form.get("returnIdsOnly")):
        ids = {side: [r[0] for r in found] if side in wanted else [] for side, found in sides.items()}
        return {"id": layer.id, "objectIds": {**ids, "deletes": [r[0] for r in deleted] if "deletes" in wanted else []}}
    features = {
        side: [
            {"attributes": json.loads(r[2]), **({"geometry": json.loads(r[3])} if r[3] else {})} for r in found if side in wanted
        ]
        for side, found in sides.items()
    }
    return {"id": layer.id, "features": {**features, "deleteIds": [r[1] for r in deleted] if "deletes" in wanted else []}}
