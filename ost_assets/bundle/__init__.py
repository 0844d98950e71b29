"""The fixture bundle: a folder with the published data that any job can use without dbt or this database."""

from ost_assets.bundle.restoring import restore

__all__ = ["restore"]
