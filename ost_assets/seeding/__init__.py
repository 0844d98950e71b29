"""How the tables get their rows: dbt, the SQL lock that stands in for it, and who decides."""
