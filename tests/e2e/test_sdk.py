#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The vendors' own SDKs, unmodified but for the base URL, against the sandbox and then through the gateway."""
import pathlib, sys
sys.path.insert(0, str(pathlib.Path(__file__).parent))
import run, stack
if run.setup():
    run.direct()
    run.through_gateway()
else:
    stack.skip('SDK cases', 'node or the SDKs are not there (tests/e2e/setup.sh)')
stack.close()
