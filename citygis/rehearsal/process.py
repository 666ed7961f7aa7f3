"""
The server in a process of its own, and its controls: the door for tests, notebooks and measurements.
"""

import contextlib
import json
import secrets
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from citygis.errors import SyncError

if TYPE_CHECKING:
    import geopandas as gpd

_START_S = 60


class Rehearsal:
    """
    A server that runs: where it is, and how it is told what to do.

    Attributes
    ----------
    portal : str
        Address of the portal, for ``GIS(portal, user, password, ...)``.
    user, password : str
    certificate : Path
        The server's own certificate, for ``verify`` or ``ca_bundles``.
    service : str
        Address of the feature service.
    item_id : str
        The service's item.
    """

    def __init__(self, ready: Mapping, process: subprocess.Popen) -> None:
        self.portal, self.user, self.password = ready["portal"], ready["user"], ready["password"]
        self.certificate, self.service, self.item_id = Path(ready["certificate"]), ready["service"], ready["item"]
        self.remarks: list[str] = ready["remarks"]
        self._layers = ready["layers"]
        self._control, self._secret = ready["control"], ready["secret"]
        self.process = process

    def layer_url(self, name: str) -> str:
        """The address of a layer; KeyError where there is none of that name."""
        return self._layers[name]["url"]

    def faults(self, faults: Sequence[Mapping]) -> None:
        """Set the faults (`citygis.rehearsal.faults.Fault`) in place of those before; counting starts anew."""
        self._ask("POST", "/faults", {"faults": [dict(fault) for fault in faults]})

    def trace(self) -> list[dict]:
        """
        The requests so far, the oldest first.

        Each has ``n, at, method, path, operation, status, error, bytes, request_bytes, duration_s, fault, keys, auth,
        token_in_url``; those of its reply only once that is made.
        """
        return self._ask("GET", "/trace")

    def clear_trace(self) -> None:
        """Forget the requests so far."""
        self._ask("POST", "/trace/clear")

    def features(self, layer: str) -> list[dict]:
        """All features of a layer in the order of their OBJECTIDs: ``attributes``, and ``geometry`` as Esri JSON or None."""
        return self._ask("GET", "/features?" + urllib.parse.urlencode({"layer": layer}))

    def edit(self, layer: str, *, adds: Sequence = (), updates: Sequence = (), deletes: Sequence = ()) -> dict:
        """A third party's edit; features by GlobalID where every one names one, else by OBJECTID. The results of applyEdits."""
        return self._ask("POST", "/edit", {"layer": layer, "adds": list(adds), "updates": list(updates), "deletes": list(deletes)})

    def settings(self, **settings: Any) -> dict:
        """Change settings (`citygis.rehearsal.conduct.Conduct`) while it serves; returns all of them."""
        return self._ask("POST", "/settings", settings)

    def expire_tokens(self) -> None:
        """Let every token end now."""
        self._ask("POST", "/expire_tokens")

    def reset(self) -> None:
        """Put the data back to the start, definitions and all; what was published vanishes."""
        self._ask("POST", "/reset")

    def token(self, minutes: float = 60) -> str:
        """A new token."""
        return self._ask("POST", "/token", {"minutes": minutes})["token"]

    def stop(self) -> None:
        """Stop the server and wait for its end; harmless when it has ended."""
        if self.process.stdin and not self.process.stdin.closed:
            with contextlib.suppress(OSError):
                self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()

    def _ask(self, method: str, path: str, said: Mapping | None = None) -> Any:
        body = json.dumps(said or {}).encode() if method == "POST" else None
        request = urllib.request.Request(self._control + path, body, {"X-Rehearsal-Secret": self._secret}, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=120) as reply:
                return json.load(reply)
        except urllib.error.HTTPError as refused:
            with refused:
                raise ValueError(json.load(refused)["error"]) from None
        except OSError as error:
            raise SyncError(f"The rehearsal server at {self._control} does not answer: {error}.") from None


@contextlib.contextmanager
def rehearsing(
    layers: "Path | str | Mapping[str, gpd.GeoDataFrame]",
    *,
    only: Sequence[str] = (),
    service: str | None = None,
    definition: Mapping[str, Mapping] | None = None,
    lengths: Mapping[str, int] | None = None,
    faults: Sequence[Mapping] = (),
    state: Path | None = None,
    password: str | None = None,
    **settings: Any,
) -> Iterator[Rehearsal]:
    """
    A server in a process of its own, for as long as the block lasts.

    Parameters
    ----------
    layers : path, or mapping of str to GeoDataFrame
        A GeoPackage, which is only read, or frames by the name of their layer (`citygis.rehearsal.frames.write_frames` says how
        their types are served).
    only : sequence of str
        Which layers of a GeoPackage.
    service : str, optional
        The service's name; the file's, or Rehearsal for frames.
    definition : mapping of layer to mapping, optional
        Changes to the layers' definitions: objects are merged, ``fields`` by name, None takes a key out.
    lengths : mapping of str to int, optional
        The length of text fields, in every layer that has them (frames only).
    faults : sequence of mapping
        As `Rehearsal.faults`.
    state : path, optional
        A file for the data, to go on with them.
    password : str, optional
        One is made when not given.
    **settings
        Of `citygis.rehearsal.conduct.Conduct`, such as ``max_record_count=5``.

    Yields
    ------
    Rehearsal

    Raises
    ------
    SyncError
        If the server does not start; the message is its own.
    """
    with tempfile.TemporaryDirectory(prefix="citygis-rehearsing-") as folder:
        changes = {name: dict(change) for name, change in (definition or {}).items()}
        if isinstance(layers, Mapping):
            source, service = Path(folder) / "frames.gpkg", service or "Rehearsal"
            changes = _with_types(layers, source, changes, lengths or {})
        else:
            source = Path(layers).resolve()
        said = {
            "source": str(source),
            "layers": list(only),
            "service": service,
            "overrides": changes,
            "faults": [dict(fault) for fault in faults],
            "state": str(state) if state else None,
            "password": password or secrets.token_urlsafe(15),
            "conduct": settings,
        }
        rehearsal = _started(said)
        try:
            yield rehearsal
        finally:
            rehearsal.stop()


def _with_types(frames: Mapping, source: Path, changes: dict[str, dict], lengths: Mapping[str, int]) -> dict[str, dict]:
    """Write the frames; the changes to their definitions with what the file cannot say."""
    from citygis.rehearsal.frames import write_frames

    said = write_frames(source, frames)
    for name, frame in frames.items():
        fields = {f["name"]: f for f in said.get(name, {}).get("fields", [])}
        fields |= {c: {**fields.get(c, {}), "name": c, "length": lengths[c]} for c in frame.columns if c in lengths}
        for change in changes.get(name, {}).get("fields", []):
            fields[change["name"]] = {**fields.get(change["name"], {}), **change}
        if fields:
            changes[name] = {**changes.get(name, {}), "fields": list(fields.values())}
    return changes


def _started(said: Mapping) -> Rehearsal:
    process = subprocess.Popen(
        [sys.executable, "-m", "citygis.rehearsal"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    )
    late = threading.Timer(_START_S, process.kill)
    late.start()
    try:
        process.stdin.write(json.dumps(said) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
    except OSError:
        line = ""
    finally:
        late.cancel()
    ready = json.loads(line) if line.strip() else {"error": "it ended without a word; its own messages are on standard error"}
    if "error" in ready:
        process.stdin.close()
        process.wait()
        process.stdout.close()
        raise SyncError(f"The rehearsal server did not start: {ready['error']}")
    return Rehearsal(ready, process)
