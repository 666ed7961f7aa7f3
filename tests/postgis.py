"""A PostgreSQL cluster with PostGIS in a temporary folder, reached by a socket there, for the tests of the geodatabase."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

ACCOUNTS = ("postgres", "nobody")


class ClusterMissing(Exception):
    """PostgreSQL or its driver is not on this machine."""


def binaries() -> Path:
    """The folder of initdb and postgres: in PATH, else the newest under /usr/lib/postgresql."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[4]))
    if not folders:
        raise ClusterMissing("PostgreSQL is not installed (no initdb in PATH or /usr/lib/postgresql/*/bin)")
    return folders[-1].parent


class Cluster:
    """A running server; `database` makes a new database in it."""

    def __init__(self, *, fsync: bool = False) -> None:
        try:
            import psycopg  # noqa: F401
        except ImportError:
            raise ClusterMissing("psycopg is not installed (the extra `postgis`)") from None
        self.bin = binaries()
        shared = subprocess.run([self.bin / "pg_config", "--sharedir"], capture_output=True, text=True, check=False).stdout.strip()
        if not (Path(shared) / "extension" / "postgis.control").exists():
            raise ClusterMissing("PostGIS is not installed beside PostgreSQL")
        self.folder = Path(tempfile.mkdtemp(prefix="citygis-pg-"))
        self.data = self.folder / "data"
        self.log = self.folder / "log"
        self._options = {}
        if os.geteuid() == 0:  # the server refuses to run as root
            account = next((name for name in ACCOUNTS if _known(name)), None)
            if account is None:
                raise ClusterMissing("no unprivileged account to run PostgreSQL as")
            entry = pwd.getpwnam(account)
            os.chown(self.folder, entry.pw_uid, entry.pw_gid)
            self._options = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        self.folder.chmod(0o755)
        self._run("initdb", "-D", self.data, "-U", "citygis", "-A", "trust", "-N", "-E", "UTF8", "--locale=C")
        settings = [f"unix_socket_directories = '{self.folder}'", "listen_addresses = ''", "max_connections = 20"]
        settings += ["shared_buffers = 64MB", f"fsync = {'on' if fsync else 'off'}", "max_wal_size = 2GB"]
        if not fsync:
            settings += ["synchronous_commit = off", "full_page_writes = off"]
        with open(self.data / "postgresql.conf", "a", encoding="utf-8") as written:
            written.write("\n".join(["", *settings, ""]))
        self._count = 0
        self.start()

    def start(self) -> None:
        self._run("pg_ctl", "-D", self.data, "-l", self.log, "-w", "-t", "60", "start")

    def stop(self) -> None:
        if (self.data / "postmaster.pid").exists():
            self._run("pg_ctl", "-D", self.data, "-w", "-m", "immediate", "stop", check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def kill(self) -> None:
        """kill -9 of the server and all that serve connections; it must be started again."""
        lock = self.data / "postmaster.pid"
        server = int(lock.read_text(encoding="utf-8").splitlines()[0])
        listed = subprocess.run(["ps", "--ppid", str(server), "-o", "pid="], capture_output=True, text=True, check=False)
        for each in (server, *map(int, listed.stdout.split())):
            with contextlib.suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        # Where nobody collects dead processes, the next server would take the dead one for living.
        for left in (lock, *self.folder.glob(".s.PGSQL.*")):
            left.unlink(missing_ok=True)

    def cpu_seconds(self) -> float:
        """CPU seconds of the server's processes, those that ended included: their parent has them."""
        parent = int((self.data / "postmaster.pid").read_text(encoding="utf-8").splitlines()[0])
        total = 0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                parts = stat.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(stat.parent.name) == parent:
                total += sum(map(int, parts[11:15]))
            elif int(parts[1]) == parent:
                total += sum(map(int, parts[11:13]))
        return total / os.sysconf("SC_CLK_TCK")

    def database(self, name: str | None = None, *, template: str = "blank") -> str:
        """The address of a new database with PostGIS in it, or of a copy of one made before."""
        import psycopg

        self._count += 1
        name = name or f"city_{self._count}"
        with psycopg.connect(self.address("postgres"), autocommit=True) as connection:
            if self._count == 1:
                connection.execute("CREATE DATABASE blank")
                with psycopg.connect(self.address("blank")) as blank:
                    blank.execute("CREATE EXTENSION postgis")
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.address(name)

    def drop(self, address: str) -> None:
        """Take a database away."""
        import psycopg

        name = address.partition(":///")[2].partition("?")[0]
        with psycopg.connect(self.address("postgres"), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def address(self, name: str) -> str:
        return f"postgresql:///{name}?host={self.folder}&user=citygis"

    def _run(self, program: str, *arguments, check: bool = True) -> None:
        with open(os.devnull, "rb") as nothing:
            run = subprocess.run(
                [self.bin / program, *map(str, arguments)],
                stdin=nothing,
                stdout=subprocess.PIPE if program == "initdb" else subprocess.DEVNULL,
                stderr=subprocess.PIPE if program == "initdb" else subprocess.DEVNULL,
                cwd=self.folder,
                **self._options,
            )
        if check and run.returncode:
            log = self.log.read_text(errors="replace")[-2000:] if self.log.exists() else run.stderr
            raise RuntimeError(f"{program} failed: {log}")


def _known(account: str) -> bool:
    try:
        pwd.getpwnam(account)
    except KeyError:
        return False
    return True
