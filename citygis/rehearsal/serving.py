"""
A server from its start to its end: the certificate, the state, the two ports, and the line that says it is ready.
"""

import contextlib
import re
import secrets
import signal
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from citygis.errors import SyncError
from citygis.rehearsal.accounts import USER, Accounts
from citygis.rehearsal.certificate import make_certificate
from citygis.rehearsal.conduct import Conduct
from citygis.rehearsal.contents import load
from citygis.rehearsal.control import ControlServer
from citygis.rehearsal.server import SiteServer
from citygis.rehearsal.site import Site
from citygis.rehearsal.state import State


def serve(
    source: Path,
    tell: Callable[[dict], None],
    *,
    layers: Sequence[str] = (),
    overrides: Mapping[str, Mapping] | None = None,
    service: str | None = None,
    port: int = 0,
    control_port: int = 0,
    state_path: Path | None = None,
    faults: Sequence[Mapping] = (),
    password: str | None = None,
    conduct: Conduct | None = None,
    stopping: threading.Event | None = None,
) -> None:
    """
    Serve a GeoPackage's layers until SIGINT or SIGTERM, or until `stopping` is set. Called in the main thread.

    Parameters
    ----------
    source : path
        The GeoPackage; only read.
    tell : callable
        Called once when all is ready, with a dict: ``portal``, ``user``, ``password``, ``certificate``, ``service``, ``layers``
        (url and count by name), ``item``, ``control`` and ``secret`` of the control port, ``remarks``, ``resumed``.
    layers : sequence of str
        Which; all when empty, but tables of history and restricted layers.
    overrides : mapping of layer to mapping, optional
        Changes to definitions.
    service : str, optional
        Its name; the file's when not given.
    port, control_port : int
        0 for any that is free.
    state_path : path, optional
        Where the data are kept from one start to the next; a temporary file when not given.
    faults : sequence of mapping
        As `citygis.rehearsal.faults.Fault`.
    password : str, optional
        Of the user ``rehearsal``; made when not given.
    conduct : Conduct, optional
    stopping : threading.Event, optional

    Raises
    ------
    SyncError
        If the file is missing or unusable, a port is taken, or the package for certificates is missing.
    SettingsError
        If a fault does not say what it must.
    """
    stopping = stopping or threading.Event()
    if not source.is_file():
        raise SyncError(f"{source} is not there. Name a GeoPackage of the City's layers.")
    before = {s: signal.signal(s, lambda *_: stopping.set()) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        with tempfile.TemporaryDirectory(prefix="citygis-rehearsal-") as folder, contextlib.ExitStack() as ends:
            certificate, key = make_certificate(Path(folder))
            is_kept = state_path is not None
            state = State(state_path or Path(folder) / "state.sqlite", is_kept=is_kept)
            ends.callback(state.close)
            server = _bound(lambda: SiteServer(port, certificate, key), port)
            ends.callback(server.server_close)
            server.faults.set([dict(fault) for fault in faults])
            accounts = Accounts(password := password or secrets.token_urlsafe(15))
            site = Site(state, accounts, conduct or Conduct(), Path(folder), server.url)
            name = service or state.meta("service") or re.sub(r"\W", "_", source.stem) or "Rehearsal"
            item = state.meta("item") or secrets.token_hex(16)

            def fill() -> list[str]:
                state.empty()
                remarks = load(state, source, service=name, item=item, layers=layers, overrides=overrides)
                with state.transaction():
                    url = site.service_url(name)
                    site.portal.keep_item(item, {"title": name, "type": "Feature Service", "url": url})
                    for key, value in (("service", name), ("item", item)):
                        state.set_meta(key, value)
                return remarks

            is_resumed = bool(state.services)
            remarks = [] if is_resumed else fill()
            if is_resumed:
                _readdress(site)
            secret = secrets.token_urlsafe(24)
            control = _bound(lambda: ControlServer(control_port, secret, server, fill), control_port)
            ends.callback(control.server_close)
            server.site = site
            for served in (server, control):
                thread = threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
                thread.start()
                ends.callback(served.shutdown)
            tell(
                {
                    "portal": f"{server.url}/portal",
                    "user": USER,
                    "password": password,
                    "certificate": str(certificate),
                    "service": site.service_url(name),
                    "item": item,
                    "layers": {
                        layer.name: {"url": f"{site.service_url(layer.service)}/{layer.id}", "features": state.count(layer)}
                        for layer in state.layers.values()
                        if layer.service == name
                    },
                    "control": control.url,
                    "secret": secret,
                    "resumed": is_resumed,
                    "remarks": remarks,
                }
            )
            while not stopping.wait(3600):
                pass
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _bound(make: Callable, port: int):
    try:
        return make()
    except (OSError, OverflowError) as error:
        raise SyncError(f"Port {port} of 127.0.0.1 cannot be had: {error}. Name another, or 0 for any that is free.") from None


def _readdress(site: Site) -> None:
    """Items of an earlier start name the port of that start."""
    import json

    with site.state.transaction():
        for item, text in site.state.connection.execute("SELECT id, properties FROM item").fetchall():
            properties = json.loads(text)
            service = next((name for name, known in site.state.services.items() if known["item"] == item), None)
            if service:
                properties["url"] = site.service_url(service)
                site.state.connection.execute("UPDATE item SET properties = ? WHERE id = ?", (json.dumps(properties), item))
