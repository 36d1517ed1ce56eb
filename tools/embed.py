#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes files as a C table {name, text, bytes}: embed.py OUT.c SYMBOL HEADER FILE...

The table is `const struct SYMBOL_file SYMBOL[]`, declared in HEADER, with its length in SYMBOL_count.
"""
import pathlib
import sys


def literal(data):
    """Bytes as C string literals, one a line of the file; octal for what is not plain."""
    out = []
    for line in data.splitlines(keepends=True) or [b""]:
        text = "".join(chr(c) if 32 <= c < 127 and c not in b'"\\?' else f"\\{c:03o}" for c in line)
        out.append(f'\t"{text}"')
    return "\n".join(out)


out, symbol, header, *files = sys.argv[1:]
parts = [f'/* Made by tools/embed.py. */\n#include "{header}"\n\nconst struct {symbol}_file {symbol}[] = {{']
for f in sorted(files):
    data = pathlib.Path(f).read_bytes()
    parts.append(f'{{"{pathlib.Path(f).name}",\n{literal(data)},\n\t{len(data)}}},')
parts.append(f"}};\nconst size_t {symbol}_count = {len(files)};\n")
pathlib.Path(out).write_text("\n".join(parts))
