"""Where the built binaries are, for the tests that run them; without them those say SKIP."""

import os
import pathlib
import unittest

from render import ROOT

VESTA = (ROOT / pathlib.Path(os.environ.get("VESTA_BIN", f"{os.environ.get('CARGO_TARGET_DIR', ROOT / 'target')}/release/vesta"))).resolve()
BINARIES = VESTA.parent
is_built = VESTA.is_file() and (BINARIES / "vesta-gateway").is_file()
needs_binaries = unittest.skipUnless(is_built, f"{VESTA} is not built")
