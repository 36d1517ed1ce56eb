#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Bytes to the client are the vendor's bytes: each answer directly and through the gateway (see bytes.py)."""
import importlib, pathlib, sys
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from stack import Stack, close
both = importlib.import_module('bytes')
with Stack(sandbox_args=['--deterministic']) as s:
    both.run(f'http://127.0.0.1:{s.sandbox_port}', f'http://127.0.0.1:{s.port}')
close()
