"""The City's geodatabase on GeoPackage or PostGIS: changed in batches, each one transaction, with history, lineage and undo."""

from citygis.packaged import callable_package
from citygis.store.batch import Batch
from citygis.store.geopackage import create_store
from citygis.store.layout import STORE_VERSION
from citygis.store.plan import Counts
from citygis.store.session import Store, database_of, store

__all__ = ["STORE_VERSION", "Batch", "Counts", "Store", "create_store", "database_of", "store"]

callable_package(__name__, "store")
