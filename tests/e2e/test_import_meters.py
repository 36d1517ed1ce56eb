#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Meters, usage types and SKUs as vendors name them: each one alone in its checkbook, and its tokens in their class.

Names of Azure: the meters of the Azure Retail Prices API as public lists show them (October 2026), of which 224 in one region follow five
spellings of each word. Of Google: SKUs of Vertex AI and of the Gemini API as public bills show them. Of AWS: "Understanding your Bedrock
CUR data" of the user guide, its price lists, and the billing page of Claude Platform on AWS. All read 2026-11-29.
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
TMP = pathlib.Path(tempfile.mkdtemp(prefix="rr-meters-"))
BOOKS = {"T": "training", "I": "inference", "O": "other", "?": "unclassified"}
K, M = 2000, 2000000  # tokens of a quantity of 2


def table(rows):
    out = io.StringIO()
    w = csv.DictWriter(out, list(dict.fromkeys(k for r in rows for k in r)), restval="")
    w.writeheader()
    w.writerows(rows)
    return out.getvalue()


def meters(name, cases, row, lines=False):
    """A case: (book, meter, unit, classes, surface or None, more columns). The rows are told apart by what they cost."""
    cost = [D(i + 1) / 10**6 for i in range(len(cases))]
    rows = [{**row(c[1], c[2], str(n)), **(c[5] if len(c) > 5 else {})} for c, n in zip(cases, cost)]
    path = TMP / f"{name}.{'jsonl' if lines else 'csv'}"
    path.write_text("".join(json.dumps(r) + "\n" for r in rows) if lines else table(rows))
    run = lambda *a: subprocess.run([RUNRATE, *a, "--json", "--ledger", str(path) + ".db"], capture_output=True, text=True)
    wrong = json.loads(run("import", str(path)).stdout)["rows_rejected"]
    got = {D(c["billed"]): c for c in map(json.loads, run("export").stdout.splitlines())}
    for c, n in zip(cases, cost):
        r = got.get(n, {"book": "nowhere", "classes": {}, "surface": ""})
        if r["book"] != BOOKS[c[0]] or r["classes"] != c[3] or (len(c) > 4 and c[4] and r["surface"] != c[4]):
            wrong.append(f"{c[1] or c[5]} is {r['book']} {r['classes']} {r['surface']}, wanted {BOOKS[c[0]]} {c[3]} {c[4] if len(c) > 4 else ''}")
    print(f"{'not ok' if wrong else 'ok'} {name}: {len(cases)} meters in their checkbooks and classes" + "".join(f"\n    {w}" for w in wrong[:20]))
    return bool(wrong)


def sku(product, code="c1", **more):
    return {"line_item_product_code": code, "product": json.dumps({"product_name": product}), **more}


SONNET, HOST, TUNED, TRAIN, STORE = "Claude Sonnet 4.5 (Amazon Bedrock Edition)", "bill I-hosting", "bill I-hosting tuned", "bill T-compute", "bill T-storage"
SM = {"line_item_product_code": "AmazonSageMaker"}
AWS = [
    ("I", "USE1-Claude4.6Sonnet-cache-read-input-token-count", "1K tokens", {"in_cache_read": K}), ("I", "USE1-Claude4.6Sonnet-cache-write-1h-input-token-count", "1K tokens", {"in_cache_write_1h": K}),
    ("I", "USE1-Nova2.0Lite-input-tokens-flex", "1K tokens", {"in_plain": K}), ("I", "USE1-gpt-oss-120b-output-tokens-priority", "1K tokens", {"out_text": K}),
    ("I", "USE1-NovaSonic-speech-input-tokens", "1K tokens", {"in_audio": K}), ("I", "USE1-NovaSonic-speech-output-tokens", "1K tokens", {"out_audio": K}),
    ("I", "USE1-NovaSonic-text-output-tokens", "1K tokens", {"out_text": K}), ("I", "USE1-TitanTextEmbeddingV2-input-tokens-batch", "1K tokens", {"in_plain": K}),
    ("I", "USE1-TitanMultimodalEmbeddingG1-input-image", "image", {}), ("I", "USE1-StabilityXL-512-Standard", "image", {}), ("I", "USE1-TitanImageGeneratorV2-T2I-1024-Premium", "image", {}),
    ("T", "USE1-NovaPro-Customization-Training", "1K tokens", {}, TRAIN), ("T", "USE1-NovaPro-Customization-Storage", "Month", {}, STORE), ("I", "USE1-NovaPro-custom-model-output-tokens", "1K tokens", {"out_text": K}),
    ("I", "USE1-CustomModelUnit-v1.0-minutes", "minute", {}, TUNED), ("T", "USE1-CustomModelUnit-Storage", "Month", {}, STORE), ("T", "USE1-Custom-Model-Unit-per-Month-Storage", "Month", {}, STORE),
    ("I", "USE1-Llama-CMU", "minute", {}, TUNED, {"line_item_line_item_description": "$0.05718 per Custom Model Unit per min for inference in US East"}),
    ("T", "USE1-Llama-CMS", "Month", {}, STORE, {"line_item_line_item_description": "$1.95 per Custom Model Unit/month storage"}),
    ("I", "USE1-NovaLite-ProvisionedThroughput-NoCommit-ModelUnits", "hour", {}, HOST), ("I", "USE1-MP:USE1_ProvisionedThroughput_1_month_ModelUnits-Units", "Units", {}, HOST, sku(SONNET)),
    ("I", "USE1-MP:USE1_CacheWrite1hInputTokenCount_Global-Units", "Units", {"in_cache_write_1h": M}, None, sku(SONNET)), ("I", "MP:USW2_output_tokens_regional_batch-Units", "Units", {"out_text": M}, None, sku(SONNET)),
    ("I", "USE1-MP:USE1_search_units-Units", "Units", {}, None, sku("Cohere Rerank 3.5 (Amazon Bedrock Edition)")), ("I", "Global-MP:CCU-Units", "Units", {}, None, sku("Claude Platform on AWS")),
    ("I", "USE1-AgentCore-Runtime-vCPU", "vCPU-Hours", {}), ("O", "USE1-Guardrail-ContentPolicyUnitsConsumed", "Units", {}),
    ("T", "USE1-Train:ml.p5.48xlarge", "Hrs", {}, TRAIN, {**SM, "line_item_line_item_type": "SavingsPlanCoveredUsage"}), ("T", "USE1-Train:ml.p5.48xlarge", "Hrs", {}, TRAIN, {**SM, "line_item_line_item_type": "SavingsPlanNegation"}),
    ("I", "USE1-AsyncInf:ml.g6e.2xlarge", "Hrs", {}, HOST, SM), ("I", "USE1-ServerlessInf:Mem-2GB", "seconds", {}, HOST, SM), ("I", "USE1-Hst:Data-Bytes-Out", "GB", {}, HOST, SM),
    ("O", "USE1-Notebk:VolumeUsage.gp2", "GB-Mo", {}, None, SM), ("O", "USE1-Studio:VolumeUsage.gp3", "GB-Mo", {}, None, SM), ("?", "USE1-Cluster:ml.p5.48xlarge", "Hrs", {}, None, SM),
    ("T", "USE1-TrainingPlan:ml.p5.48xlarge", "Hrs", {}, TRAIN, {**SM, "line_item_line_item_type": "Fee"}), ("?", "MachineLearningSP:1yrNoUpfront", "Hrs", {}, None, {"line_item_line_item_type": "SavingsPlanRecurringFee"}),
    *(("O", "Dollar", "", {}, "bill O support", {"line_item_line_item_type": "Fee", "line_item_product_code": c}) for c in ("AWSSupportBusiness", "AWSSupportEnterprise", "AWSDeveloperSupport", "OCBPremiumSupport")),
    *(("O", "USE1-Claude3Haiku-input-tokens", "1K tokens", {}, "bill O credit", {"line_item_line_item_type": t}) for t in ("EdpDiscount", "PrivateRateDiscount", "Refund", "BundledDiscount", "Credit")),
    ("O", "NatGateway-Hours", "Hrs", {}, None, {"line_item_product_code": "AmazonEC2"}), ("O", "EBS:VolumeUsage.gp3", "GB-Mo", {}, None, {"line_item_product_code": "AmazonEC2"}), ("?", "USE1-BoxUsage:p5.48xlarge", "Hrs", {}, None, {"line_item_product_code": "AmazonEC2"}),
]
AZURE = [
    ("I", "5.2 chat 0210 cd inp Gl 1M Tokens", "1M", {"in_cache_read": M}), ("I", "5.2 chat 0210 opt Gl 1M Tokens", "1M", {"out_text": M}), ("I", "GPT 5 Chat cchd Inpt Glbl 1M Tokens", "1M", {"in_cache_read": M}),
    ("I", "GPT 5 Chat outpt Glbl 1M Tokens", "1M", {"out_text": M}), ("I", "gpt-5-codex-ccchd-inp-glbl Tokens", "1K", {"in_cache_read": K}), ("I", "o3-deep research 0626-inp-cchd-glbl 1M Tokens", "1M", {"in_cache_read": M}),
    ("I", "5.6 sol ShortCo Cd Wr Std Gl 1M Tokens", "1M", {"in_cache_write": M}), ("I", "5.6 sol LoCo cched Inp Std Gl 1M Tokens", "1M", {"in_cache_read": M}), ("I", "V4 Pro cached glbl Tokens", "1K", {"in_cache_read": K}),
    ("I", "gpt 4o mini0718 BatchOutp DataZone Tokens", "1K", {"out_text": K}), ("I", "gpt 4o mini dev ft cchd inpt glbl Tokens", "1K", {"in_cache_read": K}), ("I", "gpt-4o-0806-Inp-glbl Tokens", "10K", {"in_plain": 20000}),
    ("T", "babbage-002-FT-Trng-glbl tkn Tokens", "1K", {}, TRAIN), ("T", "babbage-002-FT-Trng-glbl Unit", "1 Hour", {}, TRAIN), ("T", "gpt 4o dev ft training glbl Tokens", "1K", {}, TRAIN),
    ("T", "paygo-finetuned-model-training-tokens", "1000", {}, TRAIN), ("I", "gpt-4o-0806-FT-Hstng-glbl Unit", "1 Hour", {}, TUNED), ("I", "paygo-finetuned-model-inference-hosting", "1 Hour", {}, TUNED),
    ("I", "gpt-4o-aud-0603-txt Inp glbl Tokens", "1K", {"in_plain": K}), ("I", "gpt-4o-aud-0603 Inp glbl Tokens", "1K", {"in_audio": K}), ("I", "gpt4omini-aud1217-txt Outp glbl Tokens", "1K", {"out_text": K}),
    ("I", "gpt4omini-aud1217 Outp glbl Tokens", "1K", {"out_audio": K}), ("I", "gpt4omini-rt-aud1217 cchd Inp glbl Tokens", "1K", {"in_audio_cache_read": K}), ("I", "gpt4omini-rt-txt1217 Inp glbl Tokens", "1K", {"in_plain": K}),
    ("I", "gpt4o realtimePrvw audio outp glbl Tokens", "1K", {"out_audio": K}), ("I", "gpt-image-1-inp-cached-txt-glbl Tokens", "1K", {"in_cache_read": K}), ("I", "gpt-image-1-inp-cached-img-glbl Tokens", "1K", {"in_image_cache_read": K}),
    ("I", "gpt-image-1-output-img-glbl Tokens", "1K", {"out_image": K}), ("I", "Image 2 Text Input glbl Tokens", "1K", {"in_plain": K}), ("I", "Image 2.5 Flash Image Input glbl Tokens", "1K", {"in_image": K}),
    ("I", "gpt-4o-mini-tts-aud-out-glbl Tokens", "1K", {"out_audio": K}), ("I", "text-embedding-3-small-glbl Tokens", "1K", {"in_plain": K}), ("I", "babbage-002-base-glbl Tokens", "1K", {}),
    ("I", "file-search-tool-calls-glbl Calls", "1K", {}), ("O", "Assistants-File Search-glbl GB", "1 GB/Day", {}), ("I", "Image-Dall-E-3 HD HighRes-glbl Images", "100", {}), ("I", "Az-Text to Speech HD Characters", "1M", {}),
    ("I", "Provisioned Managed Global Unit", "1/Hour", {}, HOST, {"ChargeType": "UnusedReservation"}), ("I", "", "1", {}, HOST, {"ChargeType": "Purchase", "ProductName": "Azure OpenAI Service Provisioned Reservation, Global, 1 Month"}),
    ("I", "Claude Consumption Unit", "1", {}, "bill I-tokens", {"MeterCategory": "SaaS"}), ("I", "", "1", {}, "bill I-tokens", {"MeterCategory": "", "ProductName": "Claude Consumption Unit"}), ("?", "Standard_NC24ads_A100_v4", "1 Hour", {}),
]
N = 1000
GOOGLE = [
    ("I", "Gemini 2.5 Flash GA Text Input - Predictions", "requests", {"in_plain": N}), ("I", "Gemini 2.5 Pro Input Text Caching (Long)", "count", {"in_cache_read": N}), ("I", "Gemini 3 Flash Text Input Caching Flex", "count", {"in_cache_read": N}),
    ("I", "Gemini 2.5 Flash Text Output (Thinking On) - Batch Predictions", "count", {"out_reasoning": N}), ("I", "Gemini 2.5 Flash Text Output (Thinking Off) - Predictions", "count", {"out_text": N}),
    ("I", "Gemini 3 Flash Image Input Caching Storage", "h", {}, "bill I-cache-storage"), ("I", "BidiGenerateContent audio output token count for Gemini 2.5 Flash Native Audio", "count", {"out_audio": N}),
    ("I", "BidiGenerateContent text input token count for Gemini 2.5 Flash Native Audio", "count", {"in_plain": N}), ("I", "Generate content cached input token count gemini 2.5 flash input image", "count", {"in_image_cache_read": N}),
    ("I", "Generate content input token count Gemini 2.5 Pro short input text", "count", {"in_plain": N}), ("I", "Generate_content text cached input token count for gemini 3 pro short", "count", {"in_cache_read": N}),
    ("I", "Claude Sonnet 4.5 Cache Hit Tokens (Batch)", "count", {"in_cache_read": N}), ("I", "Claude Sonnet 4.5 1h Cache Write Tokens", "count", {"in_cache_write_1h": N}), ("I", "LLM Grounding with Google Search tool - Predictions", "count", {}, "bill I-tools"),
    ("I", "Gemini 1.5 Flash Input Characters", "count", {}), ("I", "Gemini 1.0 Pro Text Input - Predictions", "1k characters", {}), ("T", "Gemini 2.5 Flash Supervised Tuning - Training tokens", "count", {}, TRAIN),
    ("I", "Tuned Gemini 2.5 Flash Text Input - Predictions", "count", {"in_plain": N}), ("T", "Vertex AI: Custom Model Training Nvidia H100 80gb GPU running in Iowa", "hour", {}, TRAIN), ("I", "Vertex AI: Online/Batch Prediction G2 Instance Core in us-central1", "hour", {}, HOST),
    ("?", "TPU v5e Pod running in us-east1", "hour", {}), ("O", "Vertex AI: Notebook management fee on N1 core", "hour", {}), ("O", "Enterprise Support", "month", {}, "bill O support", {"service": {"description": "Support"}}),
    ("I", "Gemini 3 Flash Text Input - Predictions", "count", {}, "bill I-tokens", {"cost_type": "adjustment"}),
]


def main():
    day = {"line_item_usage_start_date": "2026-10-05T01:00:00Z", "line_item_line_item_type": "Usage", "line_item_product_code": "AmazonBedrock", "line_item_currency_code": "USD", "line_item_usage_amount": "2", "product": "", "line_item_line_item_description": ""}
    bad = meters("aws", AWS, lambda m, unit, cost: {**day, "line_item_usage_type": m, "pricing_unit": unit, "line_item_unblended_cost": cost})
    bad += meters("azure", AZURE, lambda m, unit, cost: {"Date": "2026-10-15", "BillingCurrency": "EUR", "CostInBillingCurrency": cost, "Quantity": "2", "UnitOfMeasure": unit, "MeterCategory": "Foundry Models",
                                                          "MeterName": m, "ChargeType": "Usage", "ProductName": ""})
    bad += meters("gcp", GOOGLE, lambda m, unit, cost: {"service": {"description": "Vertex AI"}, "sku": {"description": m}, "usage_start_time": "2026-10-05 00:00:00 UTC", "cost": cost, "currency": "USD",
                                                         "usage": {"amount": N, "unit": unit}, "cost_type": "regular"}, lines=True)
    print(f"{3 - bad} passed, {bad} failed")
    return bad != 0


if __name__ == "__main__":
    sys.exit(main())
