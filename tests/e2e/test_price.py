#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`runrate price` and `runrate prices` from outside: amounts against two independent pricings, and bad input.

1. price_truth.py: our own lists priced again in Python's decimal, every model, several dates, tiers and sizes.
2. price_oracle.py: the package genai-prices itself, where it is installed (skipped loudly where it is not).
3. price_dialects.py: vendors' answers through the package's extractors and through ours (the same condition).
4. price_litellm.py: LiteLLM's own calculator (the same condition).
5. The command's contract: exit codes, malformed lines named and the rest priced, --at, --strict, JSON lines, overrides.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
RUNRATE = os.environ.get("RUNRATE", str(ROOT / "build/runrate"))
PUBLIC = ROOT.parent / "shared/data/prices"
passed, failed, skipped = 0, 0, 0


def ok(name, good, why=""):
    global passed, failed
    passed, failed = passed + bool(good), failed + (not good)
    print(f"{'ok' if good else 'not ok'} {name}" + ("" if good else f": {why}"))


def run(*args, text="", env=None):
    return subprocess.run([RUNRATE, *args], input=text, capture_output=True, text=True, env={**os.environ, **(env or {})})


def other(name, *args):
    """Another test program's counts, as one check."""
    global skipped
    r = subprocess.run([sys.executable, str(HERE / name), *args], capture_output=True, text=True)
    lines = r.stdout.strip().splitlines() or [r.stderr[-200:]]
    if r.returncode == 77:
        skipped += 1
        print(f"  skipped: {lines[0]}")
        return
    ok(f"{name}: {lines[-1]}", r.returncode == 0, "; ".join(lines[-4:-1])[:600])


def lines(r):
    return [json.loads(text) for text in r.stdout.splitlines() if text.startswith("{")]


def chat(model, i=1000, o=10, **more):
    return json.dumps({"model": model, "usage": {"prompt_tokens": i, "completion_tokens": o, "total_tokens": i + o}, **more})


def contract():
    at = ["--provider", "openai", "--dialect", "openai-chat", "--at", "2026-11-21T12:00:00Z", "--json"]
    r = run("price", *at, "-", text="\n".join([chat("gpt-4.1"), "{broken", "", chat("gpt-4.1-mini"), '"text"', "[1,2", chat("gpt-4.1-nano")]))
    ok("the good lines of a bad file are priced", [g["line"] for g in lines(r)] == [1, 4, 7], r.stdout[:200])
    ok("each bad line is named", all(f"-:{n}:" in r.stderr for n in (2, 5, 6)), r.stderr)
    ok("a malformed body is exit 4", r.returncode == 4, r.returncode)
    r = run("price", *at, text='{"model":"gpt-4.1","usage":{"prompt_tokens":-5,"completion_tokens":1}}')
    ok("a negative count is no count: exit 4", r.returncode == 4 and not lines(r), r.stderr)
    r = run("price", *at, "-", text=json.dumps(json.loads(chat("gpt-4.1")), indent=2))
    ok("a body over several lines", len(lines(r)) == 1 and r.returncode == 0, r.stderr)
    r = run("price", *at, "--strict", "-", text=chat("gpt-4.1") + "\n" + chat("gpt-none"))
    got = lines(r)
    ok("unknown is unpriced, never 0", got[1]["status"] == "unpriced" and got[1]["cost"]["total"] is None, got[1])
    ok("--strict makes it exit 11", r.returncode == 11, r.returncode)
    ok("without --strict it is exit 0", run("price", *at, "-", text=chat("gpt-none")).returncode == 0)
    g = lines(run("price", *at, "-", text='{"model":"gpt-4.1"}'))[0]
    ok("no usage is its own state", g["status"] == "no_usage" and g["vendor_total_tokens"] is None, g)
    g = lines(run("price", *at, "-", text='{"model":"gpt-4.1","usage":{"prompt_tokens":5,"completion_tokens":5,"total_tokens":99}}'))[0]
    ok("parts that do not sum are a mismatch, with the vendor's total", g["status"] == "mismatch" and g["vendor_total_tokens"] == 99, g)
    g = lines(run("price", *at, "-", text=chat("gpt-4.1", service_tier="priority")))[0]
    ok("a served tier is priced as served", g["tier"] == "priority" and float(g["cost"]["total"]) > 0.00208, g)
    line = json.dumps({"custom_id": "a", "response": {"status_code": 200, "body": json.loads(chat("gpt-4.1"))}})
    g = lines(run("price", *at, "-", text=line))[0]
    ok("a line of a batch result is priced at the batch tier", g["tier"] == "batch" and g["cost"]["input"] == "0.001", g)
    rules = g["rules"]
    ok("each rule has id, source and valid_from", rules and all(r["id"] and r["source"] and "valid_from" in r for r in rules), rules)
    for day, want in (("2026-07-29T23:59:59Z", "0.001"), ("2026-07-30T00:00:00Z", "0.0002")):
        g = lines(run("price", *at[:4], "--at", day, "--json", "-", text=chat("gpt-5.6-luna", 1000, 0)))[0]
        ok(f"--at {day} takes the price of that day", g["cost"]["input"] == want, g["cost"])
    ok("an unknown dialect is exit 2", run("price", "--dialect", "klingon", "-").returncode == 2)
    ok("no dialect is exit 2", run("price", "-").returncode == 2)
    ok("a book that is no book is exit 4", run("price", *at, "--book", str(ROOT / "Makefile"), "-", text=chat("x")).returncode == 4)
    r = run("price", "--list-dialects", "--json")
    ok("the dialects are listed", {"openai-chat", "anthropic", "gemini", "bedrock"} <= set(json.loads(r.stdout)["dialects"]), r.stdout)


def overrides():
    with tempfile.TemporaryDirectory() as home:
        env = {"XDG_CONFIG_HOME": home, "HOME": home}
        mine = pathlib.Path(home, "mine.csv")
        mine.write_text("provider,model,meter,price,per,source,source_date\nopenai,gpt-4.1,in_plain,1.5,1M,contract,2026-11-01\n"
                        "local,llama,in_plain,0.1,1M,own,2026-11-01\nlocal,llama,out_text,0.2,1M,own,2026-11-01\n")
        r = run("prices", "update", str(mine), "--dry-run", env=env)
        ok("a dry run writes nothing", r.returncode == 0 and not pathlib.Path(home, "runrate/prices.csv").exists(), r.stderr)
        r = run("prices", "update", str(mine), env=env)
        ok("an update shows what it changes", r.returncode == 0 and "gpt-4.1" in r.stdout, r.stdout + r.stderr)
        price = lambda p, m: lines(run("price", "--provider", p, "--dialect", "openai-chat", "--json", "-", text=chat(m, 1000000, 0), env=env))[0]
        ok("an override wins", price("openai", "gpt-4.1")["cost"]["input"] == "1.5")
        ok("what it does not speak of stays", price("openai", "gpt-4.1-mini")["cost"]["input"] == "0.4")
        ok("it may add a model", price("local", "llama")["cost"]["input"] == "0.1")
        mine.write_text("provider,model,meter,price,per,source,source_date\nopenai,gpt-4.1,out_text,7,1M,contract,2026-11-02\n")
        run("prices", "update", str(mine), env=env)
        g = lines(run("price", "--provider", "openai", "--dialect", "openai-chat", "--json", "-", text=chat("gpt-4.1", 1000000, 1000000), env=env))[0]
        ok("a second update keeps the first", g["cost"]["input"] == "1.5" and g["cost"]["output"] == "7", g["cost"])
        mine.write_text("provider,model,meter,price\nopenai,gpt-4.1,in_plain,0\n")
        r = run("prices", "update", str(mine), env=env)
        ok("a zero is refused with its line", r.returncode == 4 and "mine.csv:2" in r.stderr, r.stderr)
    r = run("prices", "lint")
    ok("the built-in book has no lint errors", r.returncode == 0 and "0 errors" in r.stderr, r.stdout[:300])
    r = run("prices", "show", "claude-opus-5-5", "--json")
    ok("show gives dated rules with their sources", all(x["source"] and x["source_date"] for x in json.loads(r.stdout)["rules"]))
    if PUBLIC.is_dir():
        r = run("prices", "diff", str(PUBLIC / "genai-prices/data.json"), "--provider", "anthropic", "--json")
        d = json.loads(r.stdout)
        ok("diff says who disagrees, by how much", d["models_in_both"] >= 20 and all("relative" in x or x["b"] is None for x in d["differences"]), d)


def main():
    contract()
    overrides()
    other("price_truth.py", "--runrate", RUNRATE)
    other("price_oracle.py", RUNRATE, str(PUBLIC / "genai-prices/data.json"))
    other("price_dialects.py", RUNRATE, str(PUBLIC / "genai-prices/data.json"))
    other("price_litellm.py", RUNRATE, str(PUBLIC / "litellm/model_prices_and_context_window.json"))
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
