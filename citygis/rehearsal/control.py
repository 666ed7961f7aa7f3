"""
The control port: plain HTTP on 127.0.0.1, for who holds its secret; the trace, faults, third-party edits, a new start.
"""

import hmac
import json
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qsl, urlsplit

from citygis.errors import CityGISError
from citygis.rehearsal.conduct import Conduct
from citygis.rehearsal.edits import apply_edits
from citygis.rehearsal.rules import RequestError
from citygis.rehearsal.server import LoopbackServer, SiteServer
from citygis.settings import check

HEADER = "X-Rehearsal-Secret"
_MOST_BYTES = 200_000_000


class ControlServer(LoopbackServer):
    """
    The control of a site's server.

    Parameters
    ----------
    port : int
        0 for any that is free.
    secret : str
        What the header ``X-Rehearsal-Secret`` must hold.
    served : SiteServer
    reset : callable
        Puts the data back to the start.
    """

    def __init__(self, port: int, secret: str, served: SiteServer, reset: Callable[[], None]) -> None:
        self.secret, self.served, self.reset = secret, served, reset
        super().__init__(("127.0.0.1", port), _Handler)

    @property
    def url(self) -> str:
        """``http://127.0.0.1:PORT``."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def act(self, method: str, path: str, said: Mapping) -> object:
        """
        Carry out a request to the control port.

        Raises
        ------
        LookupError
            For a path that there is not.
        ValueError, RequestError, CityGISError
            For what cannot be done.
        """
        served, site = self.served, self.served.site
        match (method, path):
            case ("GET", "/trace"):
                return served.trace.entries()
            case ("POST", "/trace/clear"):
                served.trace.clear()
            case ("POST", "/faults"):
                served.faults.set(said["faults"])
            case ("POST", "/reset"):
                self.reset()
            case ("GET", "/features"):
                return self._features(said["layer"])
            case ("POST", "/edit"):
                return self._edit(said)
            case ("GET" | "POST", "/settings"):
                site.conduct = check({**site.conduct.model_dump(), **said}, Conduct, "settings")
                return site.conduct.model_dump()
            case ("POST", "/expire_tokens"):
                site.accounts.expire_all()
            case ("POST", "/token"):
                return {"token": site.accounts.issue(float(said.get("minutes", site.conduct.token_minutes)))[0]}
            case _:
                raise LookupError(path)
        return {"success": True}

    def _features(self, name: str) -> list[dict]:
        site = self.served.site
        with site.state.lock:
            layer = site.layer_named(name)
            rows = site.state.connection.execute(f"SELECT attributes, geometry FROM {layer.table} ORDER BY objectid").fetchall()
        return [{"attributes": json.loads(a), "geometry": json.loads(g) if g else None} for a, g in rows]

    def _edit(self, said: Mapping) -> dict:
        """A third party's edit: by GlobalID where every edit names one, else by OBJECTID; one with true curves knows of them."""
        site = self.served.site
        layer = site.layer_named(said["layer"])
        edits = {name: list(said.get(name) or []) for name in ("adds", "updates", "deletes")}
        named = [f.get("attributes", {}) for f in (*edits["adds"], *edits["updates"])]
        by_global_id = (
            bool(layer.global_id)
            and all(layer.global_id in a for a in named)
            and not any(isinstance(key, int) for key in edits["deletes"])
        )
        form = {"useGlobalIds": str(by_global_id).lower(), "rollbackOnFailure": "false", "trueCurveClient": "true"}
        return apply_edits(site.state, layer, form, edits, user="third_party", conduct=site.conduct)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ControlServer

    def log_message(self, format: str, *args) -> None:
        pass

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        status, body = 200, None
        if not hmac.compare_digest((self.headers.get(HEADER) or "").encode(), self.server.secret.encode()):
            # The body of a stranger is not read, so the connection cannot go on.
            self.close_connection = True
            status, body = 403, {"error": f"The header {HEADER} is missing or wrong."}
        else:
            address = urlsplit(self.path)
            try:
                length = int(self.headers.get("Content-Length") or 0)
                if length > _MOST_BYTES:
                    raise ValueError("the body is too large")
                said = json.loads(self.rfile.read(length) or b"{}") if self.command == "POST" else dict(parse_qsl(address.query))
                body = self.server.act(self.command, address.path, said)
            except LookupError as error:
                status, body = 404, {"error": f"There is no {error}."}
            except (ValueError, TypeError, AttributeError, CityGISError, RequestError) as error:
                status, body = 400, {"error": f"{error}"}
        sent = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)
