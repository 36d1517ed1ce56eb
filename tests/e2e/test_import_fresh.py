#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Exports as vendors' pages and other people's repositories show them, none of which the readers were made from.

Each case is a file, what it holds by a few lines of decimals here, and what must be named as wrong. Sources (read 2026-11-29): an OpenAI
cost export of October 2025 in a public repository (tabs, empty buckets, no line item); AWS usage types of the public price lists of five
grammars, with a map in either spelling; Azure's cost exports (month first, tags without braces); Google's BigQuery schema, as lines and array;
Anthropic's "Usage and Cost API" page; FOCUS 1.4 names.
"""
import csv
import gzip
import io
import itertools
import json
import os
import pathlib
import subprocess
import sys
import tempfile
from decimal import Decimal as D

RUNRATE = os.environ.get("RUNRATE", str(pathlib.Path(__file__).resolve().parents[2] / "build/runrate"))
TMP = pathlib.Path(tempfile.mkdtemp(prefix="rr-fresh-"))
number = itertools.count()
passed = failed = 0


def case(name, data, file, want, rejected=(), notes=()):
    """want: any of I, T, O, U (money), tok, calls, priced, unpriced; the rest must be 0 for money."""
    global passed, failed
    path = TMP / str(next(number)) / file
    path.parent.mkdir()
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    r = subprocess.run([RUNRATE, "import", str(path), "--json", "--ledger", str(path.parent / "l.db")], capture_output=True, text=True, timeout=60)
    why = []
    try:
        a = json.loads(r.stdout)
    except ValueError:
        a, why = None, [r.returncode, r.stderr[:300]]
    if a:
        money = {k: D(a[n] or 0) for k, n in (("I", "inference"), ("T", "training"), ("O", "other"), ("U", "unclassified"))}
        why += [f"{k} is {v}, wanted {want.get(k, 0)}" for k, v in money.items() if v != D(str(want.get(k, 0)))]
        why += [f"{n} is {a[n]}, wanted {want[k]}" for k, n in (("tok", "tokens"), ("calls", "calls"), ("unpriced", "rows_unpriced")) if k in want and a[n] != want[k]]
        got = [(x["row"], x["reason"]) for x in a["rows_rejected"]]
        if len(got) != len(rejected) or any(g[0] != w[0] or w[1] not in g[1] for g, w in zip(got, rejected)):
            why.append(f"rejected {got}")
        if r.returncode != (4 if rejected else 0):
            why.append(f"exit code {r.returncode}")
        why += [f"no note of {n!r} in {a['notes']}" for n in notes if not any(n in x for x in a["notes"])]
    passed, failed = passed + (not why), failed + bool(why)
    print(f"{'not ok' if why else 'ok'} {name}" + (f": {'; '.join(map(str, why))}" if why else ""))


def table(rows, **more):
    out = io.StringIO()
    w = csv.DictWriter(out, list(dict.fromkeys(k for r in rows for k in r)), restval="", lineterminator="\n", **more)
    w.writeheader()
    w.writerows(rows)
    return out.getvalue()


def openai():
    days = [("1759622400", "0.8958740000000000"), ("1759795200", "0.569788"), ("1759968000", "")]
    rows = [{"start_time": s, "end_time": int(s) + 86400, "start_time_iso": "", "end_time_iso": "", "amount_value": v, "amount_currency": v and "usd", "line_item": "",
             "project_id": "", "organization_id": v and "org-x", "organization_name": v and "Personal"} for s, v in days]
    case("OpenAI costs, tabs, a day of nothing, no line item: unclassified, and what to export instead is said", table(rows, delimiter="\t"), "c.tsv",
         {"U": sum(D(v) for _, v in days if v)}, notes=["grouped by line item"])
    page = lambda *r: json.dumps({"object": "page", "data": [{"object": "bucket", "start_time": 1730419200, "end_time": 1730505600, "results": list(r)}],
                                  "has_more": False, "next_page": None})
    cost = lambda v, item: {"object": "organization.costs.result", "amount": {"value": v, "currency": "usd"}, "line_item": item, "project_id": None}
    case("OpenAI costs: an exponent, a text, a credit below 0", page(cost(1.2e-05, "gpt-4o, input"), cost("0.06", "gpt-4o, output"), cost(-3.5, "Promotional credit")),
         "c.json", {"I": D("0.000012") + D("0.06"), "O": D("-3.5")})
    use = {"object": "organization.usage.completions.result", "input_tokens": 1000, "output_tokens": 500, "input_cached_tokens": 800, "num_model_requests": 5,
           "project_id": None, "user_id": None, "api_key_id": None, "model": None, "batch": None, "service_tier": None}
    case("OpenAI usage that was not grouped has no price, and says so", page(use), "u.json", {"tok": 1500, "calls": 5, "unpriced": 1}, notes=["grouped by model"])
    case("OpenAI usage: a count as 5e2, and one of 2^63", page({**use, "model": "gpt-4o", "output_tokens": 5e2}, {**use, "model": "gpt-4o", "input_tokens": 2**63}), "u.json",
         {"tok": 1500, "I": (200 * D("2.5") + 800 * D("1.25") + 500 * D(10)) / 10**6}, [(1, "out of range")])


def anthropic():
    page = lambda *r: json.dumps({"data": [{"starting_at": "2026-10-01T00:00:00Z", "ending_at": "2026-10-02T00:00:00Z", "results": list(r)}], "has_more": True, "next_page": "page_x"})
    cost = {"currency": "USD", "workspace_id": None, "context_window": "0-200k", "service_tier": "standard", "inference_geo": "global"}
    cents = [("123.78912", "tokens", "Claude Sonnet 4 Usage - Input Tokens"), ("50", "web_search", "Web Search Usage"), ("7", "code_execution", "Code Execution Usage")]
    case("Anthropic costs: cents with decimals, tools without a model", page(*({**cost, "amount": a, "cost_type": t, "description": d, "model": None} for a, t, d in cents)), "a.json",
         {"I": sum(D(a) for a, _, _ in cents) / 100})
    use = {"uncached_input_tokens": 1500, "cache_creation": {"ephemeral_1h_input_tokens": 1000, "ephemeral_5m_input_tokens": 500}, "cache_read_input_tokens": 200,
           "output_tokens": 500, "server_tool_use": {"web_search_requests": 10}, "model": "claude-opus-4-6", "service_tier": "standard", "context_window": "0-200k"}
    plain = (1500 * D(5) + 1000 * D(10) + 500 * D("6.25") + 200 * D("0.5") + 500 * D(25)) / 10**6
    case("Anthropic usage by speed: fast is six times, searches are not", page({**use, "speed": "fast"}, {**use, "speed": "standard"}), "a.json",
         {"I": plain * 7 + D("0.2"), "tok": 7400})


def aws():
    day = {"bill_billing_period_start_date": "2026-10-01 00:00:00.000", "line_item_usage_start_date": "2026-10-05 00:00:00.000", "line_item_usage_end_date": "2026-10-06 00:00:00.000",
           "line_item_currency_code": "USD", "line_item_resource_id": "arn"}
    cells = [  # book, usage type, amount, cost, unit, product code, operation, type, product, tags, tokens
        ("I", "USE1-Claude3Haiku-input-tokens", "12.5", "0.003125", "1K tokens", "AmazonBedrock", "", "Usage", "{}", "", 12500),
        ("I", "USE1-NovaMicro-cache-read-input-token-count", "10", "1E-7", "1K tokens", "AmazonBedrock", "", "Usage", "{}", "", 10000),
        ("I", "USE1-openai.gpt-oss-120b-mantle-output-tokens-standard", "3", "0.0018", "1K tokens", "AmazonBedrock", "", "Usage", "{}", "", 3000),
        ("I", "USE1-Claude4Sonnet-output-tokens-long-context-cross-region-global-batch", "4", "0.045", "1K tokens", "AmazonBedrockService", "", "Usage", "{}", "", 4000),
        ("I", "USE1-MP:USE1_cache_write_tokens_1h_global_standard-Units", "0.5", "3", "Units", "abc123", "", "Usage", '{"product_name":"Claude Sonnet 4.5 (Amazon Bedrock Edition)"}', "", 500000),
        ("I", "USE1-MP:USE1_InputTokenCount_Global-Units", "0.000002", "0.000006", "Units", "abc", "", "Usage", "{product_name=Claude Haiku 4.5 (Amazon Bedrock Edition), region=us-east-1}", "", 2),
        ("I", "USE1-Host:ml.g5.xlarge", "24", "33.8", "Hrs", "AmazonSageMaker", "RunInstance", "Usage", "", "", 0),
        ("T", "USE1-Train:ml.p4d.24xlarge", "2", "65.5", "Hrs", "AmazonSageMaker", "CreateTrainingJob", "Usage", "", "", 0),
        ("T", "USE1-BoxUsage:p5.48xlarge", "1", "98.3", "Hrs", "AmazonEC2", "RunInstances", "Usage", "", '{"user_purpose":"train"}', 0),
        ("O", "", "", "-12.5", "", "AmazonBedrock", "", "Credit", "", "", 0), ("O", "", "", "9.9", "", "AmazonBedrock", "", "Tax", "", "", 0)]
    rows = [{**day, "line_item_usage_type": u, "line_item_usage_amount": n, "line_item_unblended_cost": c, "pricing_unit": unit, "line_item_product_code": code,
             "line_item_operation": op, "line_item_line_item_type": kind, "product": p, "resource_tags": tags} for _, u, n, c, unit, code, op, kind, p, tags, _ in cells]
    want = {b: sum(D(c[3]) for c in cells if c[0] == b) for b in "ITO"}
    case("CUR 2.0, five grammars, maps in either spelling", table(rows), "cur.csv", {**want, "tok": sum(c[-1] for c in cells)})
    old = dict(bill_billing_period_start_date="bill/BillingPeriodStartDate", line_item_usage_start_date="lineItem/UsageStartDate", line_item_usage_end_date="lineItem/UsageEndDate",
               line_item_currency_code="lineItem/CurrencyCode", line_item_resource_id="lineItem/ResourceId", line_item_usage_type="lineItem/UsageType",
               line_item_usage_amount="lineItem/UsageAmount", line_item_unblended_cost="lineItem/UnblendedCost", pricing_unit="pricing/unit",
               line_item_product_code="lineItem/ProductCode", line_item_operation="lineItem/Operation", line_item_line_item_type="lineItem/LineItemType",
               product="product/ProductName", resource_tags="resourceTags/user:purpose")
    legacy = [{**{old[k]: v for k, v in r.items()}, "product/ProductName": "Claude (Amazon Bedrock Edition)" if "MP:" in r["line_item_usage_type"] else "", "resourceTags/user:purpose": "train"
               if r["resource_tags"] else ""} for r in rows]
    packed = b"".join(gzip.compress(part.encode()) for part in table(legacy).splitlines(keepends=True))
    case("the same as a legacy CUR, a gzip member a line", packed, "cur.csv.gz", {**want, "tok": sum(c[-1] for c in cells)})


def aws_bill():
    global passed, failed
    head = ("InvoiceID PayerAccountId LinkedAccountId RecordType RecordID BillingPeriodStartDate BillingPeriodEndDate InvoiceDate PayerAccountName LinkedAccountName TaxationAddress PayerPONumber "
            "ProductCode ProductName SellerOfRecord UsageType Operation RateId ItemDescription UsageStartDate UsageEndDate UsageQuantity BlendedRate CurrencyCode CostBeforeTax Credits TaxAmount TaxType TotalCost").split()
    def line(record, usage, cost, credit="0.0", tax="0.000000", linked="", **m):
        return {**dict.fromkeys(head, ""), "InvoiceID": "Estimated", "PayerAccountId": "111", "LinkedAccountId": linked, "RecordType": record, "RecordID": str(next(number)), "BillingPeriodStartDate": "2026/10/01 00:00:00",
                "BillingPeriodEndDate": "2026/10/31 23:59:59", "InvoiceDate": "2026/11/03 10:00:00", "ProductCode": "AmazonBedrock", "ProductName": "Amazon Bedrock", "UsageType": usage, "UsageStartDate": "2026/10/01 00:00:00",
                "UsageEndDate": "2026/10/31 23:59:59", "UsageQuantity": "12.5", "CurrencyCode": "USD", "CostBeforeTax": cost, "Credits": credit, "TaxAmount": tax, "TaxType": "None",
                "TotalCost": str(D(cost) + D(credit) + D(tax)), **m}
    total = lambda *lines, kind="StatementTotal": {**dict.fromkeys(head, ""), "RecordType": kind, "PayerAccountId": "111", "CurrencyCode": "USD", "TotalCost": str(sum(D(x["TotalCost"]) for x in lines).quantize(D("0.01")))}
    tokens, train = "USE1-Claude3Haiku-input-tokens", {"ProductCode": "AmazonSageMaker", "ProductName": "Amazon SageMaker", "Operation": "CreateTrainingJob"}
    a, b = line("LinkedLineItem", tokens, "3.125", linked="222"), line("LinkedLineItem", tokens, "1.5", tax="0.31", linked="333")
    hours = line("PayerLineItem", "USE1-Train:ml.p4d.24xlarge", "75.000001", "-5.0", "7.0", **train)
    sums = line("PayerLineItem", tokens, "4.625", tax="0.31")
    case("AWS's bill: a payer alone; credits and tax beside the cost; totals are no lines", table([hours, total(hours), total(hours, kind="InvoiceTotal")]), "ecsv.csv", {"T": D("75.000001"), "O": 2})
    case("... two accounts and the payer's own: all of them add up", table([a, b, hours, total(a, b, hours)]), "ecsv.csv", {"I": D("4.625"), "T": D("75.000001"), "O": D("2.31"), "tok": 25000})
    case("... two accounts and the payer's line that is their sum", table([a, b, total(a, b, kind="AccountTotal"), sums, total(sums)]), "ecsv.csv", {"I": D("4.625"), "O": D("0.31"), "tok": 25000})
    case("... the same, estimated, without any total", table([sums, a, b]), "ecsv.csv", {"I": D("4.625"), "O": D("0.31"), "tok": 25000})
    case("... below a line of words, as the cost allocation report has it", "Don't see your tags in the report? New tags are excluded by default\n" + table([a, total(a)]), "aws-cost-allocation-2026-10.csv", {"I": D("3.125"), "tok": 12500})
    case("... a line is missing: said", table([a, total(a, b)]), "ecsv.csv", {"I": D("3.125"), "tok": 12500}, notes=["its own total is 4.94"])
    case("... a cost that is none, a day that is none: named, the rest counts", table([a, {**b, "CostBeforeTax": "x"}, {**hours, "UsageStartDate": "2026/13/01 00:00:00"}]), "ecsv.csv", {"I": D("3.125"), "tok": 12500},
         [(2, "cost before tax"), (3, "usage start date")])
    case("... a rounding line", table([a, {**line("Rounding", "", "0.005"), "UsageStartDate": "", "UsageEndDate": ""}, total(a, line("Rounding", "", "0.005"))]), "ecsv.csv", {"I": D("3.125"), "O": D("0.005"), "tok": 12500 + 0})
    cur = {"bill_payer_account_id": "111", "bill_billing_period_start_date": "2026-10-01", "bill_billing_period_end_date": "2026-11-01", "line_item_usage_start_date": "2026-10-20", "line_item_usage_end_date": "2026-10-21",
           "line_item_unblended_cost": "3", "line_item_currency_code": "USD", "line_item_usage_type": tokens, "line_item_product_code": "AmazonBedrock", "line_item_line_item_type": "Usage"}
    early = {**cur, "line_item_usage_start_date": "2026-10-01", "line_item_resource_id": "x"}
    both = {"payers alike": ([early, cur], True), "another payer": ([{**early, "bill_payer_account_id": "9"}], False), "another month": ([{**cur, "line_item_usage_start_date": "2026-09-20", "bill_billing_period_start_date": "2026-09-01", "bill_billing_period_end_date": "2026-10-01"}], False)}
    for name, (report, twice) in both.items():
        for at_once in (True, False):
            folder = TMP / str(next(number))
            folder.mkdir()
            (folder / "bill.csv").write_text(table([a, hours])); (folder / "cur.csv").write_text(table(report))
            files, notes = [str(folder / "bill.csv"), str(folder / "cur.csv")], []
            for command in ([files] if at_once else [[f] for f in files]):
                notes += json.loads(subprocess.run([RUNRATE, "import", *command, "--json", "--ledger", str(folder / "l.db")], capture_output=True, text=True).stdout)["notes"]
            heard = [n for n in notes if "count twice" in n]
            first = subprocess.run([os.path.abspath(RUNRATE)], cwd=folder, capture_output=True, text=True, env={**os.environ, "HOME": str(folder), "XDG_DATA_HOME": str(folder / "d"), "XDG_CONFIG_HOME": str(folder / "c"), "NO_COLOR": "1"}).stdout
            ok = bool(heard) == twice == ("count twice" in " ".join(first.split())) and all(len(line) <= 80 for line in first.split("\n"))
            passed, failed = passed + ok, failed + (not ok)
            print(f"{'ok' if ok else 'not ok'} bill and cost report, {name}{', one import' if at_once else ''}: said to count twice, or not" + ("" if ok else f": {notes} {first}"))
    folder = TMP / str(next(number))
    folder.mkdir()
    for i, bill in enumerate(([a, hours], [{**a, "InvoiceID": "77", "CostBeforeTax": "4", "TotalCost": "4"}, {**b, "InvoiceID": "77"}])):
        (folder / f"{i}.csv").write_text(table(bill))
        subprocess.run([RUNRATE, "import", str(folder / f"{i}.csv"), "--ledger", str(folder / "l.db")], capture_output=True)
    r = json.loads(subprocess.run([RUNRATE, "report", "--json", "--ledger", str(folder / "l.db")], capture_output=True, text=True).stdout)
    ok = D(r["total"]) == D("5.81")
    passed, failed = passed + ok, failed + (not ok)
    print(f"{'ok' if ok else 'not ok'} AWS's bill: the final one replaces the estimated one, also a line that it no longer has: {r['total']}")


def console():
    """What people download without asking anybody: AWS Cost Explorer, Azure's cost analysis."""
    def pivot(by, cells, **more):
        names = list(dict.fromkeys(n for day in cells.values() for n in day))
        lines = [[by, *[f"{n}($)" for n in names], "Total costs($)"], [f"{by} total", *[sum(D(d.get(n) or 0) for d in cells.values()) for n in names], "0"]]
        lines += [[day, *[d.get(n, "") for n in names], more.get("total") or sum(D(v) for v in d.values())] for day, d in cells.items()]
        return "".join(",".join(f'"{v}"' for v in line) + "\n" for line in lines)
    days = {"2026-10-01": {"USE1-Claude3Haiku-input-tokens": "1.25", "USE1-Train:ml.p4d.24xlarge": "65.5", "USE1-Host:ml.g5.xlarge": "33.80000001"},
            "2026-10-02": {"USE1-Claude3Haiku-input-tokens": "0.75", "NoUsageType": "4", "USE1-NatGateway-Hours": "1.08"}}
    want = {"I": D("35.80000001"), "T": D("65.5"), "O": D("1.08"), "U": 4}
    case("Cost Explorer by usage type, days", pivot("Usage type", days), "costs.csv", want)
    months = {"2026-09-01": {"Bedrock": "2.5", "Claude Sonnet 4.5 (Amazon Bedrock Edition)": "7", "Tax": "1"}, "2026-10-01": {"Bedrock": "3", "S3": "0.0000000001", "Tax": "-0.5"}}
    case("Cost Explorer by service, months", pivot("Service", months), "costs.csv", {"I": 7, "U": D("5.5"), "O": D("0.5000000001")}, notes=["group by usage type", "the month's first day"])
    case("... a group left out, a cost that is none", pivot("Service", {"2026-10-01": {"Bedrock": "3"}}, total="8")
         + '"2026-10-02","x","1"\n"Oktober","1","1"\n', "costs.csv", {"U": 3}, [(3, "the cost 'x'"), (4, "the date 'Oktober'")], notes=["left groups out"])
    analysis = lambda date, meter, cost, **m: {"UsageDate": date, "ResourceId": "/subscriptions/x", "ServiceName": "Foundry Models", "ServiceTier": "Azure OpenAI GPT5", "Meter": meter, "CostUSD": D(cost) * 2, "Cost": cost, "Currency": "EUR", **m}
    rows = [analysis("2026-10-01", "gpt-4o 0806 Inp glbl Tokens", "1"), analysis("2026-10-01", "gpt 4.1 FTuned Training Unit", "5"), analysis("2026-10-02", "gpt-4o 0806 Inp glbl Tokens", "2.25")]
    case("Azure's cost analysis by meter: the billing currency, not the dollars beside it", table(rows), "cost-analysis.csv", {"I": D("3.25"), "T": 5}, notes=["import one of the two"])
    case("... daily totals alone are not classified", table([{k: r[k] for k in ("UsageDate", "CostUSD", "Cost", "Currency")} for r in rows]), "cost-analysis.csv", {"U": D("8.25")}, notes=["group it by meter"])


def azure():
    row = lambda date, cost, n, unit, meter, **m: {"InvoiceSectionName": "s", "Date": date, "BillingCurrency": "EUR", "CostInBillingCurrency": cost, "Quantity": n, "UnitOfMeasure": unit,
            "MeterCategory": "Azure OpenAI", "MeterSubCategory": "", "MeterName": meter, "ProductName": "p", "ChargeType": "Usage", "ResourceId": "/r", "Tags": "", **m}
    rows = [row("10/05/2026", "1.5", "30", "1K", "gpt-4o 0806 Inp glbl Tokens"), row("10/06/2026", "2", "3", "1M", "5.4 opt Dz 1M Tokens"),
            row("10/31/2026", "1.7", "1", "1 Hour", "gpt-4o-0806-FTuned Deployment Hosting Unit"), row("10/31/2026", "100", "2", "1 Hour", "gpt-4o-0806-FTuned Training Unit"),
            row("10/31/2026", "-3", "1", "1", "x", ChargeType="Refund"), row("10/31/2026", "5", "1", "1/Hour", "Provisioned Managed Global Unit"),
            row("10/07/2026", "7", "1", "1 Hour", "NC24ads A100 v4", MeterCategory="Virtual Machines", Tags='"purpose": "train","owner": "ml"')]
    want = {"I": D("1.5") + 2 + D("1.7") + 5, "T": 107, "O": -3, "tok": 3030000}
    case("Azure, month first: one date proves it for the file; tags without braces", table(rows), "az.csv", want)
    turned = [{**r, "Date": "/".join([r["Date"][3:5], r["Date"][:2], r["Date"][6:]])} for r in rows]
    case("the same, day first, UTF-16", table(turned).encode("utf-16"), "az.csv", want)
    case("a file without a proof: its dates are refused, one by one", table(rows[:2]), "az.csv", {}, [(1, "cannot be told apart"), (2, "cannot be told apart")])
    case("a file of both orders: the row that breaks it is refused", table(rows + turned[2:3]), "az.csv", want, [(8, "month first as the others")])


def gcp():
    row = lambda sku, cost, n, credits=(), kind="regular": {"billing_account_id": "01", "service": {"id": "C7E2-9256-1C43", "description": "Vertex AI"}, "sku": {"id": "s", "description": sku},
            "usage_start_time": "2026-10-05 07:00:00 UTC", "usage_end_time": "2026-10-05 08:00:00 UTC", "project": {"id": "p", "labels": [{"key": "team", "value": "a"}]},
            "labels": [], "cost": cost, "currency": "USD", "usage": {"amount": n, "unit": "count"}, "credits": [{"name": "c", "amount": c, "type": "PROMOTION"} for c in credits],
            "invoice": {"month": "202610"}, "cost_type": kind}
    rows = [row("Gemini 3 Flash Text Input - Predictions", 1.5, 3e6), row("Gemini 2.5 Pro Thinking Text Output - Predictions", "2.5", 1000, [-1.0, "-0.25"]),
            row("Gemini 3 Flash Text Input Caching Storage", 0.1, 100), row("Vertex AI: Training/Pipelines on N1 Instance Core in Americas", 4, 3600),
            row("Vertex AI: Online/Batch Prediction Nvidia H100 80gb GPU running in Iowa", 11.26, 3600), row("Tax", 0.9, 0, kind="tax"), row("Rounding error", -0.01, 0, kind="rounding_error")]
    want = {"I": D("1.5") + D("2.5") - D("1.25") + D("0.1") + D("11.26"), "T": 4, "O": D("0.89"), "tok": 3001000}
    case("BigQuery as JSON lines: net of its credits", "\n".join(map(json.dumps, rows)), "g.json", want)
    case("... and as one array", json.dumps(rows), "g.csv", want)


ABOVE = 'Invoice number,1234567890,\nInvoice date,2026-08-31,\nDue date,2026-09-30,\nBilling account ID,0A-0B,\nCurrency,AUD,\nCurrency exchange rate,1.4389,\nTotal amount due,"$1,012.24",\n\n'


def cost_table():
    """Google's console: lines about the invoice, then the table, then its sums, which are no charges."""
    cells = [  # book, SKU, credit, kind, amount, cost, tokens
        ("I", "Generate_content text cached input token count for gemini 3 pro short", "", "Usage", "20,122,880", "1.085840", 20122880), ("I", "Generate content output token count gemini 3 flash text flex", "", "Usage", "46,546", "1,010.050230", 46546),
        ("I", "Generate content output token count gemini 3 flash text flex", "Promotional credit", "Usage", "46,546", "-10.000000", 0), ("T", "Gemini 2.5 Flash Supervised Tuning - Training tokens", "", "Usage", "1,000", "10.000000", 0),
        ("O", "", "", "Tax", "", "1.10", 0), ("O", "", "", "Rounding error", "", "0.003930", 0)]
    rows = [{"Billing account name": "a", "Project ID": "p", "Service description": sku and "Gemini API", "SKU description": sku, "Credit type": credit, "Cost type": kind, "Usage start date": "2026-08-01" if n else "",
             "Usage end date": "2026-08-31" if n else "", "Usage amount": n, "Usage unit": "count", "Unrounded cost ($)": cost, "Cost ($)": ""} for _, sku, credit, kind, n, cost, _ in cells]
    total = {"Cost type": "Total", "Unrounded cost ($)": "1012.240000"}
    want = {**{b: sum(D(c[5].replace(",", "")) for c in cells if c[0] == b) for b in "ITO"}, "tok": sum(c[-1] for c in cells)}
    case("Google's cost table: net of its credits, in the currency that stands above it, its total not added", ABOVE + table(rows + [total]), "t.csv", want)
    case("... without its credits: that more was billed than is due is said", ABOVE + table(rows[:2] + rows[3:] + [{**total, "Unrounded cost ($)": "1022.24"}]), "t.csv", {**want, "I": want["I"] + 10}, notes=["without its credits"])
    case("... a line too few: its total says so", ABOVE + table(rows[1:] + [total]), "t.csv", {**want, "I": want["I"] - D("1.085840"), "tok": 46546}, notes=["a line is missing"])
    case("... in euros, by the column's name alone, without the lines above: a line without a day gets the last day of use", table(rows).replace("($)", "(\u20ac)"), "t.csv", want)
    case("... in a currency that nobody names is refused", table(rows[:2]).replace("($)", "(kr)"), "t.csv", {}, [(1, "names a currency"), (2, "names a currency")])
    case("lines about a table stand above an Azure export as well", "Cost analysis\nScope,x\n\n" + table([{"Date": d, "CostInBillingCurrency": c, "BillingCurrency": "EUR", "MeterCategory": "m", "MeterName": "o1 Inp glbl Tokens"}
         for d, c in (("10/05/2026", "2"), ("10/06/2026", "1"), ("10/31/2026", "1"))]), "a.csv", {"I": 4})
    case("... by ISO dates", "Cost analysis\nScope,x\n\n" + table([{"Date": "2026-10-05", "BillingCurrency": "EUR", "CostInBillingCurrency": "2", "MeterCategory": "m", "MeterName": "o1 Inp glbl Tokens", "Quantity": "1", "UnitOfMeasure": "1K"}]),
         "a.csv", {"I": 2, "tok": 1000})


def behind_one_another():
    """cat part-0.csv part-1.csv: headers in the middle, of the same columns, of others, in another order; and an end in the middle of a row."""
    row = lambda i, **m: {"BilledCost": f"{i}.25", "BillingCurrency": "EUR", "ChargeCategory": "Usage", "ChargePeriodStart": f"2026-10-0{i}T00:00:00Z", "ChargePeriodEnd": f"2026-10-0{i}T01:00:00Z", "ServiceName": "s",
                          "ConsumedQuantity": "500", "ConsumedUnit": "Tokens", "SkuMeter": "input tokens", **m}
    parts = [table([row(1), row(2)]), table([row(3)]), table([dict(reversed(list(row(4).items())))]), table([{"ServiceProviderName": "v", **row(5), "InvoiceId": "x", "x_New": "y"}])]
    whole = {"I": sum(D(f"{i}.25") for i in range(1, 6)), "tok": 2500}
    case("parts behind one another: each is read by its own header", "".join(parts), "f.csv", whole, notes=["header in the middle"])
    cut = "".join(parts)
    case("... cut in the middle of the last row: it is named and not half read", cut[:cut.rindex("05T00")], "f.csv", {"I": whole["I"] - D("5.25"), "tok": 2000}, [(8, "cut off")])
    case("a last row without a line end that is whole is whole", parts[0].rstrip("\n"), "f.csv", {"I": D("3.5"), "tok": 1000})


def one_folder():
    """Copies and exports of more and more of a month in one folder: the last one counts. Parts of one export: all of them do."""
    global passed, failed
    def check(name, files, want):
        global passed, failed
        folder = TMP / str(next(number))
        folder.mkdir()
        for i, (file, text) in enumerate(files):
            (folder / file).write_text(text)
            os.utime(folder / file, (1790000000 + i * 60,) * 2)
        got = []
        for n in range(2):
            a = json.loads(subprocess.run([RUNRATE, "import", str(folder), "--json", "--ledger", str(TMP / folder.name) + ".db"], capture_output=True, text=True).stdout)
            r = json.loads(subprocess.run([RUNRATE, "report", "--json", "--ledger", str(TMP / folder.name) + ".db"], capture_output=True, text=True).stdout)
            got += [D(a["billed"]), D(r["total"])] + ([a["rows_new"] if "line_item" not in files[0][1] else 0] if n else [])  # AWS: each delivery replaces the month again
        ok = got == [want, want, want, want, 0]
        passed, failed = passed + ok, failed + (not ok)
        print(f"{'ok' if ok else 'not ok'} {name}" + ("" if ok else f": {got}, wanted {want}"))
    kinds = {
        "FOCUS": lambda d, c, **m: {"BilledCost": c, "BillingCurrency": "USD", "ChargeCategory": "Usage", "ChargePeriodStart": f"2026-10-{d:02}T00:00:00Z", "ChargePeriodEnd": f"2026-10-{d:02}T01:00:00Z", "ServiceName": "s", **m},
        "Azure": lambda d, c, **m: {"Date": f"2026-10-{d:02}", "BillingCurrency": "USD", "CostInBillingCurrency": c, "MeterCategory": "m", "MeterName": "n", "Quantity": c, **m},
        "CUR": lambda d, c, **m: {"bill_payer_account_id": "1", "bill_billing_period_start_date": "2026-10-01T00:00:00Z", "bill_billing_period_end_date": "2026-11-01T00:00:00Z", "line_item_usage_start_date": f"2026-10-{d:02}T00:00:00Z",
                                  "line_item_unblended_cost": c, "line_item_currency_code": "USD", **m}}
    for name, row in kinds.items():
        days = lambda a, b, **more: table([row(d, more.get(f"d{d}", d)) for d in range(a, b)])
        check(f"{name}: a copy beside the file", [("bill.csv", days(1, 11)), ("bill (1).csv", days(1, 11))], D(55))
        check(f"{name}: three exports of a month that goes on, the last day still growing, names that do not say which is later", [("b.csv", days(1, 6)), ("c.csv", days(1, 11, d5=7)), ("a.csv", days(1, 21, d5=7, d10=12))], D(210 + 2 + 2))
        check(f"{name}: parts of one export, with rows that nothing tells apart", [("0.csv", table([row(1, 3), row(1, 3), row(1, 4)])), ("1.csv", table([row(1, 5), row(1, 6)]))], D(21))
    lines = lambda a, b: "".join(json.dumps({"service": {"description": "Vertex AI"}, "sku": {"description": "x"}, "usage_start_time": f"2026-10-{d:02} 00:00:00 UTC", "cost": d, "currency": "USD"}) + "\n" for d in range(a, b))
    check("Google's lines: a longer export of the same days", [("a.json", lines(1, 6)), ("b.json", lines(1, 11))], D(55))
    check("CUR: what a later delivery in the same folder has no more is gone", [("1.csv", table([kinds["CUR"](d, d) for d in range(1, 9)])), ("2.csv", table([kinds["CUR"](d, d) for d in range(1, 7)]))], D(21))
    check("Azure: spelled by an older and a newer schema it is one export", [("1.csv", table([kinds["Azure"](d, d) for d in range(1, 9)])), ("2.csv", table([{k[0].lower() + k[1:]: v for k, v in kinds["Azure"](d, d).items()} for d in range(1, 9)]))], D(36))


def month_closes():
    """An open month's rows have no invoice yet, and lists with amounts in them. When the month is closed they are the same rows."""
    global passed, failed
    day = {"BillingCurrency": "EUR", "ChargeCategory": "Usage", "ChargePeriodStart": "2026-10-05T00:00:00Z", "ChargePeriodEnd": "2026-10-06T00:00:00Z", "ServiceName": "s", "ConsumedUnit": "1K", "ConsumedQuantity": "3"}
    azure = {"date": "2026-10-05", "billingCurrency": "EUR", "quantity": "3", "unitOfMeasure": "1K", "meterCategory": "Foundry Models", "meterName": "o1 Inp glbl Tokens", "chargeType": "Usage"}
    pairs = {  # name: the row while the month was open, what is other when it is closed, the column of its money
        "FOCUS of Microsoft": ({**day, "ProviderName": "Microsoft", "x_SkuMeterName": "o1 Inp glbl Tokens", "x_BilledCostInUsd": "1.1", "x_BillingExchangeRateDate": "2026-10-01", "InvoiceId": ""},
                               {"x_BilledCostInUsd": "1.2", "x_BillingExchangeRateDate": "2026-10-31", "InvoiceId": "INV1", "InvoiceDetailId": "7"}, "BilledCost", "o1 Inp glbl Tokens"),
        "FOCUS of Google": ({**day, "ProviderName": "Google Cloud", "ChargeDescription": "Gemini 3 Flash Text Input - Predictions", "x_Credits": '[{"amount":-0.1}]', "x_ExportTime": "2026-10-06T00:00:00Z", "x_CreditsTotal": "-0.1"},
                            {"x_Credits": '[{"amount":-0.2}]', "x_ExportTime": "2026-10-07T00:00:00Z", "x_CreditsTotal": "-0.2"}, "BilledCost", "Gemini 3 Flash Text Input - Predictions"),
        "FOCUS of AWS": ({**day, "ProviderName": "AWS", "x_UsageType": "USE1-Claude4.6Sonnet-cache-read-input-token-count", "x_Discounts": '{"edp":-0.1}', "ContractApplied": '{"cost":1}'}, {"x_Discounts": '{"edp":-0.2}', "ContractApplied": '{"cost":2}'},
                         "BilledCost", "Claude4.6Sonnet"),
        "Azure": ({**azure, "invoiceId": "", "costInUsd": "1.1", "exchangeRateDate": "2026-10-01"}, {"invoiceId": "E0001", "costInUsd": "1.2", "exchangeRateDate": "2026-10-31"}, "costInBillingCurrency", "o1 Inp glbl Tokens")}
    for name, (row, later, money, model) in pairs.items():
        folder = TMP / str(next(number))
        folder.mkdir()
        got = []
        for i, rows in enumerate(([{**row, money: "1"}, {**row, money: "4", "Tags": '{"a":"b"}'}], [{**row, **later, money: "1.5"}, {**row, **later, money: "4", "Tags": '{"a":"b"}'}])):
            (folder / f"{i}.csv").write_text(table(rows))
            a = json.loads(subprocess.run([RUNRATE, "import", str(folder / f"{i}.csv"), "--json", "--ledger", str(folder / "l.db")], capture_output=True, text=True).stdout)
            got.append((a["rows_new"], a["rows_duplicate"], a["rows_revised"]))
        r = json.loads(subprocess.run([RUNRATE, "report", "--by", "model", "--json", "--ledger", str(folder / "l.db")], capture_output=True, text=True).stdout)
        got += [r["total"], [x["key"] for x in r["inference"]["lines"]]]
        ok = got == [(2, 0, 0), (0, 1, 1), "5.5", [model]]
        passed, failed = passed + ok, failed + (not ok)
        print(f"{'ok' if ok else 'not ok'} {name}: the closed month's rows are the open one's, under the meter's own name" + ("" if ok else f": {got}"))
    meter = {**azure, "meterName": "Provisioned Managed Global Unit", "unitOfMeasure": "1/Hour", "pricingModel": "Reservation"}
    bought = {**azure, "meterName": "", "ProductName": "Azure OpenAI Provisioned Reservation", "chargeType": "Purchase", "pricingModel": "Reservation", "costInBillingCurrency": "700"}
    case("Azure, actual: the purchase of a reservation is named as what it is", table([bought, {**meter, "costInBillingCurrency": "0"}]), "a.csv", {"I": 700}, notes=["an actual export"])
    case("Azure, amortised: and what it is spread over", table([{**meter, "costInBillingCurrency": "3"}, {**meter, "costInBillingCurrency": "2", "chargeType": "UnusedReservation"}]), "a.csv", {"I": 5}, notes=["an amortised export"])
    fee = {"line_item_usage_start_date": "2026-10-05", "line_item_unblended_cost": "9", "line_item_currency_code": "USD", "line_item_line_item_type": "SavingsPlanRecurringFee", "line_item_usage_type": "MachineLearningSP:1yr"}
    case("AWS: a Savings Plan's fee is not classified, and says why", table([fee]), "a.csv", {"U": 9}, notes=["Savings Plans"])
    box = {**fee, "line_item_line_item_type": "Usage", "line_item_usage_type": "BoxUsage:p5.48xlarge", "resource_tags_user_purpose": "train"}
    case("AWS as Athena spells the legacy report: a tag is a column", table([box]), "a.csv", {"T": 9})


def focus():
    row = lambda cost, start, end, **m: {"BilledCost": cost, "EffectiveCost": cost, "BillingCurrency": "EUR", "ChargeCategory": "Usage", "ChargePeriodStart": start, "ChargePeriodEnd": end,
            "ServiceProviderName": "Anthropic", "ServiceCategory": "AI and Machine Learning", "ServiceName": "Claude", "SkuMeter": "input tokens", "ConsumedQuantity": "500", "ConsumedUnit": "Tokens", **m}
    day = ("2026-10-05T00:00:00+02:00", "2026-10-06T00:00:00+02:00")
    rows = [row("1.5", *day), row("-0.5", *day, ChargeCategory="Credit", ConsumedQuantity="", ConsumedUnit=""), row("2.25", *day, ServiceName='a\n"b", c'), row("2.25", *day, ServiceName='a\n"b", c')]
    case("FOCUS 1.4: offsets, a line end in a cell, the same row twice", "\ufeff" + table(rows).replace("\n", "\r\n"), "f.csv", {"I": 6, "O": D("-0.5"), "tok": 1500})
    bad = [row("1", "0001-10-05T00:00:00Z", "0001-10-06T00:00:00Z"), row("1", "9999-10-05T00:00:00Z", "9999-10-06T00:00:00Z"), row("1", day[1], day[0]), row("4", *day)]
    case("times that cannot be: named, the rest counts", table(bad), "f.txt", {"I": 4}, [(1, "2000 to 2099"), (2, "2000 to 2099"), (3, "before ChargePeriodStart")])
    case("a header alone is an export of nothing", table(bad).split("\n")[0] + "\n", "f.csv", {})


for part in (openai, anthropic, aws, aws_bill, console, azure, gcp, cost_table, behind_one_another, one_folder, month_closes, focus):
    part()
print(f"{passed} passed, {failed} failed")
sys.exit(failed != 0)
