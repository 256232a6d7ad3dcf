"""`python -m benchmarks.child CASE`: measures one case in this process.

The workload comes as JSON on standard input, the samples go as JSON to standard output.
"""

from __future__ import annotations

import json
import sys

from benchmarks.cases import CASES
from benchmarks.workload import Workload

if __name__ == "__main__":
    json.dump(CASES[sys.argv[1]].run(Workload(**json.load(sys.stdin))), sys.stdout)
