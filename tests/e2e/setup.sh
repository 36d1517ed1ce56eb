#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the vendors' SDKs that the lock file names, if they are not there. They ask for Node 20 (@google/genai
# says so); on Debian 12's Node 18 npm warns and installs them all the same.
set -euo pipefail
cd "$(dirname "$0")"
command -v node >/dev/null || { echo 'tests/e2e/setup.sh: node is missing (apt-get install nodejs npm)' >&2; exit 1; }
[ -d node_modules/openai ] && [ -d node_modules/@anthropic-ai/sdk ] && [ -d node_modules/@google/genai ] && [ -d node_modules/undici ] &&
  [ node_modules/.package-lock.json -nt package-lock.json ] && exit 0
exec npm ci --no-audit --no-fund --ignore-scripts --silent
