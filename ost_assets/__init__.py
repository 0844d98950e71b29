"""An empty PostgreSQL becomes a verified, portable, instantly cloneable test database, by one command."""

__version__ = "0.1.0"
