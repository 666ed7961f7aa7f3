"""
The site: which resource a path names, what may be done there without a token, and the services' own resources.
"""

import json
from collections.abc import Callable
from pathlib import Path

from citygis.rehearsal.accounts import Accounts
from citygis.rehearsal.conduct import Conduct
from citygis.rehearsal.definitions import CAPABILITIES, completed, merged
from citygis.rehearsal.edits import apply_edits, edits_of, parsed, single_kind
from citygis.rehearsal.exchange import Reply, Request
from citygis.rehearsal.fields import OID
from citygis.rehearsal.jobs import Jobs, append, asynchronous, changes, validity
from citygis.rehearsal.portal import Portal
from citygis.rehearsal.queries import answer, is_true, query_kind
from citygis.rehearsal.rules import RequestError
from citygis.rehearsal.state import Layer, State

Route = tuple[tuple[str, ...], Callable[[Request], dict | bytes | Reply]]
_NOWHERE = RequestError(404, "Not found", [])
_LAYER_EDITS = ("applyEdits", "addFeatures", "updateFeatures", "deleteFeatures", "append")


class Site:
    """
    A portal and its feature services.

    Parameters
    ----------
    state : State
    accounts : Accounts
    conduct : Conduct
        May be changed while the site serves.
    folder : path
        For what is uploaded.
    url : str
        ``https://127.0.0.1:PORT``.
    """

    def __init__(self, state: State, accounts: Accounts, conduct: Conduct, folder: Path, url: str) -> None:
        self.state, self.accounts, self.conduct, self.url = state, accounts, conduct, url
        self.jobs = Jobs(folder)
        self.portal = Portal(self)

    def service_url(self, name: str) -> str:
        """The address of a service."""
        return f"{self.url}/arcgis/rest/services/{name}/FeatureServer"

    def route(self, path: str, form: dict[str, str]) -> Route:
        """
        The names of the operation that a path asks for, and what carries it out.

        Raises
        ------
        RequestError
            404 for a path that leads nowhere.
        """
        steps = [step for step in path.split("/") if step]
        found = None
        if steps[:1] == ["portal"]:
            found = self.portal.route(steps[1:])
        elif steps[:2] == ["arcgis", "rest"]:
            found = self._rest(steps[2:], form)
        if found is None:
            raise _NOWHERE
        return found

    def layer(self, service: str, layer_id: int) -> Layer:
        """A layer of a service; RequestError where there is none."""
        layer = self.state.layers.get((service, layer_id))
        if layer is None:
            raise RequestError(400, "Invalid URL", [f"Service {service} has no layer {layer_id}."])
        return layer

    def layer_named(self, name: str) -> Layer:
        """The first layer of that name, in any service; RequestError where there is none."""
        for layer in self.state.layers.values():
            if layer.name == name:
                return layer
        raise RequestError(400, f"There is no layer {name!r}", [])

    def _rest(self, steps: list[str], form: dict[str, str]) -> Route | None:
        if steps == ["info"]:
            return ("portal",), self.portal._info
        if steps == ["services"]:
            names = [{"name": name, "type": "FeatureServer"} for name in self.state.services]
            return ("services",), lambda request: {"currentVersion": 12, "folders": [], "services": names}
        is_admin = steps[:1] == ["admin"]
        steps = steps[1:] if is_admin else steps
        if len(steps) < 3 or steps[0] != "services" or steps[2] != "FeatureServer":
            return None
        name, rest = steps[1], steps[3:]
        operations, act = (self._admin if is_admin else self._service)(name, rest, form)

        def guarded(request: Request):
            if not request.user and (is_admin or not self.conduct.anonymous):
                raise RequestError(499, "Token Required")
            if name not in self.state.services:
                raise RequestError(400, "Invalid URL", [f"There is no service {name}."])
            return act(request)

        return operations, guarded

    def _service(self, name: str, rest: list[str], form: dict[str, str]) -> Route:
        url = self.service_url(name)
        if not rest:
            return ("definition",), lambda request: self.service_definition(name)
        if rest == ["layers"]:
            return ("definition",), lambda request: self._all_layers(name)
        if rest[0] == "uploads":
            return ("uploads",), lambda request: self._uploads(rest[1:], request)
        if rest[0] == "jobs" and len(rest) in (2, 3):
            read = self.jobs.result if rest[2:] == ["result"] else self.jobs.status
            return ("job",), lambda request: read(rest[1])
        if rest == ["extractChanges"]:
            return ("extractChanges",), lambda request: changes(self.state, name, request.form, url)
        if rest == ["applyEdits"]:
            return ("applyEdits",), lambda request: self._edit_layers(name, request)
        if not rest[0].isdigit():
            raise _NOWHERE
        number, rest = int(rest[0]), rest[1:]
        if not rest:
            return ("definition",), lambda request: self.layer_definition(self.layer(name, number))
        operation = rest[0]
        if operation == "query" and len(rest) == 1:
            kinds = ("query", f"query:{query_kind(form)}")
            return kinds, lambda request: answer(self.state, self.layer(name, number), request.form, self.conduct)
        if operation in _LAYER_EDITS and len(rest) == 1:
            return (operation,), lambda request: self._edit(self.layer(name, number), operation, request)
        if operation == "validateSQL":
            return ("validateSQL",), lambda request: validity(self.state, self.layer(name, number), request.form)
        if operation == "queryAttachments":
            return ("attachments",), lambda request: {"fields": [], "attachmentGroups": []}
        if operation.isdigit() and rest[1:] == ["attachments"]:
            return ("attachments",), lambda request: {"attachmentInfos": []}
        raise _NOWHERE

    def _edit(self, layer: Layer, operation: str, request: Request) -> dict:
        if request.method != "POST":
            raise RequestError(405, "Method Not Allowed", [f"{operation} is POST only."])
        said = {"user": request.user or "anonymous", "conduct": self.conduct}
        url = self.service_url(layer.service)
        if operation == "append":
            return append(self.state, layer, request.form, self.jobs, url, **said)
        if operation != "applyEdits":
            return single_kind(self.state, layer, operation, request.form, **said)
        if request.form.get("attachments", "").strip() not in ("", "{}", "[]", "null"):
            raise RequestError(400, "Unable to complete operation.", ["The layer has no attachments."])
        if is_true(request.form.get("async")) or request.form.get("editsUploadId"):
            return asynchronous(self.state, layer, request.form, self.jobs, url, **said)
        return apply_edits(self.state, layer, request.form, edits_of(request.form), **said)

    def _edit_layers(self, name: str, request: Request) -> list[dict]:
        """applyEdits of the service: each layer by itself, in the order sent."""
        results = []
        for part in parsed(request.form.get("edits") or "[]", "edits"):
            form = {key: json.dumps(value) for key, value in part.items() if key in ("adds", "updates", "deletes")}
            sent = {key: value for key, value in request.form.items() if key not in ("edits", "async")}
            layer = self.layer(name, part.get("id", -1))
            results.append({"id": layer.id, **self._edit(layer, "applyEdits", request._replace(form={**sent, **form}))})
        return results

    def _uploads(self, rest: list[str], request: Request) -> dict:
        """A file in one piece (upload) or in parts (register, uploadPart, parts, commit)."""
        content = next(iter(request.files.values()), None)
        match rest:
            case ["upload"] if content:
                return self.jobs.upload(*content)
            case ["register"]:
                return self.jobs.begin(request.form.get("itemName", ""))
            case [upload, "uploadPart"] if content:
                return self.jobs.add_part(upload, request.form.get("partId", ""), content[1])
            case [upload, "parts"]:
                return self.jobs.parts(upload)
            case [upload, "commit"]:
                return self.jobs.commit(upload)
            case [upload]:
                return self.jobs.uploaded(upload)
        raise RequestError(400, "Unable to upload item.", ["There is no file in the request."])

    # --- definitions --------------------------------------------------------------------------------------------------------

    def service_definition(self, name: str) -> dict:
        """What a service says of itself."""
        service = self.state.services[name]
        layers = [layer for layer in self.state.layers.values() if layer.service == name]
        listed = [
            {"id": layer.id, "name": layer.name, "type": layer.definition["type"], "geometryType": layer.kind, "parentLayerId": -1}
            for layer in sorted(layers, key=lambda layer: layer.id)
        ]
        extents = [extent for layer in layers if layer.kind and (extent := self._extent(layer))]
        reference = next((layer.definition["spatialReference"] for layer in layers if layer.kind), None)
        return {
            "currentVersion": 12,
            "serviceDescription": "",
            "serviceItemId": service["item"],
            "hasVersionedData": False,
            "maxRecordCount": self.conduct.max_record_count,
            "supportedQueryFormats": "JSON",
            "capabilities": CAPABILITIES,
            "supportsApplyEditsWithGlobalIds": True,
            "supportsAppend": True,
            "syncEnabled": False,
            "editorTrackingInfo": {"enableEditorTracking": True, "enableOwnershipAccessControl": False},
            "allowGeometryUpdates": True,
            "spatialReference": reference or {},
            "initialExtent": extents[0] if extents else None,
            "fullExtent": extents[0] if extents else None,
            "changeTrackingInfo": {
                "layerServerGens": [{"id": i["id"], "minServerGen": 0, "serverGen": self.state.generation} for i in listed]
            },
            **service["definition"],
            "layers": [i for i in listed if i["type"] != "Table"],
            "tables": [i for i in listed if i["type"] == "Table"],
        }

    def layer_definition(self, layer: Layer) -> dict:
        """What a layer says of itself."""
        shown = {"maxRecordCount": self.conduct.max_record_count, "id": layer.id, **layer.definition}
        shown["serviceItemId"] = self.state.services[layer.service]["item"]
        if layer.kind:
            shown["extent"] = self._extent(layer)
        return {key: value for key, value in shown.items() if key not in ("spatialReference",) or not layer.kind}

    def _extent(self, layer: Layer) -> dict:
        with self.state.lock:
            empty = {"xmin": 0, "ymin": 0, "xmax": 0, "ymax": 0, "spatialReference": layer.definition["spatialReference"]}
            return self.state.extent(layer) or empty

    def _all_layers(self, name: str) -> dict:
        shown = [self.layer_definition(layer) for layer in self.state.layers.values() if layer.service == name]
        return {
            "layers": [d for d in shown if d["type"] != "Table"],
            "tables": [d for d in shown if d["type"] == "Table"],
        }

    def _admin(self, name: str, rest: list[str], form: dict[str, str]) -> Route:
        number = int(rest.pop(0)) if rest and rest[0].isdigit() else None
        if not rest:
            show = self.service_definition if number is None else lambda name: self.layer_definition(self.layer(name, number))
            return ("definition",), lambda request: {**show(name), "adminServiceInfo": {"name": name, "type": "FeatureServer"}}
        if rest == ["refresh"]:
            return ("refresh",), lambda request: {"success": True}
        operation = rest[0]
        if operation not in ("addToDefinition", "updateDefinition", "deleteFromDefinition") or len(rest) > 1:
            raise RequestError(400, "Operation is not supported.", [f"{operation} is not offered by a rehearsal."])
        return (operation,), lambda request: self._define(
            name, number, operation, parsed(request.form.get(operation, ""), operation)
        )

    def _define(self, name: str, number: int | None, operation: str, said: dict) -> dict:
        """addToDefinition, updateDefinition or deleteFromDefinition, of a service or of one layer."""
        shown = []
        try:
            with self.state.transaction():
                if number is not None:
                    self._redefine(self.layer(name, number), operation, said)
                elif operation == "addToDefinition":
                    for part in [*said.get("layers", []), *said.get("tables", [])]:
                        reference = self.state.services[name]["definition"].get("spatialReference")
                        part = {"spatialReference": reference, **part} if reference else part
                        layer = self.state.add_layer(name, {**completed(part), "editingInfo": {}}, part.get("id"))
                        self.state.edited(layer, schema=True)
                        shown.append({"id": layer.id, "name": layer.name})
                elif operation == "deleteFromDefinition":
                    for part in [*said.get("layers", []), *said.get("tables", [])]:
                        self.state.drop(self.layer(name, part["id"]))
                else:
                    service = self.state.services[name]
                    service["definition"] = merged(
                        service["definition"], {k: v for k, v in said.items() if k not in ("layers", "tables")}
                    )
                    self.state.connection.execute(
                        "UPDATE service SET definition = ? WHERE name = ?", (json.dumps(service["definition"]), name)
                    )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise RequestError(400, f"Unable to {operation}.", [f"Invalid definition: {error}"]) from None
        return {"success": True, **({"layers": shown} if shown else {})}

    def _redefine(self, layer: Layer, operation: str, said: dict) -> None:
        before = {f["name"] for f in layer.definition["fields"]}
        if operation == "deleteFromDefinition":
            said = {"fields": [{"name": f["name"], "type": None} for f in said.get("fields", [])]}
        elif operation == "addToDefinition":
            twice = [f["name"] for f in said.get("fields", []) if f["name"].lower() in layer.fields]
            if twice:
                raise ValueError(f"the layer has the field {twice[0]} already")
        layer.definition = merged(layer.definition, said)
        names = {f["name"] for f in layer.definition["fields"] if f["type"] != OID}
        for name in names - before:
            self._rewrite(layer, "json_set(attributes, ?, NULL)", name)
        for name in before - names - {layer.object_id}:
            self._rewrite(layer, "json_remove(attributes, ?)", name)
        self.state.edited(layer, schema=True)

    def _rewrite(self, layer: Layer, expression: str, name: str) -> None:
        self.state.connection.execute(f"UPDATE {layer.table} SET attributes = {expression}", ('$."' + name + '"',))
