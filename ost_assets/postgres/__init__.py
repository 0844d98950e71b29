"""What this tool knows about PostgreSQL: connecting, reading catalogs and content, publishing."""
