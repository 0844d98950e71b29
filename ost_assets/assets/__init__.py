"""The Dagster assets, one file an asset or a family. They call the engine and report; they decide nothing."""
