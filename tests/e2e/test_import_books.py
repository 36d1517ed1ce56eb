#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Three clouds' bills in two currencies, with all that stands in neither book: every command says the same money.

The truth is a few lines of decimals over the files. Then: the report by each dimension as JSON, CSV, text and page, FOCUS 1.2 and 1.4, the
first report of a folder, twice and taken back. What is not classified stands first and is in each total; no line is wider than 80 columns.
"""
import csv
import io
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from decimal import Decimal as D

RUNRATE = os.environ.get("RUNRATE", str(pathlib.Path(__file__).resolve().parents[2] / "build/runrate"))
TMP = pathlib.Path(tempfile.mkdtemp(prefix="rr-books-"))
LEDGER = str(TMP / "l.db")
passed = failed = 0


def ok(name, good, why=""):
    global passed, failed
    passed, failed = passed + bool(good), failed + (not good)
    print(f"{'ok' if good else 'not ok'} {name}" + ("" if good else f": {str(why)[:500]}"))


def run(*a, env=None, cwd=None):
    return subprocess.run([RUNRATE, *map(str, a)], capture_output=True, text=True, env=env, cwd=cwd, timeout=60)


def table(rows):
    out = io.StringIO()
    w = csv.DictWriter(out, list(dict.fromkeys(k for r in rows for k in r)), restval="", lineterminator="\n")
    w.writeheader()
    w.writerows(rows)
    return out.getvalue()


def bills():
    """Files, and what they are worth: {(currency, book): money}."""
    worth = defaultdict(D)
    aws, azure, google = [], [], []
    for d in range(1, 29):
        for book, usage, code, kind, cost in (("inference", "USE1-NovaPro-output-tokens", "AmazonBedrock", "Usage", D("1.25") * d), ("unclassified", "USE1-BoxUsage:p5.48xlarge", "AmazonEC2", "Usage", D("55.04")),
                                              ("training", "USE1-Train:ml.p5.48xlarge", "AmazonSageMaker", "Usage", D("63.3") if d < 4 else D(0)), ("other", "", "AmazonBedrock", "Tax", D("0.77"))):
            aws.append({"line_item_usage_start_date": f"2026-10-{d:02}T00:00:00Z", "line_item_usage_type": usage, "line_item_product_code": code, "line_item_line_item_type": kind, "line_item_unblended_cost": cost,
                        "line_item_currency_code": "USD", "line_item_usage_amount": "3", "pricing_unit": "1K tokens", "line_item_usage_account_id": f"4{d % 2}"})
            worth["USD", book] += cost
        for book, meter, unit, cost in (("inference", "gpt-4o-0806-Outp-glbl Tokens", "1K", D("2.5")), ("inference", "gpt-4o-0806-FT-Hstng-glbl Unit", "1 Hour", D("40.8")), ("training", "gpt-4o-0806-FT-Trng-glbl Tokens", "1K", D("10"))):
            azure.append({"Date": f"2026-10-{d:02}", "BillingCurrency": "EUR", "CostInBillingCurrency": cost, "Quantity": "2", "UnitOfMeasure": unit, "MeterCategory": "Foundry Models", "MeterName": meter, "ChargeType": "Usage"})
            worth["EUR", book] += cost
        google.append({"service": {"description": "Vertex AI"}, "sku": {"description": "Gemini 3 Flash Text Input - Predictions"}, "usage_start_time": f"2026-10-{d:02} 00:00:00 UTC", "cost": 1.5, "currency": "EUR",
                       "usage": {"amount": 1000, "unit": "count"}, "credits": [{"amount": -0.25}]})
        worth["EUR", "inference"] += D("1.25")
    folder = TMP / "folder"
    folder.mkdir()
    (folder / "cur.csv").write_text(table(aws))
    (folder / "azure.csv").write_text(table(azure))
    (folder / "google.json").write_text("".join(json.dumps(r) + "\n" for r in google))
    return folder, worth


def main():
    folder, worth = bills()
    both = lambda c: sum(v for (k, _), v in worth.items() if k == c)
    a = json.loads(run("import", folder, "--json", "--ledger", LEDGER).stdout)
    got = {(c["currency"], b): D(c[b]) for c in a["by_currency"] for b in ("inference", "training", "other", "unclassified") if D(c[b])}
    ok("the import's sums", got == dict(worth), (got, dict(worth)))
    first = run("report", "--json", "--ledger", LEDGER).stdout
    again = json.loads(run("import", folder, "--json", "--ledger", LEDGER).stdout)
    ok("twice: nothing new, and the report is the same byte by byte", again["rows_new"] == 0 and again["by_currency"] == a["by_currency"] and run("report", "--json", "--ledger", LEDGER).stdout == first, again)
    wide = {}
    for by in ("model", "provider", "project", "surface", "region", "day", "week", "month", "tier", "key"):
        j = json.loads(run("report", "--by", by, "--json", "--ledger", LEDGER).stdout)
        ok(f"by {by}: each currency's books", {(c["currency"], b): D(c[b]) for c in j["by_currency"] for b in ("inference", "training", "other", "unclassified") if D(c[b])} == dict(worth), j["by_currency"])
        rows = defaultdict(D)
        for r in csv.DictReader(io.StringIO(run("report", "--by", by, "--csv", "--ledger", LEDGER).stdout)):
            rows[r["currency"], r["book"]] += D(r["cost"])
        ok(f"by {by}: and so do the lines of its CSV", rows == worth, dict(rows))
        text = run("report", "--by", by, "--ledger", LEDGER).stdout
        wide[by] = max(map(len, text.splitlines()))
        ok(f"by {by}: what is not classified stands first, and in the total", text.index("NOT CLASSIFIED") < text.index("INFERENCE") and f"not classified {worth['USD', 'unclassified']:,.2f}" in text
           and f"neither {worth['USD', 'other']:,.2f}" in text, text)
    ok("no report is wider than 80 columns", max(wide.values()) <= 80, wide)
    ok("the hosting of a tuned model is a line of its own", re.search(r"bill I-hosting tuned .*1,142.40 EUR", run("report", "--by", "surface", "--ledger", LEDGER).stdout), "")
    page = TMP / "r.html"
    run("report", "--html", page, "--ledger", LEDGER)
    ok("the page names it too", f"Not classified: {worth['USD', 'unclassified']:,.2f} USD" in page.read_text())
    for version in ("1.2", "1.4"):
        sums = defaultdict(D)
        for r in csv.DictReader(io.StringIO(run("export", "--focus", version, "--ledger", LEDGER).stdout)):
            sums[r["BillingCurrency"]] += D(r["BilledCost"])
        ok(f"FOCUS {version} sums to the same", sums == {c: both(c) for c in ("USD", "EUR")}, dict(sums))
    home = TMP / "home"
    home.mkdir()
    env = {k: v for k, v in os.environ.items() if not k.startswith(("XDG_", "RUNRATE_"))}
    one = run("report", "--currency", "EUR", "--rate", "USD/EUR=0.5@2026-01-01", "--json", "--ledger", LEDGER, env={**env, "HOME": str(home)}).stdout
    ok("with a rate there is one total", D(json.loads(one)["total"]) == both("EUR") + both("USD") / 2, json.loads(one)["total"])
    text = run(env={**env, "HOME": str(home)}, cwd=folder).stdout
    money = defaultdict(D)
    for line in text.splitlines():
        m = re.match(r"  (.*?)  +(-?)([$€])([\d,.]+) +\S+$", line)
        if m and "TOTAL in" not in line:
            money[m[3]] += D(m[4].replace(",", "")) * (-1 if m[2] else 1)
        elif m:
            ok(f"the first report's column adds up: {m[1]}", abs(money[m[3]] - D(m[4].replace(",", ""))) < D("0.03"), (text,))
    ok("the first report has both totals, and names what is not classified", text.count("TOTAL in") == 2 and "NOT CLASSIFIED" in text and max(map(len, text.splitlines())) <= 80, text)
    for b in sorted((x["batch"] for x in a["batches"] + again["batches"]), reverse=True):
        run("import", "--undo", b, "--ledger", LEDGER)
    ok("and all of it can be taken back", "Nothing in the ledger" in run("report", "--ledger", LEDGER).stdout)
    print(f"{passed} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
