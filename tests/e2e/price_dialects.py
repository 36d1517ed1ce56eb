#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Vendors' answers end to end: `runrate price` against genai-prices' own extractors and calculator.

  price_dialects.py RUNRATE DATA.json

For each API that genai-prices can read, random answers for every model of that provider: its extract_usage() and
calc_price() on the one side, our dialect and the same price file on the other. Amounts must be equal to the last
10^-12. Not compared: what the package itself refuses, and what the file has no price for (0 there, unpriced here).
Skipped, loudly, without the package or the file. Last line: "N passed, N failed".
"""
import datetime
import json
import pathlib
import random
import subprocess
import sys
from decimal import ROUND_HALF_EVEN, Decimal as D

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import judges

judges.have("judges")
try:
    from genai_prices.data_snapshot import DataSnapshot
    from genai_prices.types import _providers_from_raw
except ImportError:
    print("SKIPPED: the Python package genai-prices is not installed: the dialects were not compared")
    print("0 passed, 0 failed")
    sys.exit(77)

PICO = D(1).scaleb(-12)
AT = "2026-08-25T12:00:00Z"
rng = random.Random(5)


def n(most):
    return rng.choice([0, 1, rng.randrange(most)])


def chat():
    i, o = 1000 + n(300000), 300 + n(3000)
    return {"prompt_tokens": i, "prompt_tokens_details": {"cached_tokens": n(900), "audio_tokens": n(50)}, "completion_tokens": o,
            "completion_tokens_details": {"reasoning_tokens": n(100), "audio_tokens": n(50)}, "total_tokens": i + o}


def responses():
    i, o = 1000 + n(300000), 300 + n(3000)
    return {"input_tokens": i, "input_tokens_details": {"cached_tokens": n(900)}, "output_tokens": o,
            "output_tokens_details": {"reasoning_tokens": n(200)}, "total_tokens": i + o}


def anthropic():
    short, long = n(3000), n(3000)
    return {"input_tokens": n(9000), "cache_read_input_tokens": n(300000), "cache_creation_input_tokens": short + long,
            "cache_creation": {"ephemeral_5m_input_tokens": short, "ephemeral_1h_input_tokens": long},
            "output_tokens": 200 + n(4000), "output_tokens_details": {"thinking_tokens": n(100)},
            "server_tool_use": {"web_search_requests": n(3)}, "service_tier": "standard"}


def gemini():
    prompt, cached, audio, thoughts, out = 2000 + n(300000), n(800), n(500), n(400), n(4000)
    u = {"promptTokenCount": prompt, "cachedContentTokenCount": cached, "candidatesTokenCount": out,
         "thoughtsTokenCount": thoughts, "totalTokenCount": prompt + out + thoughts,
         "promptTokensDetails": [{"modality": "TEXT", "tokenCount": prompt - audio}, {"modality": "AUDIO", "tokenCount": audio}]}
    if cached:
        u["cacheTokensDetails"] = [{"modality": "TEXT", "tokenCount": cached}]
    return u


def bedrock():
    i, o, read, write = n(9000), n(3000), n(200000), n(3000)
    return {"inputTokens": i, "outputTokens": o, "cacheReadInputTokens": read, "cacheWriteInputTokens": write,
            "totalTokens": i + o + read + write}


def xai():
    i, o, r = 1000 + n(30000), 100 + n(3000), n(500)
    return {"prompt_tokens": i, "completion_tokens": o, "total_tokens": i + o + r,
            "prompt_tokens_details": {"text_tokens": i, "audio_tokens": 0, "image_tokens": 0, "cached_tokens": n(900)},
            "completion_tokens_details": {"reasoning_tokens": r, "audio_tokens": 0}}


def embeddings():
    i = n(9000)
    return {"prompt_tokens": i, "total_tokens": i}


def realtime():
    cached_text, cached_audio, text, audio, out, spoken = n(50), n(50), 100 + n(500), 100 + n(500), n(300), n(300)
    return {"total_tokens": text + audio + out + spoken, "input_tokens": text + audio, "output_tokens": out + spoken,
            "input_token_details": {"text_tokens": text, "audio_tokens": audio, "image_tokens": 0,
                                    "cached_tokens": cached_text + cached_audio,
                                    "cached_tokens_details": {"text_tokens": cached_text, "audio_tokens": cached_audio,
                                                              "image_tokens": 0}},
            "output_token_details": {"text_tokens": out, "audio_tokens": spoken}}


def cohere():
    return {"billed_units": {"input_tokens": n(900), "output_tokens": n(900)}, "tokens": {"input_tokens": 1000, "output_tokens": 900}}


def mistral():
    i, o = n(9000), n(3000)
    return {"prompt_tokens": i, "completion_tokens": o, "total_tokens": i + o}


def deepseek():
    hit, miss, o = n(9000), n(900), 100 + n(3000)
    return {"prompt_tokens": hit + miss, "prompt_cache_hit_tokens": hit, "prompt_cache_miss_tokens": miss,
            "prompt_tokens_details": {"cached_tokens": hit}, "completion_tokens": o,
            "completion_tokens_details": {"reasoning_tokens": n(90)}, "total_tokens": hit + miss + o}


def body(m, u):
    return {"model": m, "usage": u}


# provider of the file, its API flavour, our dialect, the usage block, the answer around it
CASES = [
    ("openai", "chat", "openai-chat", chat, body),
    ("openai", "responses", "openai-responses", responses, body),
    ("openai", "embeddings", "openai-embeddings", embeddings, body),
    ("openai", "realtime", "openai-realtime", realtime, lambda m, u: {"type": "response.done", "model": m, "response": {"usage": u}}),
    ("anthropic", "default", "anthropic", anthropic, body),
    ("google", "default", "gemini", gemini, lambda m, u: {"modelVersion": m, "usageMetadata": u}),
    ("aws", "default", "bedrock", bedrock, body),
    ("x-ai", "chat", "xai", xai, body),
    ("x-ai", "chat", "openai-chat", xai, body),
    ("cohere", "default", "cohere", cohere, body),
    ("mistral", "default", "mistral", mistral, body),
    ("deepseek", "chat", "deepseek", deepseek, body),
    ("groq", "default", "openai-chat", chat, body),
    ("azure", "chat", "openai-chat", chat, body),
]


def main():
    runrate, path = sys.argv[1:3]
    if not pathlib.Path(path).is_file():
        print(f"SKIPPED: {path} is not there: the dialects were not compared")
        print("0 passed, 0 failed")
        return 77
    raw = json.loads(pathlib.Path(path).read_text(), parse_float=D)
    snapshot = DataSnapshot(providers=_providers_from_raw(raw), from_auto_update=False)
    when = datetime.datetime.fromisoformat(AT.replace("Z", "+00:00"))
    passed, failed, apart = 0, [], 0
    for provider, flavour, dialect, usage, wrap in CASES:
        models = [m["id"] for p in raw if p["id"] == provider for m in p["models"] if not m["id"].startswith("ft:")]
        bodies = [(m, wrap(m, usage())) for m in models for _ in range(6)]
        r = subprocess.run([runrate, "price", "--provider", provider, "--dialect", dialect, "--book", path, "--at", AT, "--json", "-"],
                           input="".join(json.dumps(b) + "\n" for _, b in bodies), capture_output=True, text=True)
        got = {g["line"]: g for g in map(json.loads, r.stdout.splitlines())}
        for i, (model, b) in enumerate(bodies, 1):
            try:
                extracted = snapshot.extract_usage(b, provider, None, flavour)
                info = extracted.model or snapshot.find_provider_model(model, None, provider, None)[1]
                want = extracted.calc_price(genai_request_timestamp=when, model=info)
            except (LookupError, ValueError):
                apart += 1
                continue
            g = got.get(i)
            if g and g["status"] == "unpriced":
                apart += 1
            elif g and all(D(g["cost"][k]) == v.quantize(PICO, ROUND_HALF_EVEN) for k, v in
                           (("input", want.input_price), ("output", want.output_price), ("total", want.total_price))):
                passed += 1
            else:
                failed.append(f"{provider} {dialect} {model}: {g and g['cost']}, package {want.input_price} + {want.output_price}, {b}")
    for line in failed[:20]:
        print(line)
    print(f"{apart} answers are not comparable (no price in the file, or refused by the package)")
    print(f"{passed} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
