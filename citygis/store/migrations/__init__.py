"""A store brought to the schema, step by step: what differs, the steps, and the record by which each is taken back."""

from citygis.store.migrations.drift import Drift, drifts
from citygis.store.migrations.run import Migrated, Migration, applied, apply, revert
from citygis.store.migrations.steps import Step

__all__ = ["Drift", "Migrated", "Migration", "Step", "applied", "apply", "drifts", "revert"]
