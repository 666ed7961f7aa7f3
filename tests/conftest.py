"""What the tests share: where the real files are, and what must not be skipped."""

import os
import shutil
import signal
from pathlib import Path

import postgis
import pytest
from hypothesis import settings

settings.register_profile("citygis", deadline=None)  # how long an example takes says what else the machine is doing
settings.load_profile("citygis")

# A shell without job control ignores Ctrl-C for what runs in its background, and all that the tests start would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).parents[1]
REQUIRE_ALL = os.environ.get("CITYGIS_REQUIRE_ALL") == "1"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real files beside the checkout; tests that need it are skipped where it is not there."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the real files (../shared/data) are not beside this checkout")
    return folder


@pytest.fixture(scope="session")
def require_program():
    """
    The path of a system program; the test is skipped without it, or fails where CITYGIS_REQUIRE_ALL=1.
    """

    def require(name: str) -> str:
        path = shutil.which(name)
        if path is None:
            message = f"the program {name} is not installed"
            pytest.fail(message) if REQUIRE_ALL else pytest.skip(message)
        return path

    return require


@pytest.fixture(scope="session")
def postgis_cluster():
    """A PostGIS server in a temporary folder; the test is skipped where it cannot be had, or fails where CITYGIS_REQUIRE_ALL=1."""
    try:
        cluster = postgis.Cluster()
    except postgis.ClusterMissing as missing:
        pytest.fail(str(missing)) if REQUIRE_ALL else pytest.skip(str(missing))
    yield cluster
    cluster.stop()


@pytest.fixture(scope="session")
def blank_stores(tmp_path_factory):
    """Empty stores to copy from, by back end: making one anew for each test takes longer than the test."""
    from store_city import make_city

    from citygis.store import store

    folder = tmp_path_factory.mktemp("blank")
    made = {}

    def blank(backend: str, cluster=None):
        if backend not in made:
            address = "city.gpkg" if backend == "geopackage" else cluster.database("riverbend")
            city = make_city(folder / backend, store=address)
            store(city)
            made[backend] = city
        return made[backend]

    return blank


@pytest.fixture(scope="module")
def scheduler():
    """The address of a Dask cluster of one process; the test is skipped without Dask, or fails where CITYGIS_REQUIRE_ALL=1."""
    if not REQUIRE_ALL:
        pytest.importorskip("distributed")
    from distributed import LocalCluster

    with LocalCluster(n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        yield cluster.scheduler_address


@pytest.fixture(params=["geopackage", "postgis"])
def any_city(request, tmp_path, blank_stores):
    """A small City with an empty store, on each back end."""
    from store_city import make_city

    if request.param == "geopackage":
        city = make_city(tmp_path / "city")
        shutil.copy(blank_stores("geopackage").store_path, city.store_path)
        yield city
        return
    cluster = request.getfixturevalue("postgis_cluster")
    blank_stores("postgis", cluster)
    address = cluster.database(template="riverbend")
    yield make_city(tmp_path / "city", store=address)
    cluster.drop(address)
