"""
The server as a process of its own for `rehearsing`: what to serve is read from standard input, and its end is the server's end.
"""

import json
import os
import sys
import threading
from pathlib import Path

from citygis.errors import CityGISError
from citygis.rehearsal.conduct import Conduct
from citygis.rehearsal.serving import serve
from citygis.settings import check


def main() -> int:
    """Serve until the one who started this closes its end of the pipe, or dies."""
    said = json.loads(sys.stdin.readline())
    stopping = threading.Event()

    def watch() -> None:
        os.read(sys.stdin.fileno(), 1)
        stopping.set()

    def tell(ready: dict) -> None:
        print(json.dumps(ready), flush=True)
        threading.Thread(target=watch, daemon=True).start()

    conduct = check(said.pop("conduct"), Conduct, "settings of the rehearsal")
    source, state = Path(said.pop("source")), said.pop("state", None)
    serve(source, tell, conduct=conduct, state_path=Path(state) if state else None, stopping=stopping, **said)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except CityGISError as error:
        print(json.dumps({"error": str(error)}), flush=True)
        sys.exit(3)
