#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The grammars of sources.md row by row: what each usage type, meter, SKU, line item and key spelling is taken for.

Every row of a table costs another power of two (in billionths), so that the four sums of one import say of each row in which
checkbook it went. The tokens that the rows count are summed beside it.
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

HERE = pathlib.Path(__file__).resolve().parent
RUNRATE = os.environ.get("RUNRATE", str(HERE.parents[1] / "build/runrate"))
EXAMPLES = HERE.parents[2] / "shared/data/billing/openai/usage_and_costs_examples.json"
TMP = pathlib.Path(tempfile.mkdtemp(prefix="rr-variants-"))
BOOKS = {"T": "training", "I": "inference", "O": "other", "?": "unclassified"}
passed, failed, skipped, files = 0, 0, 0, 0


def ok(name, good, why=""):
    global passed, failed
    passed, failed = passed + bool(good), failed + (not good)
    print(f"{'ok' if good else 'not ok'} {name}" + ("" if good else f": {why}"))


def same(name, got, want):
    ok(name, got == want, f"{got!r}, wanted {want!r}")


def take(text, *more, name="x.csv", rc=0):
    global files
    files += 1
    path = TMP / str(files) / name
    path.parent.mkdir()
    path.write_text(text)
    r = subprocess.run([RUNRATE, "import", str(path), "--json", "--ledger", str(path.parent / "l.db"), *more], capture_output=True, text=True)
    if r.returncode != rc:
        ok(f"import {files} exits {rc}", False, f"{r.returncode}: {r.stderr[:300]} {r.stdout[:500]}")
    return json.loads(r.stdout) if r.stdout else {"rows_rejected": [], "tokens": -1, **{b: "0" for b in BOOKS.values()}}


def csv_text(rows):
    columns = list(dict.fromkeys(k for r in rows for k in r))
    out = io.StringIO()
    w = csv.DictWriter(out, columns, restval="")
    w.writeheader()
    w.writerows(rows)
    return out.getvalue()


def table(name, cases, row, name_of=lambda c: c[1], lines=None):
    """cases: (class, text, ..., tokens); row(case, cost) is its row."""
    costs = [1 << i for i in range(len(cases))]
    rows = [row(c, str(D(n) / 10**9)) for c, n in zip(cases, costs)]
    a = take(lines(rows) if lines else csv_text(rows), name="x.jsonl" if lines else "x.csv")
    wrong = []
    for letter, book in BOOKS.items():
        got = int(D(a[book]) * 10**9)
        for c, n in zip(cases, costs):
            if bool(got & n) != (c[0] == letter):
                wrong.append(f"{name_of(c)} {'is' if got & n else 'is not'} {book}")
        got &= ~sum(costs)
        if got:
            wrong.append(f"{book} has {got} billionths too many")
    ok(f"{name}: {len(cases)} rows in their checkbooks", not wrong and not a["rows_rejected"], wrong[:8] + a["rows_rejected"][:3])
    same(f"{name}: tokens", a["tokens"], sum(c[-1] for c in cases))


E = "Claude 3 Haiku (Amazon Bedrock Edition)"
AWS = [  # class, usage type, pricing unit, product name, operation, line item type, tokens of a quantity of 2
    ("I", "USE1-Claude3Haiku-input-tokens", "1K tokens", "", "", "Usage", 2000),
    ("I", "EUC1-NovaPro-output-tokens-latency-optimized", "1K tokens", "", "", "Usage", 2000),
    ("I", "APN1-NovaMicro-cache-read-input-token-count", "1K tokens", "", "", "Usage", 2000),
    ("I", "USE1-NovaLite-output-tokens-flex", "1K Tokens", "", "", "Usage", 2000),
    ("I", "USE1-openai.gpt-oss-120b-mantle-input-tokens-standard", "1K tokens", "", "", "Usage", 2000),
    ("I", "USE1-x.y-mantle-cache-write-tokens-5m-long-ctx-flex", "1K tokens", "", "", "Usage", 2000),
    ("I", "USE1-Claude4Sonnet-output-tokens-long-context-cross-region-global-batch", "1K tokens", "", "", "Usage", 2000),
    ("I", "USE1-MP:USE1_cache_write_tokens_1h_global_standard-Units", "Units", E, "", "Usage", 2000000),
    ("I", "USE1-MP:USE1_output_tokens_regional_batch-Units", "1M tokens", E, "", "Usage", 2000000),
    ("I", "USE1-MP:USE1_CacheReadInputTokenCount-Units", "Units", E, "", "Usage", 2000000),
    ("I", "USE1-MP:USE1_MillionBatchInputTokens-Units", "Units", E, "", "Usage", 2000000),
    ("I", "USE1-MP:USE1_InputTokenCount_Global", "Units", E, "", "Usage", 2000000),
    ("T", "USE1-Llama3-3-70B-Customization-Training", "1K tokens", "", "", "Usage", 0),
    ("T", "USE1-NovaCanvas-Customization-Training", "Images", "", "", "Usage", 0),
    ("T", "USE1-Llama3-3-70B-Customization-Storage", "Month", "", "", "Usage", 0),
    ("T", "USE1-TitanTextG1-CustomModelStorage", "Month", "", "", "Usage", 0),
    ("I", "USE1-NovaLite-input-tokens-custom-model", "1K tokens", "", "", "Usage", 2000),
    ("I", "USE1-ProvisionedThroughput-ClaudeV2-1month", "Hrs", "", "", "Usage", 0),
    ("I", "USE1-Reserved_1Month_InputTPM_Geo", "TPM", "", "", "Usage", 0),
    ("I", "USE1-Custom-Model-Unit-per-min-v1.0", "min", "", "", "Usage", 0),
    ("O", "USE1-Guardrail-ContentPolicyUnitsConsumed", "Units", "", "", "Usage", 0),
    ("O", "USE1-DataAutomation-Pages", "Pages", "", "", "Usage", 0),
    ("O", "USE1-DataStorage-ByteHrs", "GB-Mo", "", "", "Usage", 0),
    ("T", "USE1-Train:ml.p4d.24xlarge", "Hrs", "", "RunInstance", "Usage", 0),
    ("T", "ML.P4D.24XLARGE-Training", "Hrs", "", "CreateTrainingJob", "Usage", 0),
    ("T", "USW2-SpotTraining:ml.g5.xlarge", "Hrs", "", "", "Usage", 0),
    ("T", "USE1-Train:VolumeUsage.gp2", "GB-Mo", "", "", "Usage", 0),
    ("I", "USE1-Host:ml.g5.xlarge", "Hrs", "", "RunInstance", "Usage", 0),
    ("?", "BoxUsage:p4d.24xlarge", "Hrs", "", "RunInstances", "Usage", 0),
    ("?", "USE1-Something-Of-Tomorrow", "Hrs", "", "", "Usage", 0),
    ("O", "USE1-Claude3Haiku-input-tokens", "1K tokens", "", "", "Tax", 0),
    ("O", "USE1-Claude3Haiku-input-tokens", "1K tokens", "", "Refund", "Credit", 0),
    ("I", "USE1-Claude3Haiku-input-tokens", "1K tokens", "", "Covered", "DiscountedUsage", 2000),
]


def aws():
    one = lambda c, cost: {"line_item_usage_start_date": "2026-10-05T01:00:00Z", "line_item_usage_end_date": "2026-10-05T02:00:00Z",
                           "bill_billing_period_start_date": "2026-10-01T00:00:00Z", "bill_billing_period_end_date": "2026-11-01T00:00:00Z",
                           "line_item_line_item_type": c[5], "line_item_product_code": "AmazonBedrock", "line_item_usage_type": c[1], "line_item_operation": c[4],
                           "line_item_usage_amount": "2", "line_item_unblended_cost": cost, "line_item_currency_code": "USD", "pricing_unit": c[2],
                           "bill_payer_account_id": "1", "product": json.dumps({"product_name": c[3]}) if c[3] else ""}
    table("AWS usage types", AWS, one)
    rows = [one(c, "1") for c in AWS[:12]]
    a = take(csv_text(rows))
    r = subprocess.run([RUNRATE, "report", "--by", "model", "--json", "--ledger", str(TMP / str(files) / "l.db")], capture_output=True, text=True)
    same("AWS: the model stands before whatever is metered of it", sorted(x["key"] for x in json.loads(r.stdout)["inference"]["lines"]),
         sorted({"Claude3Haiku", "NovaPro", "NovaMicro", "NovaLite", "openai.gpt-oss-120b", "x.y", "Claude4Sonnet", "Claude 3 Haiku"}))
    same("AWS: and all of it is there", D(a["inference"]), D(12))


def cur_folder():
    """A report as AWS delivers it: a manifest and parts, gzipped, in folders; a later delivery replaces it whole."""
    import gzip
    one = lambda i, cost, kind="Usage": {"identity/LineItemId": f"x{i}{cost}", "bill/PayerAccountId": "1", "bill/BillingPeriodStartDate": "2026-10-01T00:00:00Z",
          "bill/BillingPeriodEndDate": "2026-11-01T00:00:00Z", "lineItem/UsageStartDate": f"2026-10-{i + 1:02}T00:00:00Z", "lineItem/UsageEndDate": f"2026-10-{i + 2:02}T00:00:00Z",
          "lineItem/LineItemType": kind, "lineItem/ProductCode": "AmazonBedrock", "lineItem/UsageType": "USE1-Claude3Haiku-input-tokens", "lineItem/UsageAmount": "3",
          "lineItem/UnblendedCost": cost, "lineItem/CurrencyCode": "USD", "pricing/unit": "1K tokens", "product/ProductName": "Amazon Bedrock", "resourceTags/user:purpose": ""}
    ledger = str(TMP / "cur.db")
    def deliver(name, parts):
        folder = TMP / name / "report/20261001-20261101"
        folder.mkdir(parents=True)
        (folder / "report-Manifest.json").write_text(json.dumps({"assemblyId": name, "account": "1", "reportKeys": ["report/a.csv.gz"], "billingPeriod": {"start": "20261001T000000.000Z"}}))
        for i, rows in enumerate(parts):
            (folder / f"report-{i + 1:05}.csv.gz").write_bytes(gzip.compress(csv_text(rows).encode()))
        r = subprocess.run([RUNRATE, "import", str(TMP / name), "--json", "--ledger", ledger], capture_output=True, text=True)
        return json.loads(r.stdout) if r.stdout else {"error": r.stderr}
    a = deliver("first", [[one(i, "1.5") for i in range(5)], [one(i, "2.25") for i in range(5, 9)]])
    same("a CUR folder: the parts are one batch, the manifest is passed over", (a["rows_new"], D(a["billed"]), a["tokens"], len(a["batches"]), a["files_skipped"]), (9, D("16.5"), 27000, 1, 1))
    deliver("second", [[one(i, "1.75") for i in range(4)], [one(8, "-1", "Credit")]])
    r = subprocess.run([RUNRATE, "report", "--json", "--ledger", ledger], capture_output=True, text=True)
    same("a later delivery of the period replaces it whole", D(json.loads(r.stdout)["total"]), D("6"))
    tagged = [{**one(0, "5"), "lineItem/UsageType": "BoxUsage:p5.48xlarge", "resourceTags/user:purpose": "train"}, {**one(1, "7"), "lineItem/UsageType": "BoxUsage:p5.48xlarge"}]
    a = take(csv_text(tagged))
    same("a tag of a legacy report says what a machine with GPUs did", (a["training"], a["unclassified"]), ("5", "7"))
    two = [{"line_item_usage_start_date": "2026-10-01T00:00:00Z", "line_item_line_item_type": "Usage", "line_item_usage_type": "BoxUsage:p5.48xlarge", "line_item_unblended_cost": "5",
            "line_item_currency_code": "USD", "resource_tags": t} for t in ('{"user_purpose":"train"}', '{"user_purpose":"inference"}', "{user_purpose=train}", "{}")]
    a = take(csv_text([{**r, "line_item_resource_id": i} for i, r in enumerate(two)]))
    same("and the map of tags of CUR 2.0, as JSON or as Athena prints it", (a["training"], a["inference"], a["unclassified"]), ("10", "5", "5"))


AZURE = [  # class, meter, unit of measure, charge type, meter category, tokens of a quantity of 2
    ("T", "gpt-4o-0806-FTuned Training Unit", "1 Hour", "Usage", "Azure OpenAI", 0), ("T", "gpt-4.1-mini-FTuned Training Tokens", "1K", "Usage", "Azure OpenAI", 0),
    ("T", "4.1 mini FT Training Tokens", "1M", "Usage", "", 0), ("T", "o4-mini RFT Training Hours", "1 Hour", "Usage", "", 0),
    ("I", "gpt-4o-0806-FTuned Deployment Hosting Unit", "1 Hour", "Usage", "", 0), ("I", "3.3 70b FT Deployment Hosting Unit", "1 Hour", "Usage", "", 0),
    ("I", "gpt-4o-0806-Fine Tuned-Input Tokens", "1K", "Usage", "", 2000), ("I", "Mnstrl 3b Inp FT regnl Tokens", "1K", "Usage", "", 2000),
    ("I", "5.4 opt Dz 1M Tokens", "1M", "Usage", "", 2000000), ("I", "5.4 cchd inp dz 1M Tokens", "1M", "Usage", "", 2000000),
    ("I", "gpt 4o mini 0718 Batch Outp Data Zone Tokens", "1K", "Usage", "", 2000), ("I", "GPT-5 pp inpt glbl 1M Tokens", "1M", "Usage", "", 2000000),
    ("I", "text-embedding-3-large glbl Tokens", "1K", "Usage", "", 2000), ("I", "Mistral Large 2411 Inp Tokens", "1000 Tokens", "Usage", "", 2000),
    ("I", "Provisioned Managed Global", "1/Hour", "Usage", "", 0), ("I", "Provisioned Managed Data Zone", "1 Hour", "Usage", "", 0),
    ("I", "Code-Interpreter Session", "1", "Usage", "", 0), ("?", "ND96isr H100 v5", "1 Hour", "Usage", "Virtual Machines", 0),
    ("?", "Mystery", "1", "Usage", "", 0), ("O", "gpt-4o 0806 Inp glbl Tokens", "1K", "Tax", "", 0), ("O", "gpt-4o Outp glbl Tokens", "1K", "Refund", "", 0),
    ("O", "LRS Data Stored", "1 GB/Month", "Usage", "Storage", 0),
]


def azure():
    table("Azure meters", AZURE, lambda c, cost: {"Date": "10/15/2026", "BillingPeriodEndDate": "10/31/2026", "BillingCurrency": "EUR", "CostInBillingCurrency": cost,
          "Quantity": "2", "UnitOfMeasure": c[2], "MeterCategory": c[4], "MeterName": c[1], "ChargeType": c[3], "SubscriptionId": "s"})


GCP = [  # class, SKU, cost type, tokens of an amount of 1000
    ("I", "Gemini 3 Flash Text Input - Predictions", "regular", 1000), ("I", "Gemini 3 Flash Global Text Output - Predictions", "regular", 1000),
    ("I", "Gemini 2.5 Pro Thinking Text Output - Predictions (Long)", "regular", 1000), ("I", "Gemini 3 Flash Text Input Caching", "regular", 1000),
    ("I", "Gemini 3 Flash Text Input Caching Storage", "regular", 0), ("I", "Gemini 3 Pro Priority Text Output - Predictions", "regular", 1000),
    ("I", "Generate content cached content token count gemini 2.5 flash text", "regular", 1000), ("I", "Claude Opus 4 5m Cache Write Input Tokens", "regular", 1000),
    ("I", "Vertex AI: Provisioned Throughput 1 month", "regular", 0), ("T", "Gemini 2.5 Flash Supervised Tuning - Training tokens", "regular", 0),
    ("T", "Custom Training NVIDIA H100 80GB GPU running in us-central1", "regular", 0), ("I", "Online/Batch Prediction Nvidia A100 running in Americas", "regular", 0),
    ("?", "Nvidia H100 80GB GPU running in us-central1", "regular", 0), ("O", "Tax", "tax", 0), ("O", "Gemini 3 Flash Text Input - Predictions", "rounding_error", 0),
]


def gcp_row(c, cost):
    return {"billing_account_id": "A", "service": {"description": "Vertex AI"}, "sku": {"id": "S", "description": c[1]}, "usage_start_time": "2026-10-05 00:00:00 UTC",
            "usage_end_time": "2026-10-05 01:00:00 UTC", "cost": cost, "currency": "USD", "usage": {"amount": 1000, "unit": "count"}, "credits": [], "cost_type": c[2]}


def gcp():
    lines = lambda rows: "".join(json.dumps(r) + "\n" for r in rows)
    table("Google SKUs", GCP, gcp_row, lines=lines)
    money = [{"units": "1", "nanos": 500000000}, {"nanos": 250000000}, {"units": "-2", "nanos": -125000000}, {"units": 3}, "0.5", 0.25]
    rows = [{**gcp_row(GCP[0], m), "usage_start_time": f"2026-10-{5 + i:02} 00:00:00 UTC"} for i, m in enumerate(money)]
    rows[4]["credits"] = [{"amount": {"units": "0", "nanos": -100000000}}, {"amount": -0.15}]
    same("Google money as units and nanos, numbers and texts, net of credits", D(take(lines(rows), name="x.jsonl")["billed"]),
         D("1.5") + D("0.25") - D("2.125") + 3 + D("0.5") - D("0.25") + D("0.25"))
    rows = [{**gcp_row(GCP[0], {"units": "many"})}, gcp_row(GCP[1], "1")]
    a = take(lines(rows), name="x.jsonl", rc=4)
    same("units that are no number are rejected", ([x["row"] for x in a["rows_rejected"]], a["billed"]), ([1], "1"))


FOCUS = [  # class, columns, tokens
    ("I", {"ConsumedUnit": "Tokens", "ConsumedQuantity": "5000", "SkuMeter": "Input Tokens"}, 5000),
    ("I", {"ConsumedUnit": "1000 Tokens", "ConsumedQuantity": "5", "SkuMeter": "Input Tokens"}, 5000),
    ("I", {"PricingUnit": "1000000 Tokens", "PricingQuantity": "0.5", "SkuPriceDetails": '{"x_TokenType":"cache read input","x_Model":"m"}'}, 500000),
    ("I", {"PricingUnit": "Million tokens", "PricingQuantity": "0.005", "SkuMeter": "output"}, 5000),
    ("I", {"PricingUnit": "10K Tokens", "PricingQuantity": "0.5", "SkuMeter": "output", "ConsumedUnit": "NULL", "ConsumedQuantity": "NULL"}, 5000),
    ("I", {"ConsumedUnit": "Kilo-Tokens", "ConsumedQuantity": "5", "SkuMeter": "output"}, 5000), ("I", {"ConsumedUnit": "Cached Input Tokens", "ConsumedQuantity": "5000", "SkuMeter": "cached input"}, 5000),
    ("I", {"ConsumedUnit": "KTokens", "ConsumedQuantity": "5", "SkuMeter": "Output Tokens"}, 5000), ("I", {"ConsumedUnit": "Count", "ConsumedQuantity": "5000", "SkuMeter": "Input Tokens"}, 0),
    ("T", {"ConsumedUnit": "Count", "ConsumedQuantity": "5000", "SkuMeter": "Fine-tuning training"}, 0), ("I", {"ConsumedUnit": "Tokens", "ConsumedQuantity": "1", "SkuMeter": "input", "ChargePeriodEnd": ""}, 1),
    ("T", {"ProviderName": "Microsoft", "x_SkuMeterName": "gpt-4o-0806-FTuned Training Unit", "ConsumedUnit": "Hours", "ConsumedQuantity": "2"}, 0),
    ("T", {"ProviderName": "Microsoft", "x_SkuMeterName": "gpt-4.1 FT Training Tokens", "ConsumedUnit": "1K Tokens", "ConsumedQuantity": "2"}, 0),
    ("I", {"ProviderName": "Microsoft", "x_SkuMeterName": "gpt-4o-0806-FTuned Deployment Hosting Unit", "ConsumedUnit": "Hours", "ConsumedQuantity": "2"}, 0),
    ("I", {"ProviderName": "Microsoft", "x_SkuMeterName": "5.4 opt Dz 1M Tokens", "PricingUnit": "1M", "PricingQuantity": "2"}, 2000000),
    ("I", {"ProviderName": "AWS", "x_UsageType": "USE1-Claude3Haiku-input-tokens", "ConsumedUnit": "1K tokens", "ConsumedQuantity": "2"}, 2000),
    ("I", {"ProviderName": "AWS", "x_UsageType": "USE1-MP:USE1_OutputTokenCount-Units", "ConsumedUnit": "Units", "ConsumedQuantity": "2"}, 2000000),
    ("T", {"ProviderName": "Amazon Web Services", "SkuMeter": "USE1-Llama3-3-70B-Customization-Training", "ConsumedUnit": "1K tokens", "ConsumedQuantity": "2"}, 0),
    ("T", {"ProviderName": "AWS", "x_UsageType": "USE1-Train:ml.p4d.24xlarge", "x_Operation": "CreateTrainingJob", "ConsumedUnit": "Hrs", "ConsumedQuantity": "2"}, 0),
    ("I", {"ServiceProviderName": "Google Cloud", "ChargeDescription": "Gemini 3 Flash Text Input - Predictions", "ConsumedUnit": "count", "ConsumedQuantity": "2000"}, 2000),
    ("T", {"ServiceProviderName": "OpenAI", "ChargeDescription": "gpt-4.1-mini fine-tuning training", "ConsumedUnit": "Tokens", "ConsumedQuantity": "2000"}, 0),
    ("?", {"ChargeCategory": "Purchase", "ChargeDescription": "Prepaid credits", "ConsumedUnit": "tokens", "ConsumedQuantity": "1000"}, 0),
    ("O", {"ChargeCategory": "Tax"}, 0), ("O", {"ChargeCategory": "Credit"}, 0),
    ("T", {"ServiceCategory": "Compute", "ChargeDescription": "p5.48xlarge", "Tags": '{"purpose":"train"}'}, 0),
    ("?", {"ServiceCategory": "Compute", "ChargeDescription": "p5.48xlarge", "Tags": "NULL"}, 0),
]


def focus():
    fixed = {"BillingCurrency": "USD", "ChargeCategory": "Usage", "ChargePeriodStart": "2026-10-05T00:00:00Z", "ChargePeriodEnd": "2026-10-06T00:00:00Z",
             "ServiceCategory": "AI and Machine Learning", "ServiceName": "X", "ProviderName": "NULL"}
    table("FOCUS rows", FOCUS, lambda c, cost: {**fixed, "BilledCost": cost, "SkuId": cost, **c[1]})
    prepaid = [{**fixed, "BilledCost": "100", "EffectiveCost": "0", "ChargeCategory": "Purchase", "ChargeDescription": "credits"},
               {**fixed, "BilledCost": "0", "EffectiveCost": "30", "ConsumedUnit": "Tokens", "ConsumedQuantity": "3000", "SkuMeter": "input tokens"},
               {**fixed, "BilledCost": "-5", "EffectiveCost": "-5", "ChargeClass": "Correction", "SkuId": "c", "ConsumedUnit": "Tokens", "ConsumedQuantity": "-500", "SkuMeter": "input"}]
    a = take(csv_text(prepaid))
    same("FOCUS: a prepaid purchase is billed once, its use at nothing, a correction with its sign", (D(a["billed"]), a["tokens"], a["rows_unpriced"]), (D(95), 3000, 0))


OPENAI = [("I", "gpt-4o-mini-2024-07-18, input"), ("I", "ft:gpt-4o-mini-2024-07-18:org::x, output"), ("T", "gpt-4o-2024-08-06, training"), ("T", "gpt-4.1 fine-tuning training"),
          ("T", "o4-mini-2025-04-16, fine-tuning training hours"), ("T", "reinforcement fine-tuning grader"), ("O", "assistants api | file search storage"),
          ("I", "assistants api | code interpreter"), ("I", "web search tool calls"), ("O", "vector store storage"), ("I", "gpt-image-1, image output"), ("I", "whisper-1"),
          ("I", "text-embedding-3-large"), ("O", "ChatGPT Team seats"), ("?", "something new")]


def openai():
    table("OpenAI line items", [(*c, 0) for c in OPENAI], lambda c, cost: {"start_time": 1757376000, "end_time": 1757462400, "amount_value": cost, "amount_currency": "usd", "line_item": c[1]})
    exports = {  # columns that an export of this endpoint has, a row, what it holds: tokens, calls
        "embeddings": ({"num_model_requests": "2.0", "model": "text-embedding-3-small", "input_tokens": "16.0"}, 16, 2),
        "moderations": ({"num_model_requests": "2.0", "model": "omni-moderation-latest", "input_tokens": "16.0"}, 16, 2),
        "images": ({"images": "2.0", "num_model_requests": "2", "size": "1024x1024", "source": "image.generation", "model": "dall-e-3"}, 0, 2),
        "speeches": ({"characters": "4500", "num_model_requests": "2", "model": "tts-1"}, 0, 2),
        "transcriptions": ({"seconds": "600", "num_model_requests": "2", "model": "whisper-1"}, 0, 2),
        "vector stores": ({"usage_bytes": "1024"}, 0, 0), "code interpreter": ({"num_sessions": "3"}, 0, 3),
        "web search": ({"num_requests": "5", "num_model_requests": "2", "context_level": "medium", "model": "gpt-4o-mini-2024-07-18"}, 0, 2),
        "file search": ({"num_requests": "5", "vector_store_id": "vs"}, 0, 5)}
    for name, (row, tokens, calls) in exports.items():
        a = take(csv_text([{"start_time": 1757376000, "end_time": 1757462400, "project_id": "p", **row}]))
        same(f"OpenAI export of {name}", (a["source"], a["rows_new"], a["tokens"], a["calls"]), ("openai-usage", 1, tokens, calls))
    page = {"object": "page", "data": [{"object": "bucket", "start_time": 1757376000, "end_time": 1757462400,
            "result": [{"object": "organization.costs.result", "amount": {"value": 0.06, "currency": "usd"}, "line_item": "x, input"}]}]}
    same("OpenAI costs under the API's first name for results", take(json.dumps(page), name="x.json")["inference"], "0.06")


def anthropic():
    bucket = lambda *r: {"starting_at": "2026-10-01T00:00:00Z", "ending_at": "2026-10-02T00:00:00Z", "results": list(r)}
    page = lambda *b: json.dumps({"data": list(b), "has_more": False})
    use = {"uncached_input_tokens": 1000000, "output_tokens": 0, "cache_creation": {}, "cache_read_input_tokens": 0, "model": "claude-sonnet-4-5-20250929"}
    for tier, cost in (("standard", "3"), (None, "3"), ("batch", "1.5"), ("priority", None), ("newthing", None)):
        a = take(page(bucket({**use, "service_tier": tier})), name="x.json")
        same(f"Anthropic usage, tier {tier}", (a["priced"], a["rows_unpriced"]), (cost, 0) if cost else ("0", 1))
    cost = {"currency": "USD", "cost_type": "tokens", "description": "x"}
    a = take(page(bucket(), bucket({**cost, "amount": 123.45}), bucket({**cost, "amount": "0.5", "description": "y"})), name="x.json")
    same("Anthropic cost report: cents, as number or text, behind an empty bucket", (a["source"], D(a["inference"])), ("anthropic-costs", D("1.2395")))
    a = take(page(bucket(use), bucket({**cost, "amount": "100"})), name="x.json")
    same("usage and cost buckets in one file: each by its own reader", (a["source"], a["tokens"], a["billed"]), ("several", 1000000, "1"))


LANGFUSE = [  # usageDetails, tokens, price at 0.40 in, 0.10 cached, 1.60 out a million
    ({"input": 1000, "output": 100}, 1100, "0.00056"), ({"prompt_tokens": 1000, "completion_tokens": 100}, 1100, "0.00056"),
    ({"promptTokens": 1000, "completionTokens": 100, "totalTokens": 1100}, 1100, "0.00056"), ({"prompt_token_count": 1000, "candidates_token_count": 100}, 1100, "0.00056"),
    ({"input": 1000, "input_cached_tokens": 400, "output": 100, "total": 1100}, 1100, "0.00044"), ({"input": 600, "input_cached_tokens": 400, "output": 100, "total": 1100}, 1100, "0.00044"),
    ({"input": 600, "input_cache_read": 400, "output": 100}, 1100, "0.00044"), ({"input_tokens": 600, "cache_read_input_tokens": 400, "output_tokens": 100}, 1100, "0.00044"),
    ({"input_tokens": 1000, "input_cached_tokens": 400, "output_tokens": 100}, 1100, "0.00044"), ({"prompt_tokens": 1000, "prompt_tokens_details.cached_tokens": 400, "completion_tokens": 100}, 1100, "0.00044"),
    ({"promptTokenCount": 1000, "cachedContentTokenCount": 400, "candidatesTokenCount": 60, "thoughtsTokenCount": 40, "totalTokenCount": 1100}, 1100, "0.00044"),
    ({"prompt_token_count": 950, "tool_use_prompt_token_count": 50, "candidates_token_count": 100, "total_token_count": 1100}, 1100, "0.00056"),
    ({"prompt_tokens": 1000, "prompt_cache_hit_tokens": 400, "prompt_cache_miss_tokens": 600, "completion_tokens": 100, "total_tokens": 1100}, 1100, "0.00044"),
    ({"input": 1000, "output": 100, "output_reasoning_tokens": 40, "total": 1100}, 1100, "0.00056"), ({"input": 1000, "output": 60, "output_reasoning": 40, "total": 1100}, 1100, "0.00056"),
    ({"input": 1000, "output": 100, "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0, "total": 1100}, 1100, "0.00056"),
]


def langfuse():
    one = lambda i, u: {"id": f"o{i}", "traceId": "t", "type": "GENERATION", "startTime": "2026-10-01T10:00:00Z", "model": "gpt-4.1-mini", "usageDetails": u}
    for i, (u, tokens, cost) in enumerate(LANGFUSE):
        a = take(json.dumps([one(i, u)]), name="x.json")
        same(f"Langfuse keys {', '.join(u)}", (a["tokens"], D(a["priced"])), (tokens, D(cost)))
    rows = [{"id": f"o{i}", "trace_id": "t", "type": "GENERATION", "start_time": "2026-10-01 10:00:00.5", "provided_model_name": "gpt-4.1-mini", "usage_details": json.dumps(u),
             "total_cost": "0.25", "input": 'a "prompt", long'} for i, (u, _, _) in enumerate(LANGFUSE)]
    a = take(csv_text(rows))
    same("Langfuse's CSV: the same rows", (a["source"], a["tokens"], D(a["priced"]), D(a["claimed"])),
         ("langfuse", sum(t for _, t, _ in LANGFUSE), sum(D(c) for _, _, c in LANGFUSE), D("0.25") * len(LANGFUSE)))
    first = [{"id": "a", "traceId": "t", "type": "GENERATION", "startTime": "2026-10-01T10:00:00Z", "model": "gpt-4.1-mini", "usage": {"input": 1000, "output": 100, "total": 1100, "unit": "TOKENS"}}]
    same("Langfuse's first API: usage as an object", take(json.dumps({"data": first}), name="x.json")["tokens"], 1100)
    a = take(json.dumps([one(0, {"input_tokens": 1000, "cache_creation_input_tokens": 30, "ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20, "output_tokens": 5})]), name="x.json")
    same("Langfuse: a sum of cache writes beside its parts counts once", a["tokens"], 1035)


def spans():
    attr = lambda k: [{"key": n, "value": {"intValue": str(v)} if isinstance(v, int) else {"stringValue": v}} for n, v in k.items()]
    for name, a in {"semantic conventions": {"gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4.1-mini", "gen_ai.usage.input_tokens": 1000, "gen_ai.usage.output_tokens": 100,
                                             "gen_ai.usage.cache_read.input_tokens": 400, "gen_ai.usage.reasoning.output_tokens": 20},
                    "the old ones": {"gen_ai.system": "openai", "gen_ai.response.model": "gpt-4.1-mini-2025-04-14", "gen_ai.usage.prompt_tokens": 1000, "gen_ai.usage.completion_tokens": 100,
                                     "gen_ai.usage.cache_read_input_tokens": 400},
                    "OpenInference": {"llm.model_name": "gpt-4.1-mini", "llm.token_count.prompt": 1000, "llm.token_count.completion": 100, "llm.token_count.total": 1100,
                                      "llm.token_count.prompt_details.cache_read": 400},
                    "Vercel AI SDK": {"ai.model.id": "gpt-4.1-mini", "ai.usage.promptTokens": 1000, "ai.usage.completionTokens": 100, "ai.usage.cachedInputTokens": 400}}.items():
        span = {"traceId": "a", "spanId": "b", "name": "x", "startTimeUnixNano": "1790848800000000000", "endTimeUnixNano": 1790848801000000000, "attributes": attr(a)}
        r = take(json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}), name="x.json")
        same(f"spans by {name}", (r["tokens"], r["priced"]), (1100, "0.00044"))


def collection():
    """Documents of several kinds in one file: OpenAI's own examples, as they are."""
    global skipped
    if not EXAMPLES.exists():
        skipped += 1
        print(f"  skipped: {EXAMPLES} is not here")
        return
    text = EXAMPLES.read_text()
    d = json.loads(text, parse_float=D)
    pages = {k: v for k, v in d.items() if k.startswith("GET")}
    results = [r for v in pages.values() for b in v["data"] for r in b["results"]]
    usage = [r for r in results if "usage" in r["object"]]
    billed = sum(r["amount"]["value"] for r in results if "amount" in r)
    tokens = sum(r.get("input_tokens", 0) + r.get("output_tokens", 0) for r in usage)
    calls = sum(r.get("num_model_requests", r.get("num_requests", r.get("num_sessions", 0))) for r in usage)
    a = take(text, name="examples.json", rc=4)
    same("OpenAI's examples as one file: rows, billed, tokens, calls", (a["rows_new"], D(a["billed"]), a["tokens"], a["calls"]), (len(results), billed, tokens, calls))
    alone = [k for k in d if k not in pages]  # results without a bucket, a job whose price nobody knows, a batch that is no JSON
    same("what has no time, no price or no syntax is named, one by one", len(a["rows_rejected"]), len(alone))
    same("a batch for each kind", sorted(b["source"] for b in a["batches"]), ["openai-costs", "openai-job", "openai-usage"])
    job = {**d["FineTuningJob"], "model": "gpt-4o-mini-2024-07-18"}
    mended = {"jobs": {"object": "list", "data": [job]}, "batch": d["Batch"].replace('job",\n  }', 'job"}'), "pages": list(pages.values())}
    b = take(json.dumps(mended, default=str), name="mended.json")
    same("jobs, a batch in a text and lists of pages, nested: all of it", (b["rows_new"], D(b["training"]), b["tokens"], b["rows_rejected"]),
         (len(results) + 2, D(5768 * 3) / 1000000, tokens + 2000, []))
    c = take(json.dumps(list(pages.values()), default=str), name="pages.json")
    same("a list of pages is read page by page", (c["rows_new"], D(c["billed"])), (len(results), billed))


def main():
    for f in (aws, cur_folder, azure, gcp, focus, openai, anthropic, langfuse, spans, collection):
        f()
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
