# SPDX-License-Identifier: Apache-2.0
"""What others wrote and ours is compared with: installed by setup.sh when it is first asked for.

    if judges.have('judges'): import prometheus_client
have() is False where there is no registry and it was not installed before: the test then skips that part, loudly.
"""
import pathlib, subprocess, sys
HERE = pathlib.Path(__file__).resolve().parent

def have(what):
    """what: sdks, ccusage, judges (its packages can be imported afterwards), litellm (the same)."""
    r = subprocess.run([str(HERE / 'setup.sh'), what], capture_output=True, text=True)
    if r.returncode:
        print(r.stderr.strip()[-400:], file=sys.stderr)
        return False
    if what in ('judges', 'litellm'):
        sys.path.append(str(HERE / '.installed' / what))
    return True
