#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A second, independent pricing of runrate's own price lists: Python, decimal, straight from the CSV files.

  price_truth.py --book data/prices --served served.jsonl --ledger-export calls.jsonl
      prices the sandbox vendor's own list of what it served and holds the ledger against it to the last 10^-12

  price_truth.py --book data/prices --runrate build/runrate
      makes bodies for every model of the lists, at several dates, tiers and sizes, and holds `runrate price` against it

served.jsonl has one line an answer: {id, api, surface, model, at, status, stream, usage: the vendor's raw usage block,
service_tier?}. calls.jsonl are the ledger's calls as JSON lines (vendor_ref is the vendor's id). Nothing of runrate's
code is used. Last line: "N passed, N failed"; exit code 1 when something differs.
"""
import argparse
import csv
import datetime
import json
import pathlib
import random
import re
import subprocess
import sys
from decimal import ROUND_HALF_EVEN, Decimal as D, getcontext

getcontext().prec = 60
PICO = D(1).scaleb(-12)
PER = {"": 1, "1": 1, "1k": 1000, "1M": 1000000}
DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
INPUT = {"in_plain", "in_cache_read", "in_cache_write", "in_cache_write_5m", "in_cache_write_30m", "in_cache_write_1h",
         "in_cache_write_12h", "in_audio", "in_audio_cache_read", "in_image", "in_image_cache_read"}
OUTPUT = {"out_text", "out_reasoning", "out_audio", "out_image"}
# What stands in where a model lists no price of its own for a class (docs/guide/prices.md).
STAND_IN = {"out_reasoning": "out_text", "in_image": "in_plain", "in_image_cache_read": "in_cache_read",
            "in_cache_write_5m": "in_cache_write", "in_cache_write_30m": "in_cache_write",
            "in_cache_write": "in_cache_write_5m"}


class Unpriced(Exception):
    pass


def moment(text):
    if len(text) == 10:
        text += "T00:00:00Z"
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


class Lists:
    def __init__(self, folder):
        self.rules, self.names, self.fallback, self.alias = {}, {}, {}, {}
        for path in sorted(pathlib.Path(folder).glob("*.csv")):
            with open(path, newline="") as f:
                rows = list(csv.DictReader(f))
            if "meter" in rows[0]:
                for row in rows:
                    self.add(row)
            elif "falls_back_to" in rows[0]:
                for row in rows:
                    self.fallback[row["provider"]] = row["falls_back_to"].split()
                    for other in row["aliases"].split():
                        self.alias[other] = row["provider"]

    def add(self, row):
        key = (row["provider"].lower(), row["model"])
        self.rules.setdefault(key, []).append(row)
        for name in [row["model"], *row["match"].split()]:
            self.names.setdefault((key[0], name.lower()), key)

    def model(self, provider, name):
        provider = self.alias.get(provider.lower(), provider.lower())
        name = name.lower()
        if name.startswith("ft:"):
            name = ":".join(name.split(":")[:2])
        for p in [provider, *self.fallback.get(provider, [])]:
            for n in (name, name.split("/")[-1], re.sub(r"-(\d{4}-\d\d-\d\d|20\d{6})$", "", name), re.sub(r"-latest$", "", name)):
                if (p, n) in self.names:
                    return self.names[p, n]
        raise Unpriced(f"no model {provider}/{name}")

    def in_force(self, row, at):
        if row["valid_from"] and at < moment(row["valid_from"]):
            return False
        if row["valid_to"] and at >= moment(row["valid_to"]):
            return False
        days = row["weekdays"]
        if days and DAYS[at.weekday()] not in (DAYS[:5] if days == "mon-fri" else days.split()):
            return False
        if row["window_utc"]:
            a, b = row["window_utc"].split("-")
            now = at.strftime("%H:%M")
            return a <= now < b if a < b else now >= a or now < b
        return True

    def rule(self, key, meter, at, tier, fast, region, size):
        """(the rule, whether any is listed at that time)"""
        rows = [r for r in self.rules[key] if r["meter"] == meter and self.in_force(r, at)]
        fit = [r for r in rows
               if (r["tier"] == "any" or (r["tier"] == tier and (r["speed"] == "fast") == fast))
               and (not r["region"] or r["region"] == region)
               and (not r["above_input_tok"] or size > int(r["above_input_tok"]))]
        fit.sort(key=lambda r: (r["region"] != "", r["tier"] != "any", int(r["above_input_tok"] or 0),
                                bool(r["window_utc"] or r["weekdays"]), r["valid_from"]))
        return (fit[-1] if fit else None), bool(rows)

    def price(self, provider, model, at, counts, tier="", fast=False, region=""):
        """Input, output, tools, total as exact decimals."""
        key = self.model(provider, model)
        size = sum(n for k, n in counts.items() if k in INPUT)
        parts = {"input": D(0), "output": D(0), "tools": D(0)}
        if any(r["meter"] == "request" for r in self.rules[key]):
            counts = {**counts, "request": 1}
        for meter, n in counts.items():
            if not n or meter == "tool_web_fetch":
                continue
            rule, listed = self.rule(key, meter, at, tier, fast, region, size)
            seen = {meter}
            other = STAND_IN.get(meter)
            while not rule and not listed and other and other not in seen:
                seen.add(other)
                rule, listed = self.rule(key, other, at, tier, fast, region, size)
                other = None
            if not rule:
                raise Unpriced(f"{key} {meter} {tier} {'fast' if fast else ''}")
            price = D(0) if rule["price"] == "free" else D(rule["price"])
            per = PER[rule["per"]] if rule["per"] in PER else int(rule["per"])
            part = "input" if meter in INPUT else "output" if meter in OUTPUT else "tools"
            parts[part] += price * n / per
        parts["total"] = sum(parts.values(), D(0))
        return {k: v.quantize(PICO, ROUND_HALF_EVEN) for k, v in parts.items()}


# ---- the vendors' raw usage blocks, as their own documentation describes them

def openai_counts(u):
    i = u.get("prompt_tokens", u.get("input_tokens", 0)) or 0
    o = u.get("completion_tokens", u.get("output_tokens", 0)) or 0
    di = u.get("prompt_tokens_details") or u.get("input_tokens_details") or {}
    do = u.get("completion_tokens_details") or u.get("output_tokens_details") or {}
    read, write = di.get("cached_tokens", 0) or 0, di.get("cache_write_tokens", 0) or 0
    audio = min(di.get("audio_tokens", 0) or 0, i - read - write)
    reasoning, audio_out = do.get("reasoning_tokens", 0) or 0, do.get("audio_tokens", 0) or 0
    return {"in_plain": i - read - write - audio, "in_cache_read": read, "in_cache_write_30m": write, "in_audio": audio,
            "out_text": o - reasoning - audio_out, "out_reasoning": reasoning, "out_audio": audio_out}


def anthropic_counts(u):
    split = u.get("cache_creation") or {}
    short, long = split.get("ephemeral_5m_input_tokens", 0), split.get("ephemeral_1h_input_tokens", 0)
    rest = (u.get("cache_creation_input_tokens") or 0) - short - long
    thinking = (u.get("output_tokens_details") or {}).get("thinking_tokens", 0)
    tools = u.get("server_tool_use") or {}
    return {"in_plain": u.get("input_tokens") or 0, "in_cache_read": u.get("cache_read_input_tokens") or 0,
            "in_cache_write_5m": short + max(rest, 0), "in_cache_write_1h": long,
            "out_text": (u.get("output_tokens") or 0) - thinking, "out_reasoning": thinking,
            "tool_web_search": tools.get("web_search_requests", 0), "tool_web_fetch": tools.get("web_fetch_requests", 0)}


def gemini_counts(u):
    prompt, cached = u.get("promptTokenCount", 0), u.get("cachedContentTokenCount", 0)
    tool, thoughts = u.get("toolUsePromptTokenCount", 0), u.get("thoughtsTokenCount", 0)
    text = u.get("candidatesTokenCount", u.get("responseTokenCount", 0))
    total = u.get("totalTokenCount")
    if thoughts and total is not None and prompt + text + tool == total:
        text -= thoughts  # some backends count thoughts inside
    audio = sum(d.get("tokenCount", 0) for d in u.get("promptTokensDetails", []) if d.get("modality") == "AUDIO")
    image = sum(d.get("tokenCount", 0) for d in u.get("promptTokensDetails", []) if d.get("modality") in ("IMAGE", "VIDEO"))
    audio_hit = sum(d.get("tokenCount", 0) for d in u.get("cacheTokensDetails", []) if d.get("modality") == "AUDIO")
    image_hit = sum(d.get("tokenCount", 0) for d in u.get("cacheTokensDetails", []) if d.get("modality") in ("IMAGE", "VIDEO"))
    return {"in_plain": prompt - cached + tool - (audio - audio_hit) - (image - image_hit),
            "in_cache_read": cached - audio_hit - image_hit, "in_audio": audio - audio_hit, "in_audio_cache_read": audio_hit,
            "in_image": image - image_hit, "in_image_cache_read": image_hit, "out_text": text, "out_reasoning": thoughts}


TIER = {"": "", "default": "", "standard": "", "on_demand": "", "batch": "batch", "flex": "flex", "priority": "priority",
        "fast": "priority", "on_demand_flex": "flex", "on_demand_priority": "priority"}


def truth(lists, line):
    api, u = line["api"], line["usage"]
    counts = {"openai": openai_counts, "anthropic": anthropic_counts, "gemini": gemini_counts}[api](u)
    tier = str(line.get("service_tier") or u.get("service_tier") or u.get("trafficType") or "").lower()
    if tier not in TIER:
        raise Unpriced(f"tier {tier}")
    geo = str(u.get("inference_geo") or "").lower()
    return lists.price({"gemini": "google"}.get(api, api), line["model"], moment(line["at"]), counts, TIER[tier],
                       u.get("speed") == "fast", "" if geo in ("global", "not_available") else geo)


def read_lines(path):
    with open(path) as f:
        return [json.loads(text) for text in f if text.strip()]


def against_ledger(lists, served, export):
    calls = {}
    for call in read_lines(export):
        if call.get("vendor_ref"):
            calls.setdefault(call["vendor_ref"], []).append(call)
    passed, failed, total_truth, total_ledger, unpriced = 0, [], D(0), D(0), 0
    for line in read_lines(served):
        if not line.get("usage") or line.get("status", 200) != 200:
            continue
        rows = calls.get(line["id"], [])
        if len(rows) != 1:
            failed.append(f"{line['id']}: {len(rows)} rows in the ledger, 1 expected")
            continue
        call = rows[0]
        try:
            want = truth(lists, line)["total"]
        except Unpriced as why:
            if call["price_status"] != "unpriced":
                failed.append(f"{line['id']}: no price ({why}), the ledger says {call['price_status']} {call['cost']}")
            else:
                passed, unpriced = passed + 1, unpriced + 1
            continue
        if call["price_status"] not in ("priced", "free") or D(call["cost"]) != want:
            failed.append(f"{line['id']} {line['model']}: ledger {call['price_status']} {call['cost']}, truth {want}")
            continue
        passed += 1
        total_truth += want
        total_ledger += D(call["cost"])
    print(f"sum of the truth {total_truth}, sum of the ledger {total_ledger}, without a price on both sides {unpriced}")
    return passed, failed


def some_body(rng, provider, model, tier):
    """(dialect, body, counts)"""
    n = lambda most: rng.choice([0, 1, rng.randrange(most), most])
    if provider == "anthropic":
        u = {"input_tokens": n(5000), "cache_read_input_tokens": n(250000), "cache_creation_input_tokens": 0,
             "cache_creation": {"ephemeral_5m_input_tokens": n(4000), "ephemeral_1h_input_tokens": n(3000)},
             "output_tokens": n(4000), "server_tool_use": {"web_search_requests": rng.choice([0, 0, 2])},
             "service_tier": tier or "standard", "inference_geo": rng.choice(["us", "global", "not_available"])}
        u["cache_creation_input_tokens"] = sum(u["cache_creation"].values())
        if not tier and rng.random() < 0.2:
            u["speed"] = "fast"
        return "anthropic", {"id": "msg_1", "model": model, "usage": u}, u
    if provider == "google":
        prompt, cached = 1000 + n(300000), n(1000)
        u = {"promptTokenCount": prompt, "cachedContentTokenCount": cached, "candidatesTokenCount": n(3000),
             "thoughtsTokenCount": n(500), "trafficType": {"": "ON_DEMAND", "batch": "BATCH", "flex": "ON_DEMAND_FLEX",
                                                           "priority": "ON_DEMAND_PRIORITY"}[tier]}
        u["totalTokenCount"] = prompt + u["candidatesTokenCount"] + u["thoughtsTokenCount"]
        return "gemini", {"modelVersion": model, "usageMetadata": u}, u
    i, o = 2000 + n(300000), 100 + n(3000)
    u = {"prompt_tokens": i, "prompt_tokens_details": {"cached_tokens": n(1000), "cache_write_tokens": 0}, "completion_tokens": o,
         "completion_tokens_details": {"reasoning_tokens": n(100)}, "total_tokens": i + o}
    if re.match(r"gpt-(5\.6|6)", model):
        u["prompt_tokens_details"]["cache_write_tokens"] = n(900)
    return "openai-chat", {"id": "c", "model": model, "service_tier": tier or "default", "usage": u}, u


def against_binary(lists, runrate, seed):
    rng = random.Random(seed)
    passed, failed = 0, []
    jobs = {}
    for (provider, model) in lists.rules:
        meters = {r["meter"] for r in lists.rules[provider, model]}
        if not meters & (INPUT | OUTPUT) or meters & {"out_image"}:
            continue
        for at in ("2025-03-01T02:15:00Z", "2026-08-20T09:59:00Z", "2026-09-30T12:00:00Z", "2026-11-20T03:59:59Z",
                   "2026-11-21T12:00:00Z", "2027-01-01T00:00:00Z"):
            for tier in ("", rng.choice(["batch", "flex", "priority"])):
                dialect, body, u = some_body(rng, provider, model, tier)
                jobs.setdefault((provider, dialect, at), []).append((model, tier, body, u))
    for (provider, dialect, at), bodies in jobs.items():
        r = subprocess.run([runrate, "price", "--provider", provider, "--dialect", dialect, "--at", at, "--json", "-"],
                           input="".join(json.dumps(b[2]) + "\n" for b in bodies), capture_output=True, text=True)
        got = [json.loads(text) for text in r.stdout.splitlines()]
        if len(got) != len(bodies):
            failed.append(f"{provider} {at}: {len(got)} lines for {len(bodies)} bodies: {r.stderr[:200]}")
            continue
        for (model, tier, body, u), g in zip(bodies, got):
            line = {"api": {"gemini": "gemini", "anthropic": "anthropic"}.get(dialect, "openai"), "usage": u, "model": model,
                    "at": at, "service_tier": tier}
            try:
                counts = {"openai": openai_counts, "anthropic": anthropic_counts, "gemini": gemini_counts}[line["api"]](u)
                geo = str(u.get("inference_geo") or "").lower()
                want = lists.price(provider, model, moment(at), counts, tier, u.get("speed") == "fast",
                                   "" if geo in ("global", "not_available") else geo)
            except Unpriced as why:
                if g["status"] == "unpriced" and g["cost"]["total"] is None:
                    passed += 1
                else:
                    failed.append(f"{provider}/{model} {tier} {at}: {g['status']} {g['cost']}, truth: {why}")
                continue
            if g["status"] == "priced" and all(D(g["cost"][k]) == want[k] for k in ("input", "output", "tools", "total")):
                passed += 1
            else:
                failed.append(f"{provider}/{model} {tier} {at}: {g['status']} {g.get('why', '')} {g['cost']}, truth {want}")
    return passed, failed


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--book", default=str(pathlib.Path(__file__).resolve().parents[2] / "data" / "prices"))
    p.add_argument("--served")
    p.add_argument("--ledger-export")
    p.add_argument("--runrate")
    p.add_argument("--seed", type=int, default=1)
    a = p.parse_args()
    lists = Lists(a.book)
    passed, failed = 0, []
    if a.served and a.ledger_export:
        passed, failed = against_ledger(lists, a.served, a.ledger_export)
    if a.runrate:
        n, bad = against_binary(lists, a.runrate, a.seed)
        passed, failed = passed + n, failed + bad
    for line in failed[:40]:
        print(line)
    print(f"{passed} passed, {len(failed)} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
