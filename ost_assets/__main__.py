"""The command `ost-assets`, also as `python -m ost_assets`: the command line, started quickly."""

import gc

# Most commands live for a quarter of a second, and looking for garbage took a sixth of that.
gc.disable()

from ost_assets.cli import main  # noqa: E402
from ost_assets.garbage_collection import freeze_now_and_at_exit  # noqa: E402

freeze_now_and_at_exit()
gc.enable()

__all__ = ["main"]

if __name__ == "__main__":
    main()
