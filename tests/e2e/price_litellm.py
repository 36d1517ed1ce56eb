#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds `runrate price --book LiteLLM` against LiteLLM's own calculator, for every text model of the file.

  price_litellm.py RUNRATE model_prices_and_context_window.json

Standard tier: the totals must be equal as far as LiteLLM's doubles go (1e-9). Set apart, because runrate differs on
purpose (src/model/book_litellm.c says why): two zeroes as a price, tiers that have none, DeepSeek's old key
input_cost_per_token_cache_hit, and Fireworks, whose cache discount is in LiteLLM's code and not in the file.
Part of make test-all: skipped, loudly, where the Python package litellm or the file is not there. Last line: "N passed, N failed".
"""
import json
import os
import pathlib
import random
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import judges

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
if os.environ.get("RUNRATE_TEST_ALL"):
    judges.have("litellm")
try:
    import contextlib
    import io
    import litellm
    from litellm.litellm_core_utils.llm_cost_calc.utils import generic_cost_per_token
    from litellm.types.utils import Usage
except ImportError:
    print("SKIPPED: the Python package litellm is not installed: LiteLLM's calculator was not compared")
    print("0 passed, 0 failed")
    sys.exit(77)

PROVIDERS = {"openai": "openai", "anthropic": "anthropic", "gemini": "gemini", "mistral": "mistral", "xai": "xai", "groq": "groq",
             "deepseek": "deepseek", "openrouter": "openrouter", "together_ai": "together_ai", "deepinfra": "deepinfra",
             "dashscope": "dashscope", "vertex_ai-language-models": "vertex_ai", "novita": "novita", "perplexity": "perplexity"}
rng = random.Random(5)


def n(most):
    return rng.choice([0, 1, rng.randrange(most)])


def theirs(key, provider, usage):
    name = key.split("/", 1)[1] if key.startswith(provider + "/") else key
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return sum(generic_cost_per_token(name, Usage(**usage), provider))


def main():
    runrate, path = sys.argv[1:3]
    if not pathlib.Path(path).is_file():
        print(f"SKIPPED: {path} is not there: LiteLLM's calculator was not compared")
        print("0 passed, 0 failed")
        return 77
    entries = json.loads(pathlib.Path(path).read_text())
    litellm.model_cost = entries
    jobs = {}
    for key, entry in entries.items():
        if entry.get("litellm_provider") in PROVIDERS and entry.get("mode") in ("chat", "completion", "responses"):
            jobs.setdefault(PROVIDERS[entry["litellm_provider"]], []).append(key)
    passed, failed, apart = 0, [], 0
    for provider, keys in jobs.items():
        bodies = []
        for key in keys:
            i, o = 2000 + n(400000), 300 + n(3000)
            bodies.append((key, {"prompt_tokens": i, "prompt_tokens_details": {"cached_tokens": n(1500)}, "completion_tokens": o,
                                 "completion_tokens_details": {"reasoning_tokens": n(200)}, "total_tokens": i + o}))
        r = subprocess.run([runrate, "price", "--provider", provider, "--dialect", "openai-chat", "--book", path, "--json", "-"],
                           input="".join(json.dumps({"model": k, "usage": u}) + "\n" for k, u in bodies), capture_output=True, text=True)
        for (key, usage), got in zip(bodies, map(json.loads, r.stdout.splitlines())):
            entry = entries[key]
            if got["status"] != "priced" or got["priced_as"] != key or "input_cost_per_token_cache_hit" in entry:
                apart += 1
                continue
            want = theirs(key, provider, usage)
            if abs(float(got["cost"]["total"]) - want) <= 1e-9 * want + 1e-12:
                passed += 1
            else:
                failed.append(f"{key}: {got['cost']}, litellm {want}, {usage}")
    for line in failed[:20]:
        print(line)
    print(f"{apart} models are set apart")
    print(f"{passed} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
