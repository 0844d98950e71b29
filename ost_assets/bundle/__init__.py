"""The fixture bundle: a folder with the published data that any job can use without dbt or this database."""
