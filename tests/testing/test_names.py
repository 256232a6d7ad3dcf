"""The test kit's public names are there, and importing the package alone imports none of them."""

import subprocess
import sys

import meshlib.testing


def test_every_public_name_is_found():
    for name in meshlib.testing.__all__:
        assert getattr(meshlib.testing, name).__name__ == name


def test_a_fault_servers_process_imports_neither_dnspython_nor_the_simulator():
    code = (
        "import sys, meshlib.testing.server; print([m for m in ('dns', 'meshlib.testing.fleet') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"
