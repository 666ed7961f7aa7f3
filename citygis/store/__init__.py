"""The City's geodatabase: one GeoPackage, loaded in batches, each one transaction, with the versions it replaced."""

from citygis.packaged import callable_package
from citygis.store.apply import Counts
from citygis.store.layout import STORE_VERSION, create_store
from citygis.store.session import Batch, Store, store

__all__ = ["STORE_VERSION", "Batch", "Counts", "Store", "create_store", "store"]

callable_package(__name__, "store")
