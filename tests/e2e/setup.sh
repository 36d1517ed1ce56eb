#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What others wrote and ours is compared with, from its registry at a fixed version, if it is not there yet.
#   tests/e2e/setup.sh sdks       the vendors' SDKs (package-lock.json). They ask for Node 20 (@google/genai says so); on
#                                 Debian 12's Node 18 npm warns and installs them all the same
#   tests/e2e/setup.sh ccusage    a reader of agents' logs (ccusage/package.json)
#   tests/e2e/setup.sh judges     Python packages: prices, Prometheus, OTLP (judges.txt)
#   tests/e2e/setup.sh litellm    LiteLLM's calculator (litellm.txt): large, so for the long runs alone
# Test programs run side by side: one installs, the others wait for it. A machine without a registry is told fast.
set -euo pipefail
cd "$(dirname "$0")"
what=${1:-sdks}
mkdir -p .installed
exec 9>".installed/$what.lock"
flock 9
npm='--no-audit --no-fund --ignore-scripts --silent --fetch-retries=1 --fetch-retry-mintimeout=1000 --fetch-retry-maxtimeout=2000'
need() { command -v "$1" >/dev/null || { echo "tests/e2e/setup.sh: $1 is missing (apt-get install $2)" >&2; exit 1; }; }
by_npm() { # FOLDER NPM-COMMAND...: again when the folder's list of packages changed
  need node 'nodejs npm'; need npm npm
  cd "$1"; shift
  [ node_modules/.package-lock.json -nt package.json ] && { [ ! -e package-lock.json ] || [ node_modules/.package-lock.json -nt package-lock.json ]; } && exit 0
  exec npm "$@" $npm
}
by_pip() { # LIST
  [ ".installed/$what/done" -nt "$1" ] && exit 0
  need python3 python3; python3 -m pip --version >/dev/null 2>&1 || { echo 'tests/e2e/setup.sh: pip is missing (apt-get install python3-pip)' >&2; exit 1; }
  rm -rf ".installed/$what"
  python3 -m pip install --quiet --no-input --disable-pip-version-check --retries 1 --timeout 20 --target ".installed/$what" -r "$1" >&2
  touch ".installed/$what/done"
}
case $what in
  sdks)    by_npm . ci ;;
  ccusage) by_npm ccusage install --no-package-lock ;;
  judges)  by_pip judges.txt ;;
  litellm) by_pip litellm.txt ;;
  *) echo "tests/e2e/setup.sh: unknown '$what' (sdks, ccusage, judges, litellm)" >&2; exit 2 ;;
esac
