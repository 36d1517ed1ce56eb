#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the ledger billed, call by call, against the sandbox vendor's own list priced in Python's decimal.

Requests of all three dialects pass the gateway, streamed and whole, with cached prompts, reasoning, served tiers and
several models. Then price_truth.py prices the vendor's raw usage blocks from data/prices/ without any of runrate's
code, and each call of the ledger must agree to the last 10^-12.
"""
import pathlib
import random
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import stack  # noqa: E402

OPENAI = ["gpt-4.1-mini", "gpt-4.1", "gpt-5.4-mini", "gpt-5.4", "gpt-6.1-terra", "gpt-6-luna", "gpt-4o-mini", "gpt-5"]
ANTHROPIC = ["claude-sonnet-4-5", "claude-opus-5-5", "claude-haiku-4-5-20251001", "claude-fable-5-1", "claude-sonnet-5"]
GEMINI = ["gemini-2.5-pro", "gemini-2.5-flash", "gemini-3.8-flash", "gemini-3.1-pro-preview"]
PROMPT = "You answer letters of a small shop that sells seeds, and you never promise a delivery date. " * 120


def one(s, rng, n):
    text = f"{PROMPT if rng.random() < 0.6 else ''}Letter {n}: " + "where is my parcel? " * rng.randrange(1, 60)
    headers = {"x-sandbox-tokens": str(rng.randrange(1, 400))}
    if rng.random() < 0.3:
        headers["x-sandbox-reasoning"] = str(rng.randrange(1, 100))
    stream = rng.random() < 0.5
    kind = rng.randrange(4)
    if kind == 0:
        tier = rng.choice([None, None, "flex", "priority"])
        body = {"model": rng.choice(OPENAI), "max_tokens": 500, "stream": stream, "messages": [{"role": "user", "content": text}]}
        if tier:
            body["service_tier"] = tier
            headers["x-sandbox-tier"] = tier
        return s.post("/openai/v1/chat/completions", body, headers)
    if kind == 1:
        return s.post("/openai/v1/responses", {"model": rng.choice(OPENAI), "max_output_tokens": 500, "stream": stream, "input": text},
                      headers)
    if kind == 2:
        ttl = rng.choice(["5m", "1h"])
        system = [{"type": "text", "text": PROMPT, "cache_control": {"type": "ephemeral", "ttl": ttl}}]
        return s.post("/anthropic/v1/messages", {"model": rng.choice(ANTHROPIC), "max_tokens": 500, "stream": stream, "system": system,
                                                 "messages": [{"role": "user", "content": text}]},
                      {**headers, "anthropic-version": "2023-06-01"})
    verb = "streamGenerateContent?alt=sse" if stream else "generateContent"
    return s.post(f"/gemini/v1beta/models/{rng.choice(GEMINI)}:{verb}", {"contents": [{"role": "user", "parts": [{"text": text}]}]},
                  headers)


def main():
    rng = random.Random(7)
    with stack.Stack() as s:
        bad = 0
        for n in range(160):
            status, _, body = one(s, rng, n)
            bad += status != 200
        stack.ok("all requests were answered", bad == 0, f"{bad} were not; {s.log()[-300:]}")
        s.stop()
        calls = s.folder / "calls.jsonl"
        calls.write_text(s.run("export", "--json", check=True).stdout)
        served = s.served()
        stack.ok("the vendor served what was asked", len(served) == 160, len(served))
        stack.ok("some of it from its cache", any("1024" in str(line["usage"]) or "cache" in str(line["usage"]) for line in served))
        r = subprocess.run([sys.executable, str(HERE / "price_truth.py"), "--served", str(s.list), "--ledger-export", str(calls)],
                           capture_output=True, text=True)
        lines = r.stdout.strip().splitlines()
        stack.ok(f"each call agrees to the last digit: {lines[-1] if lines else ''}", r.returncode == 0, "\n".join(lines[:6]) + r.stderr[-300:])
        if lines:
            print("  " + lines[-2 if len(lines) > 1 else -1])
    stack.close()


if __name__ == "__main__":
    main()
