# SPDX-License-Identifier: Apache-2.0
"""The handle of tests/preload/faults.c: what the preloaded library shall do, and what it counted."""
import mmap, os, pathlib, struct
from stack import BINARY

LIBRARY = pathlib.Path(BINARY).resolve().parent / 'tests/preload/faults.so'

class Faults:
    def __init__(self, folder):
        self.path = pathlib.Path(folder) / 'faults.bin'
        self.path.write_bytes(b'\0' * 64)
        self.file = open(self.path, 'r+b')
        self.map = mmap.mmap(self.file.fileno(), 64)
    def env(self): return {'LD_PRELOAD': str(LIBRARY), 'RR_FAULTS': str(self.path)}
    def get(self, i): return struct.unpack_from('q', self.map, 8 * i)[0]
    def set(self, i, v): struct.pack_into('q', self.map, 8 * i, v)
    def allocations(self): return self.get(0)
    def failed(self): return self.get(3)
    def fail(self, at, many=1):
        """The at-th allocation from now (1: the next one) and `many` in all (0: all that follow); at 0: none."""
        self.set(1, 0); self.set(3, 0); self.set(2, many)
        self.set(1, self.get(0) + at if at else 0)
    def reset(self):
        for i in range(4): self.set(i, 0)
    def clock(self, seconds): self.set(4, int(seconds * 1_000_000))
    def close(self):
        self.map.close(); self.file.close()
