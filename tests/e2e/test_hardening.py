#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What SECURITY.md says of the binary, read from the binary by readelf: position independent, full RELRO, no executable
stack, no text relocations, no search path of its own, stack canaries, fortified calls. (Control-flow marks are compiled in,
but Debian 12's start files carry none, so the linker leaves the property out of the whole and there is nothing to read.)

A binary built for a sanitizer is not what is shipped: its run-time replaces the fortified calls, so that line is left out. And what systemd says of the unit.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
BINARY = os.environ.get('RUNRATE', os.path.join(HERE, '../../runrate'))
passed = failed = 0


def readelf(*args):
    return subprocess.run(['readelf', '-W', *args, BINARY], capture_output=True, text=True, check=True).stdout


def expect(what, ok, why=''):
    global passed, failed
    passed, failed = passed + bool(ok), failed + (not ok)
    print(f'{"ok" if ok else "not ok"} {what}{"" if ok else ": " + why}')


header, segments, dynamic = readelf('-h'), readelf('-l'), readelf('-d')
symbols = re.findall(r'UND (\w+)', readelf('--dyn-syms'))
sanitized = any(s.startswith(('__asan_', '__tsan_', '__ubsan_')) for s in symbols)
flags = ' '.join(re.findall(r'\((?:FLAGS|FLAGS_1)\)(.*)', dynamic))
stack = re.search(r'GNU_STACK.*?\b(R?W?E?)\s+0x\w+$', segments, re.M)
writable_code = [line for line in segments.splitlines() if 'LOAD' in line and re.search(r'\bRWE\b', line)]

expect('it is position independent', re.search(r'Type:\s+DYN', header) and 'PIE' in flags, flags)
expect('full RELRO: the segment is there', 'GNU_RELRO' in segments)
expect('full RELRO: every symbol is bound at the start', 'NOW' in flags.split(), flags)
expect('the stack is not executable', stack and 'E' not in stack.group(1), str(stack and stack.group(0)))
expect('no segment is both writable and executable', not writable_code, str(writable_code))
expect('no relocations in its text', '(TEXTREL)' not in dynamic)
expect('no RPATH or RUNPATH', not re.search(r'\((RPATH|RUNPATH)\)', dynamic), dynamic)
expect('stack canaries', '__stack_chk_fail' in symbols)
if not sanitized:
    fortified = {s for s in symbols if s.endswith('_chk') and s != '__stack_chk_fail'}
    plain = {s for s in symbols if s in ('sprintf', 'strcpy', 'strcat', 'gets')}
    expect(f'fortified calls: {len(fortified)}', len(fortified) >= 5, str(sorted(fortified)))
    expect('and none of the calls that cannot be bounded', not plain, str(plain))
# the unit: what systemd itself says of it (0 is shut, 10 is open)
unit = pathlib.Path(__file__).resolve().parents[2] / 'contrib/systemd/runrate.service'
skipped = 0
if shutil.which('systemd-analyze'):
    r = subprocess.run(['systemd-analyze', 'security', '--offline=true', '--no-pager', str(unit)], capture_output=True, text=True)
    level = re.search(r'exposure level for \S+: ([\d.]+)', r.stdout)
    expect(f'the unit is exposed by {level and level[1]} of 10, at most 2.0', level and float(level[1]) <= 2.0, (r.stdout[-200:] + r.stderr)[-300:])
else:
    skipped = 1
    print('skipped: there is no systemd-analyze here: the unit was not looked at')
print(f'{passed} passed, {failed} failed' + (f', {skipped} skipped' if skipped else ''))
sys.exit(failed != 0)
