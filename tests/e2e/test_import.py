#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`runrate import` from outside: what each file holds is computed here again, with csv, json and decimal alone.

1. Every usage and cost file of ../shared/data/billing (skipped loudly where that is absent).
2. The three OpenAI days whose public usage and cost agree to the last decimal; the traps that make bills wrong.
3. The promises: twice is nothing new, undo takes all of it back, growing buckets replace, bad rows are named.
The sources that have no public sample are tested on exports that are written here, in import_shapes.py.
"""
import csv
import gzip
import json
import os
import pathlib
import subprocess
import sys
import tempfile
from decimal import Decimal as D

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
RUNRATE = os.environ.get("RUNRATE", str(ROOT / "build/runrate"))
BILLING = ROOT.parent / "shared/data/billing"
TMP = pathlib.Path(tempfile.mkdtemp(prefix="rr-import-"))
BOOKS = ("unclassified", "inference", "training", "other")
passed, failed, skipped = 0, 0, 0
ledgers = 0


def ok(name, good, why=""):
    global passed, failed
    passed, failed = passed + bool(good), failed + (not good)
    print(f"{'ok' if good else 'not ok'} {name}" + ("" if good else f": {why}"))


def same(name, got, want):
    ok(name, got == want, f"{got!r}, wanted {want!r}")


def new_ledger():
    global ledgers
    ledgers += 1
    return str(TMP / f"ledger-{ledgers}.db")


def run(*args, text=None, data=None):
    r = subprocess.run([RUNRATE, *map(str, args)], input=data if data is not None else (text or "").encode(), capture_output=True)
    r.stdout, r.stderr = r.stdout.decode("utf-8", "replace"), r.stderr.decode("utf-8", "replace")
    return r


def take(path, *more, ledger=None, text=None, data=None, rc=0):
    """Imports and gives the JSON; a wrong exit code is a failed check."""
    r = run("import", path, "--json", "--ledger", ledger or new_ledger(), *more, text=text, data=data)
    if r.returncode != rc:
        ok(f"import {pathlib.Path(str(path)).name} exits {rc}", False, f"{r.returncode}: {r.stderr[:300]}")
    try:
        return json.loads(r.stdout)
    except ValueError:
        return {"error": r.stderr, "rows_rejected": [], "rows_new": -1}


def put(name, text):
    path = TMP / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def total(a):
    return sum(D(a[k]) for k in BOOKS)


def twice(name, path, *more):
    """Imports twice into one ledger: the second time adds nothing, and says the same money."""
    ledger = new_ledger()
    a, b = take(path, *more, ledger=ledger), take(path, *more, ledger=ledger)
    same(f"{name}: a second import adds nothing", (b["rows_new"], b["rows_revised"]), (0, 0))
    money = lambda x: [x[k] for k in BOOKS + ("claimed", "priced", "billed")] + [x["tokens"]]
    same(f"{name}: and prints the same totals", money(b), money(a))
    v = json.loads(run("verify", "--json", "--ledger", ledger).stdout or "{}")
    ok(f"{name}: the ledger verifies", v.get("ok") is True, v)
    return a, ledger


# ---- FOCUS ----

def focus_rows(path):
    with open(path, encoding="utf-8-sig", newline="") as f:
        return [r for r in csv.DictReader(f)]


def focus():
    path = BILLING / "focus/focus-1.0_sample_1000.csv"
    rows = focus_rows(path)
    a, ledger = twice("FOCUS sample", path)
    same("FOCUS sample: the classes sum to BilledCost", total(a), sum(D(r["BilledCost"]) for r in rows))
    same("FOCUS sample: rows", (a["rows_read"], a["rows_new"], a["rows_rejected"]), (len(rows), len(rows), []))
    credit = [r for r in rows if r["ChargeCategory"] == "Credit"]
    ok("FOCUS sample: the credit is there to be told", len(credit) == 1 and D(credit[0]["BilledCost"]) < 0)
    ml = [r for r in rows if r["ServiceCategory"] == "AI and Machine Learning"]
    text = TMP / "ml.csv"
    with open(text, "w", newline="") as f:
        w = csv.DictWriter(f, rows[0])
        w.writeheader()
        w.writerows(ml)
    b = take(text)
    vm = sum(D(r["BilledCost"]) for r in ml if "Virtual Machines" in r["ChargeDescription"])
    same("FOCUS sample: disks, addresses and traffic of an ML workspace are other", D(b["other"]), sum(D(r["BilledCost"]) for r in ml) - vm)
    same("FOCUS sample: its machine is unclassified, not guessed", D(b["unclassified"]), vm)
    r = json.loads(run("report", "--json", "--ledger", ledger).stdout)
    same("FOCUS sample: the report has it too", D(r["total"]), total(a))
    for name in sorted((BILLING / "focus/saas_examples").glob("*.csv")):
        rows = focus_rows(name)
        a, _ = twice(name.name, name)
        same(f"{name.name}: BilledCost", total(a), sum(D(r["BilledCost"]) for r in rows))
        same(f"{name.name}: rows", a["rows_new"], len(rows))


def focus_drift():
    head = "BilledCost,BillingCurrency,ChargeCategory,ChargePeriodStart,ChargePeriodEnd,ServiceName,ProviderName,ChargeDescription,ListUnitPrice\n"
    one = "1.50,USD,Usage,2026-10-01T00:00:00Z,2026-10-02T00:00:00Z,S,P,thing one,2\n"
    two = "2.25,USD,Usage,2026-10-01T00:00:00Z,2026-10-02T00:00:00Z,S,P,thing two,2\n"
    ledger = new_ledger()
    take(put("f1.csv", head + one + two), ledger=ledger)
    columns = head.strip().split(",")
    back = ",".join(reversed(columns)) + ",x_New\n" + ",".join(reversed(one.strip().split(","))) + ",\n"
    b = take(put("f2.csv", back), ledger=ledger)
    same("FOCUS: other order, a new empty column: the same row", (b["rows_new"], b["rows_duplicate"]), (0, 1))
    c = take(put("f3.csv", head + one.replace("1.50", "1.75")), ledger=ledger)
    same("FOCUS: a changed amount revises", (c["rows_new"], c["rows_revised"]), (0, 1))
    r = json.loads(run("report", "--json", "--ledger", ledger).stdout)
    same("FOCUS: and the report counts it once", D(r["unclassified"]), D("4.00"))
    run("import", "--undo", c["batch"], "--ledger", ledger)
    r = json.loads(run("report", "--json", "--ledger", ledger).stdout)
    same("FOCUS: undone, the old amount counts again", D(r["unclassified"]), D("3.75"))
    same("two equal rows are two rows", take(put("f4.csv", head + one + one))["unclassified"], "3")
    bad = take(put("f5.csv", head + one + '"1,23",USD,Usage,2026-10-01,2026-10-02,S,P,x,1\n' + "5,Dollar!,Usage,2026-10-01,2026-10-02,S,P,y,1\n"
                   + "6,USD,Usage,10/11/2026,2026-10-02,S,P,y,1\n" + "99999999999,USD,Usage,2026-10-01,2026-10-02,S,P,y,1\n"
                   + "NULL,USD,Usage,2026-10-01,2026-10-02,S,P,y,1\n" + two), rc=4)
    same("bad rows are named by number", [x["row"] for x in bad["rows_rejected"]], [2, 3, 4, 5, 6])
    ok("a decimal comma is refused for what it is", "comma" in bad["rows_rejected"][0]["reason"], bad["rows_rejected"][:1])
    same("and the rest is kept", D(bad["unclassified"]), D("3.75"))
    mixed = take(put("f6.csv", head + one + two.replace("USD", "EUR")))
    ok("two currencies are never one sum", mixed["unclassified"] is None and mixed["currency"] is None, mixed.get("unclassified"))
    same("but stand side by side", {x["currency"]: x["unclassified"] for x in mixed["by_currency"]}, {"USD": "1.5", "EUR": "2.25"})
    same("UTF-16 is read", take(put("f7.csv", (head + one).encode("utf-16")))["unclassified"], "1.5")
    same("gzip is undone", take(put("f8.csv", gzip.compress((head + one).encode())))["unclassified"], "1.5")
    same("standard input", take("-", data=(head + one).encode())["unclassified"], "1.5")
    ledger = new_ledger()
    same("a dry run reads all", take(put("f9.csv", head + one), "--dry-run", ledger=ledger)["rows_new"], 1)
    same("and keeps nothing", take(TMP / "f9.csv", ledger=ledger)["rows_new"], 1)


# ---- OpenAI ----

def page(*buckets):
    return json.dumps({"object": "page", "data": list(buckets), "has_more": False, "next_page": None})


def bucket(start, *results, width=86400):
    return {"object": "bucket", "start_time": start, "end_time": start + width, "results": list(results)}


def completions(**more):
    return {"object": "organization.usage.completions.result", "input_tokens": 0, "output_tokens": 0, "num_model_requests": 1,
            "project_id": None, "user_id": None, "api_key_id": None, "model": None, "batch": None, "service_tier": None, **more}


DAYS = [(1757376000, 80992, 274770, "0.569788"), (1757462400, 124784, 154852, "0.340900"), (1757548800, 22688, 33191, "0.072054")]


def three_days():
    """Public usage and cost of one organisation, gpt-5-mini at 0.25 and 2.00 USD a million (sources.md, section 0)."""
    ledger = new_ledger()
    for start, i, o, cost in DAYS:
        usage = put(f"u{start}.json", page(bucket(start, completions(model="gpt-5-mini-2025-08-07", input_tokens=i, output_tokens=o))))
        # the amount as a float printed in full, as the API does
        costs = put(f"c{start}.json", page(bucket(start, {"object": "organization.costs.result", "amount": {"value": "@", "currency": "usd"},
                    "line_item": "gpt-5-mini-2025-08-07, output", "project_id": None})).replace('"@"', cost + "0000000000000000000000"))
        a, b = take(usage, ledger=ledger), take(costs)
        exact = (D(i) * D("0.25") + D(o) * 2) / 1000000
        same(f"day of {cost}: our price is the exact product", D(a["priced"]), exact)
        same(f"day of {cost}: priced is billed, to the last decimal", D(a["priced"]), D(b["billed"]))
        same(f"day of {cost}: tokens", a["tokens"], i + o)


def openai_examples():
    d = json.load(open(BILLING / "openai/usage_and_costs_examples.json"))
    want = {"completions": 1500, "embeddings": 16, "moderations": 16}
    for name, value in d.items():
        if not name.startswith("GET"):
            continue
        kind = name.rsplit("/", 1)[1]
        a, _ = twice(f"example of {kind}", put(f"oa-{kind}.json", json.dumps(value, indent=1)))
        same(f"example of {kind}: rows, tokens", (a["rows_new"], a["tokens"]), (1, want.get(kind, 0)))
    same("example of costs: amount", D(take(TMP / "oa-costs.json")["billed"]), D("0.06"))
    grouped = {k: v for k, v in d.items() if isinstance(v, dict) and str(v.get("object", "")).startswith("organization.usage")}
    ledger = new_ledger()
    for name, value in grouped.items():
        take(put(f"oa-{name}.json", page(bucket(1730419200, value))), ledger=ledger)
    r = json.loads(run("report", "--json", "--ledger", ledger).stdout)
    n = sum(v.get("num_model_requests", v.get("num_requests", v.get("num_sessions", 0))) for v in grouped.values())
    same("examples, grouped: calls", r["inference"]["calls"], n)
    j = take(put("oa-job.json", json.dumps(d["FineTuningJob"])), rc=4)
    ok("a training price that is not known is said, not 0", "davinci-002" in j["rows_rejected"][0]["reason"], j)
    job = {**d["FineTuningJob"], "model": "gpt-4o-mini-2024-07-18"}
    a, _ = twice("a fine-tuning job", put("oa-job2.json", json.dumps(job)))
    same("a fine-tuning job: 5,768 tokens at 3 USD a million is an outlay", (D(a["training"]), a["rows_new"]), (D(5768 * 3) / 1000000, 1))
    same("the vendor's own batch example is no JSON (a comma too many), and that is said",
         "not well-formed" in run("import", put("oa-batch0.json", d["Batch"]), "--ledger", new_ledger()).stderr, True)
    a, _ = twice("a batch object", put("oa-batch.json", d["Batch"].replace("job\",\n  }", "job\"}")))
    same("a batch object: tokens, calls", (a["tokens"], a["calls"]), (2000, 95))


def growing_bucket():
    ledger = new_ledger()
    first = completions(model="gpt-4.1-2025-04-14", input_tokens=1000, output_tokens=10)
    take(put("g1.json", page(bucket(1757376000, first))), ledger=ledger)
    b = take(put("g2.json", page(bucket(1757376000, {**first, "input_tokens": 5000, "num_model_requests": 4}))), ledger=ledger)
    same("a bucket that has grown is replaced", (b["rows_new"], b["rows_revised"]), (0, 1))
    r = json.loads(run("report", "--json", "--ledger", ledger).stdout)
    same("and counts once", r["inference"]["calls"], 4)
    bad = take(put("g3.json", page(bucket(1757376000, completions(model="gpt-4.1", input_tokens=100, input_cached_tokens=200)))))
    same("parts larger than the whole are a mismatch, without a price", (bad["priced"], bad["rows_unpriced"]), ("0", 1))
    cut = put("g4.json", page(bucket(1757376000, first), bucket(1757462400, first))[:-90])
    c = take(cut, rc=4)
    ok("a page that is cut off: its whole buckets are kept, the rest is said", c["rows_new"] == 1 and len(c["rows_rejected"]) == 1, c)


# ---- agents' logs ----

def claude_rows(folder):
    """The rules of sources.md 2.9, on plain dictionaries."""
    best, bad = {}, 0
    for path in sorted(folder.rglob("*.jsonl")):
        for text in open(path, encoding="utf-8"):
            try:
                line = json.loads(text)
            except ValueError:
                continue
            message = line.get("message") if isinstance(line, dict) else None
            usage = message.get("usage") if isinstance(message, dict) else None
            if not usage or message.get("model") == "<synthetic>":
                continue
            if "timestamp" not in line:
                bad += 1
                continue
            n = sum(usage.get(k, 0) for k in ("input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"))
            key = (message.get("id"), line.get("requestId"))
            rank = (not line.get("isSidechain"), n)
            if key not in best or rank > best[key][0]:
                best[key] = (rank, n, D(str(line.get("costUSD", 0))))
    return best, bad


def agents():
    folder = BILLING / "agents"
    best, bad = claude_rows(folder / "ccusage/claude")
    a, _ = twice("Claude Code fixtures", folder / "ccusage/claude")
    same("Claude Code fixtures: answers, tokens, claimed", (a["rows_new"], a["tokens"], D(a["claimed"])),
         (len(best), sum(b[1] for b in best.values()), sum(b[2] for b in best.values())))
    same("Claude Code fixtures: as ccusage counts them", a["tokens"], 1240)
    best, _ = claude_rows(folder / "claude-code-log")
    a, _ = twice("Claude Code transcripts", folder / "claude-code-log")
    same("Claude Code transcripts: answers, tokens", (a["rows_new"], a["tokens"]), (len(best), sum(b[1] for b in best.values())))
    a = take(folder / "ccusage/test-transcript.jsonl", rc=4)
    same("usage without a time is rejected by line", [x["row"] for x in a["rows_rejected"]], [2, 4])
    a, _ = twice("Codex fixtures", folder / "ccusage/codex")
    same("Codex fixtures: reasoning is inside output", (a["rows_new"], a["tokens"]), (2, 1000 + 125 + 2500 + 300))
    a = take(folder, rc=4)
    same("a folder of both: a batch for each", sorted(b["source"] for b in a["batches"]), ["claude-code", "codex"])


def line(i, r, n=10, side=False, model="claude-sonnet-4-20250514", space="", **more):
    sep = (", ", ": ") if space else (",", ":")
    return json.dumps({"timestamp": "2026-10-01T10:00:00.000Z", "sessionId": "s", "requestId": r, "isSidechain": side,
                       "message": {"id": i, "model": model, "role": "assistant",
                                   "usage": {"input_tokens": 100, "output_tokens": n}}, **more}, separators=sep) + "\n"


def repeated_lines():
    log = line("m1", "r1", 1) + line("m1", "r1", 40) + line("m1", "r1", 40) + line("m1", "r2", 90, side=True) + line("m2", "r3", 7, space=" ")
    log += line("m3", "r4", 5, model="<synthetic>") + '{"type":"user","message":{"content":"no \\"usage\\" here"}}\n' + "{broken \"usage\"\n"
    a = take(put("log/a.jsonl", log), rc=4)
    same("one answer, logged four times, counts once, the largest line of the main chain", (a["rows_new"], a["tokens"]), (2, 100 + 40 + 107))
    same("the repetitions are counted as such", a["rows_duplicate"], 3)
    same("the broken line is named", [x["row"] for x in a["rows_rejected"]], [8])
    put("log2/p/a.jsonl", line("m1", "r1", 40) + line("m9", "r9", 3))
    put("log2/q/b.jsonl", line("m1", "r1", 40))
    same("a resumed session in another file counts once", take(TMP / "log2")["rows_new"], 2)
    same("a space after the colons changes nothing", take(put("log3/a.jsonl", line("m1", "r1", 40, space=" ")))["tokens"], 140)


def codex_line(t, total, last, kind="event_msg"):
    use = lambda v: {"input_tokens": v[0], "cached_input_tokens": v[1], "output_tokens": v[2], "reasoning_output_tokens": v[3], "total_tokens": v[0] + v[2]}
    info = {"total_token_usage": use(total)}
    if last:
        info["last_token_usage"] = use(last)
    return json.dumps({"timestamp": t, "type": kind, "payload": {"type": "token_count", "info": info}}) + "\n"


def codex():
    meta = lambda i, **m: json.dumps({"timestamp": "2026-10-01T09:00:00Z", "type": "session_meta", "payload": {"id": i, "cwd": "/w", **m}}) + "\n"
    turn = json.dumps({"timestamp": "2026-10-01T09:00:00Z", "type": "turn_context", "payload": {"model": "gpt-5-codex"}}) + "\n"
    one = codex_line("2026-10-01T09:01:00Z", (1000, 200, 50, 10), (1000, 200, 50, 10))
    two = codex_line("2026-10-01T09:02:00Z", (3000, 900, 150, 30), (2000, 700, 100, 20))
    put("cx/sessions/p.jsonl", meta("P") + turn + one + one + two)
    put("cx/archived_sessions/p.jsonl", meta("P") + turn + one + one + two)
    again = codex_line("2026-10-01T10:00:00Z", (1000, 200, 50, 10), (1000, 200, 50, 10)) + codex_line("2026-10-01T10:00:00Z", (3000, 900, 150, 30), (2000, 700, 100, 20))
    own = codex_line("2026-10-01T10:01:00Z", (3500, 1000, 160, 30), (500, 100, 10, 0))
    put("cx/sessions/q.jsonl", meta("Q", forked_from_id="P") + meta("P") + turn + again + own)
    a, _ = twice("Codex replays", TMP / "cx")
    same("Codex: repeated lines, archived copies and a sub-agent's replay count once", (a["rows_new"], a["tokens"]), (3, 1050 + 2100 + 510))
    put("cy/s.jsonl", meta("R") + turn + codex_line("2026-10-01T09:01:00Z", (1000, 200, 50, 10), None) + codex_line("2026-10-01T09:02:00Z", (3000, 900, 150, 30), None))
    same("Codex: sums alone are told apart by their difference", take(TMP / "cy")["tokens"], 3150)


def refusals():
    for name, data, word in (("empty", b"", "empty"), ("parquet", b"PAR1xxxx", "Parquet"), ("zip", b"PK\x03\x04zz", "ZIP"),
                             ("text", b"a,b\n1,2\n", "no known source"), ("json", b'{"a": 1}', "no known source")):
        r = run("import", put(f"bad-{name}", data), "--ledger", new_ledger())
        ok(f"{name}: refused with the reason, exit 4", r.returncode == 4 and word in r.stderr, (r.returncode, r.stderr))
    r = run("import", TMP / "absent", "--ledger", new_ledger())
    ok("a file that is not there", r.returncode == 4 and "absent" in r.stderr, r.stderr)
    r = run("import", "--undo", "7", "--ledger", new_ledger())
    ok("undo of what is not there", r.returncode == 4, r.stderr)


def main():
    global skipped
    if BILLING.is_dir():
        focus()
        openai_examples()
        agents()
    else:
        skipped += 3
        print(f"  skipped: {BILLING} is not here: the public samples are not tested")
    focus_drift()
    three_days()
    growing_bucket()
    repeated_lines()
    codex()
    refusals()
    shapes = HERE / "import_shapes.py"
    if shapes.exists():
        sys.path.insert(0, str(HERE))
        import import_shapes
        import_shapes.run_all(sys.modules["__main__"])
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
