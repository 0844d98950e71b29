"""A database per test: a template restored once from the bundle, clones of it, and their end."""
