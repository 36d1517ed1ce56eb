#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The pages are true: every file that ARCHITECTURE.md, README.md and CONTRIBUTING.md name exists, every make target too."""
import pathlib, re, sys
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from stack import ROOT, ok, close
for page in ('ARCHITECTURE.md', 'README.md', 'CONTRIBUTING.md', 'SECURITY.md'):
    text = (ROOT / page).read_text()
    for name in sorted(set(re.findall(r'`((?:src|tests|tools|data|docs|include|bench)/[A-Za-z0-9_./-]+)`', text))):
        if 'NAME' in name: continue
        ok(f'{page} names {name}', (ROOT / name).exists())
    makefile = (ROOT / 'Makefile').read_text()
    for target in sorted(set(re.findall(r'(?:`|^)make ([a-z-]+)', text, re.M))):
        ok(f'{page}: make {target}', re.search(rf'^{target}:', makefile, re.M) is not None)
close()
