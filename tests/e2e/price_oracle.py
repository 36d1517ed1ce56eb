#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds `runrate price --book genai-prices` against the package genai-prices itself, for every model of the file.

  price_oracle.py RUNRATE DATA.json

Each model is priced at several dates and hours for bodies of several shapes; the amounts must be equal as decimals to
the last 10^-12. Where the package charges nothing because the file lists no price, runrate must say unpriced.
Needs the Python package genai-prices (any virtual environment); without it, or without the file, the test is skipped,
loudly. Last line: "N passed, N failed".
"""
import datetime
import json
import os
import pathlib
import subprocess
import sys
from decimal import Decimal as D, ROUND_HALF_EVEN

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import judges

judges.have("judges")
try:
    from genai_prices import Usage
    from genai_prices.data_snapshot import DataSnapshot
    from genai_prices.types import _providers_from_raw
except ImportError:
    print("SKIPPED: the Python package genai-prices is not installed: the independent pricing was not compared")
    print("0 passed, 0 failed")
    sys.exit(77)

PICO = D(1).scaleb(-12)
AT = ["2025-03-01T02:15:00Z", "2025-11-06T12:00:00Z", "2026-03-13T00:00:00Z", "2026-08-20T00:29:59Z", "2026-11-21T16:30:00Z",
      "2027-01-01T00:00:00Z"]

# name, dialect, usage block, what the package is told
BODIES = [
    ("plain", "openai-chat", {"prompt_tokens": 1234, "completion_tokens": 567, "total_tokens": 1801},
     dict(input_tokens=1234, output_tokens=567)),
    ("cached", "openai-chat", {"prompt_tokens": 3000, "prompt_tokens_details": {"cached_tokens": 1024},
                               "completion_tokens": 200, "completion_tokens_details": {"reasoning_tokens": 77},
                               "total_tokens": 3200},
     dict(input_tokens=3000, cache_read_tokens=1024, output_tokens=200, output_reasoning_tokens=77)),
    ("long", "openai-chat", {"prompt_tokens": 300001, "prompt_tokens_details": {"cached_tokens": 150000},
                             "completion_tokens": 4321, "total_tokens": 304322},
     dict(input_tokens=300001, cache_read_tokens=150000, output_tokens=4321)),
    ("edge", "openai-chat", {"prompt_tokens": 200000, "completion_tokens": 1, "total_tokens": 200001},
     dict(input_tokens=200000, output_tokens=1)),
    ("edge+1", "openai-chat", {"prompt_tokens": 128001, "completion_tokens": 1, "total_tokens": 128002},
     dict(input_tokens=128001, output_tokens=1)),
    ("writes", "anthropic", {"input_tokens": 10, "cache_read_input_tokens": 190000, "cache_creation_input_tokens": 10001,
                             "cache_creation": {"ephemeral_5m_input_tokens": 4000, "ephemeral_1h_input_tokens": 6001},
                             "output_tokens": 999},
     dict(input_tokens=200011, cache_read_tokens=190000, cache_write_tokens=10001, cache_write_5m_tokens=4000,
          cache_write_1h_tokens=6001, output_tokens=999)),
    ("audio", "openai-chat", {"prompt_tokens": 900, "prompt_tokens_details": {"audio_tokens": 500},
                              "completion_tokens": 300, "completion_tokens_details": {"audio_tokens": 200},
                              "total_tokens": 1200},
     dict(input_tokens=900, input_audio_tokens=500, output_tokens=300, output_audio_tokens=200)),
    ("zero", "openai-chat", {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
     dict(input_tokens=0, output_tokens=0)),
]


def main():
    runrate, path = sys.argv[1:3]
    if not pathlib.Path(path).is_file():
        print(f"SKIPPED: {path} is not there: the independent pricing was not compared")
        print("0 passed, 0 failed")
        return 77
    raw = json.loads(pathlib.Path(path).read_text(), parse_float=D)
    snapshot = DataSnapshot(providers=_providers_from_raw(raw), from_auto_update=False)
    passed, failed = 0, []
    part = 1 if os.environ.get("RUNRATE_TEST_ALL") else 12  # make test: each provider at a twelfth of dates x bodies, a moving one
    for turn, provider in enumerate(raw):
        for i, at in enumerate(AT):
            when = datetime.datetime.fromisoformat(at.replace("Z", "+00:00"))
            for k, (name, dialect, usage, told) in enumerate(BODIES):
                if (turn + i + k) % part:
                    continue
                models = [m["id"] for m in provider["models"] if not m["id"].startswith("ft:")]
                lines = "".join(json.dumps({"model": m, "usage": usage}) + "\n" for m in models)
                r = subprocess.run([runrate, "price", "--provider", provider["id"], "--dialect", dialect, "--book", path,
                                    "--at", at, "--json", "-"], input=lines, capture_output=True, text=True)
                got = [json.loads(line) for line in r.stdout.splitlines()]
                if len(got) != len(models):
                    failed.append(f"{provider['id']} {name}: {len(got)} lines for {len(models)} bodies: {r.stderr[:200]}")
                    continue
                for model, g in zip(models, got):
                    problem = compare(snapshot, provider["id"], model, when, told, g)
                    if problem:
                        failed.append(f"{provider['id']}/{model} {name} at {at}: {problem}")
                    else:
                        passed += 1
    for line in failed[:40]:
        print(line)
    print(f"{passed} passed, {len(failed)} failed")
    return 1 if failed else 0


def compare(snapshot, provider, model, when, told, got):
    try:
        want = snapshot.calc(Usage(**told), model, provider, None, when)
    except (LookupError, ValueError) as error:
        return None if got["status"] != "priced" or not sum(told.values()) else f"package: {error}; runrate: {got['cost']}"
    prices = want.model_price.__dict__
    needed = {"input_mtok" if told["input_tokens"] else None, "output_mtok" if told["output_tokens"] else None} - {None}
    if got["status"] != "priced":
        return None if needed - set(prices) else f"{got['status']} ({got.get('why')}), package {want.total_price}"
    if needed - set(prices) and not model.endswith(":free"):
        return f"priced though the file lists no {needed - set(prices)}"
    if got["priced_as"] != want.model.id:
        return f"priced as {got['priced_as']}, package {want.model.id}"
    for key, amount in (("input", want.input_price), ("output", want.output_price), ("total", want.total_price)):
        if D(got["cost"][key]) != amount.quantize(PICO, ROUND_HALF_EVEN):
            return f"{key} {got['cost'][key]}, package {amount}"
    return None


if __name__ == "__main__":
    sys.exit(main())
