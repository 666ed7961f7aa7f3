"""
Edits of a layer: applyEdits, addFeatures, updateFeatures and deleteFeatures, each rule of `citygis.rehearsal.rules`.
"""

import json
import time
from collections.abc import Mapping
from typing import Any

from citygis.rehearsal import fields as kinds
from citygis.rehearsal.conduct import Conduct
from citygis.rehearsal.queries import epsg_of, filter_of, is_true, transformer
from citygis.rehearsal.rules import EDIT_CODES, EditError, RequestError
from citygis.rehearsal.shapes import checked, is_curved, moved, snapped
from citygis.rehearsal.state import Layer, State

_CAPABILITY = {"adds": "Create", "updates": "Update", "deletes": "Delete"}


def parsed(text: str, parameter: str) -> Any:
    """
    The JSON of a parameter.

    Raises
    ------
    RequestError
        400, with HTTP status 400, if it is not JSON; NaN and Infinity are not (RFC 8259, section 6).
    """

    def refuse(word: str):
        raise ValueError(f"{word} is not JSON")

    try:
        return json.loads(text, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        message = "Cannot perform operation. Invalid operation parameters."
        raise RequestError(400, message, [f"'{parameter}' parameter is invalid", str(error)], status=400) from None


def edits_of(form: Mapping[str, str]) -> dict[str, list]:
    """
    The adds, updates and deletes of a request; deletes as a JSON list or as bare names with commas between them.

    Raises
    ------
    RequestError
        If one of them is not a list, or not JSON.
    """
    found: dict[str, list] = {}
    for name in ("adds", "updates"):
        features = parsed(form[name], name) if form.get(name, "").strip() else []
        if not isinstance(features, list) or not all(isinstance(f, dict) for f in features):
            raise RequestError(400, "Cannot perform operation. Invalid operation parameters.", [f"'{name}' parameter is invalid"])
        found[name] = features
    deletes = form.get("deletes", "").strip()
    if deletes.startswith("["):
        found["deletes"] = parsed(deletes, "deletes")
    else:
        found["deletes"] = [part.strip().strip('"') for part in deletes.split(",") if part.strip()]
    return found


def apply_edits(
    state: State, layer: Layer, form: Mapping[str, str], edits: dict[str, list], *, user: str, conduct: Conduct
) -> dict:
    """
    Apply edits to a layer, all in one transaction.

    Parameters
    ----------
    state : State
    layer : Layer
    form : mapping of str to str
        ``useGlobalIds``, ``rollbackOnFailure`` (true unless said), ``trueCurveClient``, ``returnEditMoment``,
        ``returnEditResults``.
    edits : dict
        As `edits_of` gives them.
    user : str
        Who is named by the editor-tracking fields.
    conduct : Conduct

    Returns
    -------
    dict
        ``addResults``, ``updateResults`` and ``deleteResults``.

    Raises
    ------
    RequestError
        400 with the extended code of a rollback where one edit fails and all are refused; 405 for GlobalIDs the layer has not.
    """
    results, moment, is_refused = _applied(state, layer, form, edits, user, conduct)
    every = [result for part in results.values() for result in part]
    if is_refused:
        details = [EDIT_CODES[1003].text if r["success"] else f"{r['error']['description']} [Error No: -1, ]" for r in every]
        raise RequestError(400, "Unable to complete operation.", [*details, "Operation rolled back."], extended=-2147207418)
    if form.get("returnEditResults", "true").lower() == "false":
        return {"success": all(result["success"] for result in every)}
    return {**results, "editMoment": moment} if is_true(form.get("returnEditMoment")) else results


def single_kind(state: State, layer: Layer, operation: str, form: Mapping[str, str], *, user: str, conduct: Conduct) -> dict:
    """
    addFeatures, updateFeatures or deleteFeatures.

    Differences to `apply_edits`: a rollback is told per feature (1003), and a delete of an OBJECTID that is not there is a success.

    Raises
    ------
    RequestError
        As `apply_edits`, and for a delete without OBJECTIDs and without a where clause.
    """
    if operation == "deleteFeatures":
        return _delete_features(state, layer, form, user, conduct)
    name = {"addFeatures": "adds", "updateFeatures": "updates"}[operation]
    edits = {**edits_of({name: form.get("features", "")}), "deletes": []}
    found, _moment, is_refused = _applied(state, layer, form, edits, user, conduct)
    results = found[f"{name[:-1]}Results"]
    if is_refused:
        rolled_back = {"objectId": -1, "globalId": None, **EditError(1003).result}
        results = [rolled_back if result["success"] else result for result in results]
    return {f"{name[:-1]}Results": results}


def _applied(
    state: State, layer: Layer, form: Mapping[str, str], edits: dict[str, list], user: str, conduct: Conduct
) -> tuple[dict[str, list], int, bool]:
    """Results by kind of edit, the moment, and whether all was rolled back."""
    use_global_ids = is_true(form.get("useGlobalIds"))
    if use_global_ids and not (layer.global_id and layer.definition.get("supportsApplyEditsWithGlobalIds")):
        raise RequestError(405, "Unable to complete operation.", ["'useGlobalIds' parameter is invalid"])
    for name, capability in _CAPABILITY.items():
        if edits[name] and capability not in layer.definition.get("capabilities", "").split(","):
            raise RequestError(400, "Operation is not supported.", [f"The layer has not the capability {capability}."])
    rolls_back = form.get("rollbackOnFailure", "true").lower() != "false"
    rolls_back = rolls_back or not layer.definition.get("supportsRollbackOnFailureParameter")
    desk = _Desk(state, layer, user, conduct, use_global_ids, is_true(form.get("trueCurveClient")))
    results: dict[str, list] = {"addResults": [], "updateResults": [], "deleteResults": []}
    try:
        with state.transaction():
            for name, act in (("adds", desk.add), ("updates", desk.update), ("deletes", desk.delete)):
                for edit in edits[name]:
                    results[f"{name[:-1]}Results"].append(_outcome(act, edit))
            every = [result for part in results.values() for result in part]
            if rolls_back and not all(result["success"] for result in every):
                raise _RolledBack
            if any(result["success"] for result in every):
                desk.moment = state.edited(layer)
    except _RolledBack:
        return results, desk.moment, True
    return results, desk.moment, False


class _RolledBack(Exception):
    pass


class _Desk:
    """Takes the edits of one request, one at a time."""

    def __init__(self, state: State, layer: Layer, user: str, conduct: Conduct, use_global_ids: bool, knows_curves: bool) -> None:
        self.state, self.layer, self.user, self.conduct = state, layer, user, conduct
        self.use_global_ids, self.knows_curves = use_global_ids, knows_curves
        self.moment = int(time.time() * 1000)
        self.tracking = layer.definition.get("editFieldsInfo") or {}

    def add(self, feature: dict) -> tuple[int, str]:
        sent = self._attributes(feature)
        global_id = self._global_id(sent) if self.use_global_ids else kinds.new_global_id()
        if self.use_global_ids and self.state.find(self.layer, global_id=global_id):
            raise EditError(1022)
        attributes = self._values(sent, is_new=True)
        geometry = self._geometry(feature, None)
        attributes |= self._tracked("creationDateField", "creatorField") | self._tracked("editDateField", "editorField")
        return self.state.put(self.layer, None, global_id, attributes, geometry), global_id

    def update(self, feature: dict) -> tuple[int, str]:
        sent = self._attributes(feature)
        if self.use_global_ids:
            found = self.state.find(self.layer, global_id=self._global_id(sent))
        else:
            object_id = _named(sent, self.layer.object_id)
            whole = isinstance(object_id, int) and not isinstance(object_id, bool)
            found = self.state.find(self.layer, object_id=object_id) if whole else None
        if found is None:
            raise EditError(1011)
        object_id, global_id, attributes, geometry = found
        old = json.loads(geometry) if geometry else None
        kept = old if "geometry" not in feature else self._geometry(feature, old)
        known = json.loads(attributes) | self._values(sent, is_new=False) | self._tracked("editDateField", "editorField")
        return self.state.put(self.layer, object_id, global_id, known, kept), global_id

    def delete(self, key: Any) -> tuple[int, str]:
        if self.use_global_ids:
            global_id = kinds.braced(key)
            found = self.state.find(self.layer, global_id=global_id) if global_id else None
        else:
            number = key if isinstance(key, int) else int(key) if isinstance(key, str) and key.isdigit() else None
            found = self.state.find(self.layer, object_id=number)
        if found is None:
            raise EditError(1011)
        self.state.remove(self.layer, found[0])
        return found[0], found[1]

    def _attributes(self, feature: dict) -> dict:
        sent = feature.get("attributes") or {}
        if not isinstance(sent, dict):
            raise EditError(1000, "The attributes are not an object.")
        return sent

    def _global_id(self, sent: dict) -> str:
        name = self.layer.global_id
        if not any(key.lower() == name.lower() for key in sent):
            raise EditError(1020)
        value = _named(sent, name)
        if value in (None, ""):
            raise EditError(1021)
        return kinds.braced(value) or _refuse(name)

    def _values(self, sent: dict, *, is_new: bool) -> dict:
        fields, values = self.layer.fields, {}
        for name, value in sent.items():
            field = fields.get(name.lower())
            if field is None:
                if self.conduct.unknown_fields == "refuse":
                    raise EditError(1016, name)
                continue
            if field["name"] in (self.layer.object_id, self.layer.global_id):
                continue
            if not field.get("editable", True):
                raise EditError(1023, field["name"])
            values[field["name"]] = kinds.accepted(value, field)
        if is_new:
            for field in fields.values():
                if field["name"] in values or not field.get("editable", True):
                    continue
                values[field["name"]] = kinds.accepted(field.get("defaultValue"), field)
        return values

    def _geometry(self, feature: dict, old: dict | None) -> dict | None:
        layer, sent = self.layer, feature.get("geometry")
        if not layer.kind:
            if sent:
                raise EditError(1015)
            return None
        if old is not None and not layer.definition.get("allowGeometryUpdates", True):
            raise EditError(1004)
        takes_curves = layer.definition.get("allowTrueCurvesUpdates", True) and self.knows_curves
        if not takes_curves and (is_curved(old) or (isinstance(sent, dict) and is_curved(sent))):
            raise EditError(1005)
        if sent is None:
            return None
        try:
            geometry = checked(sent, layer.kind, bool(layer.definition.get("hasZ")))
        except LookupError:
            raise EditError(1014) from None
        except (ValueError, TypeError):
            raise EditError(1015) from None
        return self._placed(geometry, sent.get("spatialReference"))

    def _placed(self, geometry: dict | None, reference: Any) -> dict | None:
        """A geometry in the layer's spatial reference, where another is stated, and on its grid."""
        own = self.layer.definition.get("spatialReference") or {}
        try:
            stated = epsg_of(reference) if isinstance(reference, dict) else None
            if geometry and stated and stated != epsg_of(own):
                if is_curved(geometry):
                    raise EditError(1015)
                move = transformer(stated, epsg_of(own))
                geometry = moved(geometry, lambda xy: _columns(move.transform(xy[:, 0], xy[:, 1])))
        except (RequestError, ValueError, TypeError):
            raise EditError(1015) from None
        if geometry and self.conduct.snap and not is_curved(geometry):
            geometry = snapped(geometry, self.layer.definition.get("xyResolution", 0.0001))
        return geometry

    def _tracked(self, moment: str, user: str) -> dict:
        said = {self.tracking.get(moment): self.moment, self.tracking.get(user): self.user}
        return {name: value for name, value in said.items() if name}


def _delete_features(state: State, layer: Layer, form: Mapping[str, str], user: str, conduct: Conduct) -> dict:
    if form.get("objectIds", "").strip():
        try:
            ids = [int(part) for part in form["objectIds"].strip("[]").split(",")]
        except ValueError:
            raise RequestError(400, "Unable to complete operation.", ["'objectIds' parameter is invalid"]) from None
    elif form.get("where", "").strip():
        where, values = filter_of(state, layer, form["where"])
        with state.lock:
            ids = [row[0] for row in state.connection.execute(f"SELECT objectid FROM {layer.table} WHERE {where}", values)]
    else:
        raise RequestError(400, "Unable to complete operation.", ["'objectIds' or 'where' is needed"])
    with state.lock:
        known = {i: row[1] for i in ids if (row := state.find(layer, object_id=i))}
        edits = {"adds": [], "updates": [], "deletes": list(known)}
        apply_edits(state, layer, {}, edits, user=user, conduct=conduct)
    if form.get("returnDeleteResults", "true").lower() == "false":
        return {"success": True}
    return {"deleteResults": [{"objectId": i, "globalId": known.get(i), "success": True} for i in ids]}


def _outcome(act, edit: Any) -> dict:
    try:
        object_id, global_id = act(edit)
    except EditError as refused:
        return {"objectId": -1, "globalId": None, **refused.result}
    return {"objectId": object_id, "uniqueId": object_id, "globalId": global_id, "success": True}


def _named(sent: dict, name: str) -> Any:
    return next((value for key, value in sent.items() if key.lower() == name.lower()), None)


def _columns(arrays):
    import numpy as np

    return np.column_stack(arrays)


def _refuse(name: str):
    raise EditError(1016, name)
