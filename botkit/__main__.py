"""``python -m botkit``: the same as the command ``botkit``."""

from __future__ import annotations

import sys

from botkit.cli import main

if __name__ == "__main__":
    sys.exit(main())
