"""`meshlib explain URL`: the layers a request would go through under this environment, with values and origins."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from meshlib.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str]) -> int:
    """Explain the URL named in `argv`; returns the exit status."""
    parser = argparse.ArgumentParser(prog="meshlib explain", description=__doc__)
    parser.add_argument("url", help="such as http://payment-service/charge")
    url = parser.parse_args(argv).url

    import meshlib

    try:
        mesh = meshlib.Mesh()
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 1
    try:
        print(mesh.explain(url))
    except ValueError as error:
        parser.error(str(error))
    finally:
        mesh.close()
    return 0
