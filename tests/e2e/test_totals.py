#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One figure on every page: what an import sums is what each report, its lines by any dimension, explain, diff and FOCUS say.

1. Four exports of two months, with models without a price, tiers, refunds, line items that nobody knows, names that are too long.
2. No page for people is wider than 80 columns. 3. An error says what to do next, whatever the command.
4. Use and bill of the same days, in one import: counted once, by the import as by the report; days that one of them has alone count too.
"""
import csv
import io
import json
import os
import pathlib
import subprocess
import sys
import tempfile
from decimal import Decimal as D

RUNRATE = os.environ.get("RUNRATE", str(pathlib.Path(__file__).resolve().parents[2] / "build/runrate"))
TMP = pathlib.Path(tempfile.mkdtemp(prefix="rr-totals-"))
DIMS = "provider model team feature key env region project surface tier day week month".split()
DAY = 1788220800  # 2026-09-01
passed = failed = 0


def ok(name, why):
    global passed, failed
    passed, failed = passed + (not why), failed + bool(why)
    print(f"{'not ok' if why else 'ok'} {name}" + (f": {why}"[:900] if why else ""))


def run(*a, **k):
    return subprocess.run([RUNRATE, *map(str, a)], capture_output=True, text=True, timeout=60, cwd=TMP, **k)


def usage():
    def one(d, m, p, t):
        n = 1 + (d * 7 + len(m) + len(p)) % 9
        return {"object": "organization.usage.completions.result", "input_tokens": 900 * n + d, "input_cached_tokens": 300 * n, "output_tokens": 90 * n, "num_model_requests": n, "project_id": p,
                "user_id": None, "api_key_id": f"key_{n}", "model": m, "batch": d % 5 == 0, "service_tier": t}
    models = ("gpt-4.1-mini-2025-04-14", "ft:gpt-4.1-mini-2025-04-14:acme::a-suffix-that-is-rather-long", "gpt-99-unknown")
    return json.dumps({"object": "page", "has_more": False, "data": [{"object": "bucket", "start_time": DAY + d * 86400, "end_time": DAY + (d + 1) * 86400, "results": [
        one(d, m, p, t) for m in models for p in ("proj_a", "proj_" + "of_a_team_with_a_very_long_name_" * 2, "") for t in ("default", "flex")]} for d in range(61)]})


def costs():
    items = ("gpt-4.1-mini-2025-04-14, input", "gpt-4.1-mini-2025-04-14, output", "web search tool calls", "file search storage", "gpt-4.1-2025-04-14, fine-tuning training", "a thing nobody knows")
    rows = [{"start_time": DAY + d * 86400, "end_time": DAY + (d + 1) * 86400, "amount_value": f"{(d * 37 + i * 11) % 97}.{d:02}{i}0123456789012345678", "amount_currency": "usd", "line_item": x,
             "project_id": f"proj_{d % 2}"} for d in range(61) for i, x in enumerate(items)]
    return table(rows + [{**rows[-1], "amount_value": "-12.5", "line_item": "Refund"}])


def anthropic():
    types = (("tokens", "Claude Sonnet 4.5 Usage - Input Tokens", "claude-sonnet-4-5-20250929"), ("web_search", "Web Search Usage", None), ("new", "Something new", None))
    return json.dumps({"has_more": False, "data": [{"starting_at": day(d), "ending_at": day(d + 1), "results": [{"amount": f"{d * 13 + i}.{i}25", "currency": "USD", "cost_type": t, "description": x, "model": m,
                       "workspace_id": f"wrkspc_{d % 3}"} for i, (t, x, m) in enumerate(types)]} for d in range(61)]})


def jobs():
    job = lambda i: {"object": "fine_tuning.job", "id": f"ftjob-{i}", "model": "gpt-4.1-mini-2025-04-14", "created_at": DAY + i * 864000, "finished_at": DAY + i * 864000 + 900, "fine_tuned_model": "ft:x",
                     "status": "succeeded", "trained_tokens": 100000 * (i + 1)}
    return json.dumps({"object": "list", "data": [job(i) for i in range(5)]})


def day(d):
    import datetime
    return (datetime.datetime(2026, 9, 1) + datetime.timedelta(days=d)).strftime("%Y-%m-%dT00:00:00Z")


def table(rows):
    out = io.StringIO()
    w = csv.DictWriter(out, list(dict.fromkeys(k for r in rows for k in r)), restval="", lineterminator="\n")
    w.writeheader()
    w.writerows(rows)
    return out.getvalue()


def wide(text):
    return [x for x in text.split("\n") if len(x) > 80 and "/" not in x]  # a path is as long as it is


def one_export(name, text):
    ledger = ("--ledger", TMP / f"{name}.db")
    (TMP / name).write_text(text)
    a = json.loads(run("import", name, "--json", *ledger).stdout)
    r = json.loads(run("report", "--env", "all", "--json", *ledger).stdout)
    books = {"inference": r["inference"]["total"], "training": r["training"]["total"], "other": r["other"], "unclassified": r["unclassified"]}
    ok(f"{name}: the import's books are the report's, and their sum its total", {k: (a[k], v) for k, v in books.items() if D(a[k]) != D(v)} or
       (D(r["total"]) != sum(map(D, books.values())) and (r["total"], books)))
    why = []
    for by in DIMS:
        j = json.loads(run("report", "--env", "all", "--by", by, "--json", *ledger).stdout)
        x = j["inference"]
        keys = [l["key"] for l in x["lines"]]
        sums = {k: sum(l[k] for l in x["lines"]) for k in ("calls", "tokens")}
        if D(x["total"]) != sum(D(l["cost"]) for l in x["lines"]) or any(sums[k] != r["inference"][k] for k in sums) or j["total"] != r["total"]:
            why.append((by, sums))
        why += [(by, "twice", k) for k in set(keys) if keys.count(k) > 1]
        if sum(l.get("unpriced_calls", 0) for l in x["lines"]) != r["unpriced"]["calls"]:
            why.append((by, "unpriced"))
    ok(f"{name}: lines by {len(DIMS)} dimensions sum to it, each key once", why)
    said = {c: D(json.loads(run("explain", c, "--env", "all", "--json", *ledger).stdout)["value"]) for c in (*books, "total")}
    months = [D(json.loads(run("explain", f"2026-{m}.total", "--env", "all", "--json", *ledger).stdout)["value"]) for m in ("09", "10")]
    ok(f"{name}: explain says the same of each book, of all, and of its months", {k: v for k, v in said.items() if v != D(books.get(k, r["total"]))} or
       (sum(months) != D(r["total"]) and months))
    focus = list(csv.DictReader(io.StringIO(run("export", "--focus", "1.2", "--env", "all", *ledger).stdout)))
    ok(f"{name}: FOCUS sums to it", sum(D(x["BilledCost"]) for x in focus) != D(r["total"]) and sum(D(x["BilledCost"]) for x in focus))
    diff = run("diff", "2026-09", "2026-10", "--by", "project", "--env", "all", "--json", *ledger)
    if diff.returncode == 0:
        d = json.loads(diff.stdout)
        ok(f"{name}: the two months of diff are inference", D(d["before"]["cost"]) + D(d["after"]["cost"]) != D(books["inference"]) and (d["before"], d["after"]))
    pages = [("report", "--env", "all", "--by", by) for by in (DIMS if name == "usage" else DIMS[:2])]
    pages += [("explain", c) for c in said] + [("diff", "2026-09", "2026-10", "--by", by) for by in ("model", "project")]
    pages += [("forecast",), ("forecast", "--budget", "USD 900"), ("check", "--budget", "1", "--strict", "--since", "2026-09-01"), ("check", "--bill", name, "--since", "2026-09-01"), ("reconcile", name), ("verify",)]
    why = []
    for p in pages:
        out = run(*p, *ledger, env={**os.environ, "RUNRATE_NOW": "2026-11-05T00:00:00Z"})
        why += [(p[0], x) for x in wide(out.stdout)]
        why += [(p, "no next", out.stderr)] if out.returncode not in (0, 10, 11, 12) and "next:" not in out.stderr else []
    ok(f"{name}: {len(pages)} pages within 80 columns", why)
    undone = run("import", "--undo", "1", *ledger)
    ok(f"{name}: taken back, nothing is left", undone.returncode or D(json.loads(run("report", "--env", "all", "--json", *ledger).stdout)["total"]) != 0)


def errors():
    (TMP / "odd.json").write_text('{"a":1}')
    (TMP / "odd.csv").write_text("a,b\n1,2\n")
    (TMP / "empty").write_text("")
    (TMP / "folder").mkdir()
    asked = """import nothere.csv|import odd.json|import odd.csv|import empty|import folder|import --undo 99|import odd.csv --book nothere|import odd.csv --map nothere.yaml|serve --listen 300.1.1.1:1
        serve --listen abc|serve --config nothere.yaml|report --by nope|report --since foo|report --since 2026-10 --until 2026-09|report --basis x|report --html /nothere/x.html|report --xlsx /nothere/x.xlsx
        report --svg /nothere/x.svg|report --against nothere|report --shares nothere|report --ledger folder|report --ledger odd.csv|explain foo|explain 2026-99.inference|explain x.inference|diff a b
        diff 2026-10 2026-10..2026-09|diff 2026-01 2026-02|forecast|forecast --months 99|reconcile nothere|reconcile folder|reconcile odd.csv|check --bill nothere|check --budget x|export --focus 9
        outlay add --kind finetune --amount 5 --date foo|cap set --book inference --amount USD --window decade|prices show|prices show nope|prices lint nothere|price nothere|claim check nothere|plan batch --share 120%"""
    why = []
    commands = [x.split() for x in asked.replace("\n", "|").split("|") if x.strip()]
    for c in commands:
        r = run(*c, *(() if "--ledger" in c else ("--ledger", TMP / "none.db")))
        if r.returncode == 0 or "\n  next: " not in r.stderr:
            why.append((" ".join(c), r.returncode, r.stderr))
    ok(f"{len(commands)} errors say what to do next", why)


def both_sides():
    for vendor in ("openai", "anthropic"):
        for bill_days, use_days in ((31, 31), (15, 31), (31, 15)):
            name, truth = f"{vendor}, {bill_days} days billed, {use_days} days of use", {}
            folder = TMP / name.replace(" ", "")
            folder.mkdir()
            for shape, days in (("costs", bill_days), ("usage", use_days)):
                made = run("synth", f"{vendor}-{shape}", "--days", days)
                (folder / f"{shape}.json").write_text(made.stdout)
                truth[shape] = json.loads(made.stderr)
            ledger, now = ("--ledger", folder / "x.db"), {**os.environ, "RUNRATE_NOW": "2026-11-29T00:00:00Z"}
            got = json.loads(run("import", folder / "costs.json", folder / "usage.json", "--json", *ledger, env=now).stdout)
            want = max(D(t["inference"]) for t in truth.values())
            twice = min(D(t["inference"]) for t in truth.values())
            said = json.loads(run("report", "--json", "--env", "all", "--since", "2026-10-01", "--until", "2026-11-01", *ledger, env=now).stdout)
            ok(f"{name}: the import counts once", (D(got["inference"]), D(got["counted_once"])) != (want, twice) and (want, twice, got))
            ok(f"{name}: and so does the report", D(said["inference"]["total"]) != want and (want, said["inference"]["total"]))
            ok(f"{name}: training is the bill's", D(got["training"]) != D(truth["costs"]["training"]) and got)


for make in (usage, costs, anthropic, jobs):
    one_export(make.__name__, make())
errors()
both_sides()
print(f"{passed} passed, {failed} failed")
sys.exit(failed != 0)
