# SPDX-License-Identifier: Apache-2.0
"""Exports that are written here in every shape that has no public sample, with their true totals; for test_import.py.

Each function makes a file by the vendor's documented columns, works out in decimals what it holds, and compares.
"""
import json
from decimal import Decimal as D

t = None  # test_import's module


def csv_text(columns, *rows):
    cell = lambda v: '"' + str(v).replace('"', '""') + '"' if any(c in str(v) for c in ',"\n') else str(v)
    return "\n".join([",".join(columns), *(",".join(cell(r.get(c, "")) for c in columns) for r in rows)]) + "\n"


# ---- OpenAI's CSV exports ----

USAGE_COLUMNS = """start_time end_time start_time_iso end_time_iso project_id num_model_requests user_id api_key_id model batch
service_tier input_tokens output_tokens input_cached_tokens input_uncached_tokens input_text_tokens output_text_tokens
input_cached_text_tokens input_audio_tokens input_cached_audio_tokens output_audio_tokens input_image_tokens
input_cached_image_tokens output_image_tokens""".split()


def usage_row(start, model, i, cached, o, **more):
    return {"start_time": start, "end_time": start + 86400, "start_time_iso": "2025-09-09T00:00:00+00:00", "end_time_iso": "2025-09-10T00:00:00+00:00",
            "project_id": "proj_a", "num_model_requests": "3.0", "model": model, "batch": "FALSE", "service_tier": "default",
            "input_tokens": f"{i}.0", "output_tokens": f"{o}.0", "input_cached_tokens": f"{cached}.0", "input_uncached_tokens": f"{i - cached}.0",
            "input_text_tokens": f"{i - cached}.0", "output_text_tokens": f"{o}.0", "input_cached_text_tokens": f"{cached}.0", **more}


def openai_csv():
    rows = [usage_row(1757376000, "gpt-5-mini-2025-08-07", 59200, 1200, 800),
            usage_row(1757376000, "gpt-5-mini-2025-08-07", 1000, 0, 100, batch="TRUE"),
            {"start_time": 1757462400, "end_time": 1757548800},
            usage_row(1757462400, "gpt-5-mini-2025-08-07", 70, 0, 7, service_tier="incentivized-tier")]
    a, ledger = t.twice("OpenAI usage CSV", t.put("any-name.csv", csv_text(USAGE_COLUMNS, *rows)))
    t.same("OpenAI usage CSV: counts written as floats", (a["tokens"], a["calls"], a["rows_new"]), (60000 + 1100 + 77, 9, 3))
    million = D(1000000)
    want = (D(58000) * D("0.25") + D(1200) * D("0.025") + D(800) * 2) / million + (D(1000) * D("0.125") + 100) / million
    t.same("OpenAI usage CSV: cached inside input, batch at half", D(a["priced"]), want)
    t.same("OpenAI usage CSV: a tier nobody documents has no price", a["rows_unpriced"], 1)
    t.same("OpenAI usage CSV: an empty export is no error", t.take(t.put("empty.csv", ",".join(USAGE_COLUMNS[:4]) + "\n1757376000,1757462400,,\n"))["rows_read"], 0)
    bad = t.take(t.put("bad.csv", csv_text(USAGE_COLUMNS, usage_row(1757376000, "gpt-5-mini", 100, 0, 5, input_tokens="1.000,00"),
                 usage_row(1757376000, "gpt-5-mini", 100, 0, 5, input_tokens="12.5"), usage_row(1757376000, "gpt-5-mini", 100, 0, 5))), rc=4)
    t.same("OpenAI usage CSV: locale numbers and halves of tokens are refused by row", [x["row"] for x in bad["rows_rejected"]], [1, 2])
    columns = "start_time end_time start_time_iso end_time_iso amount_value amount_currency line_item project_id project_name organization_id organization_name".split()
    base = {"start_time": 1757376000, "end_time": 1757462400, "amount_currency": "usd", "project_id": "p", "organization_id": "o"}
    values = ["0.0148000000000000000000000000000000000000", "1.25", "0.3333333333333333333333333333333333333333", "7.5", "2"]
    items = ["gpt-5-mini-2025-08-07, input", "gpt-5-mini-2025-08-07, output", "ft-gpt-4.1-mini-2025-04-14, fine-tuning training", "web search tool calls", "mystery"]
    rows = [{**base, "amount_value": v, "line_item": i} for v, i in zip(values, items)]
    a, ledger = t.twice("OpenAI costs CSV", t.put("costs.csv", csv_text(columns, *rows)))
    pico = lambda v: D(v).quantize(D("0.000000000001"))
    t.same("OpenAI costs CSV: inference", D(a["inference"]), sum(pico(values[i]) for i in (0, 1, 3)))
    t.same("OpenAI costs CSV: training", D(a["training"]), pico(values[2]))
    t.same("OpenAI costs CSV: what no rule knows", D(a["unclassified"]), D(2))
    drift = [c for c in columns if c not in ("project_name", "organization_name")] + ["quantity", "quantity_unit", "user_email"]
    b = t.take(t.put("costs2.csv", csv_text(drift[::-1], *rows)), ledger=ledger)
    t.same("OpenAI costs CSV: columns that come and go change no row", (b["rows_new"], b["rows_revised"]), (0, 0))


# ---- Anthropic ----

def anthropic():
    result = {"uncached_input_tokens": 1500, "cache_creation": {"ephemeral_1h_input_tokens": 1000, "ephemeral_5m_input_tokens": 500},
              "cache_read_input_tokens": 200, "output_tokens": 500, "server_tool_use": {"web_search_requests": 10}, "api_key_id": "apikey_1",
              "workspace_id": "wrkspc_1", "model": "claude-sonnet-4-20250514", "service_tier": "standard", "context_window": "0-200k"}
    page = lambda *r: json.dumps({"data": [{"starting_at": "2025-08-01T00:00:00Z", "ending_at": "2025-08-02T00:00:00Z", "results": list(r)},
                                          {"starting_at": "2025-08-02T00:00:00Z", "ending_at": "2025-08-03T00:00:00Z", "results": []}], "has_more": False, "next_page": None})
    a, _ = t.twice("Anthropic usage report", t.put("au.json", page(result)))
    m = D(1000000)
    want = (1500 * D(3) + 500 * D("3.75") + 1000 * D(6) + 200 * D("0.3") + 500 * D(15)) / m + D("0.1")
    t.same("Anthropic usage report: cache beside input, by its life; searches", (a["tokens"], D(a["priced"])), (3700, want))
    big = {**result, "model": "claude-sonnet-4-5-20250929", "uncached_input_tokens": 5000000, "cache_creation": {}, "cache_read_input_tokens": 0, "output_tokens": 0, "server_tool_use": {}}
    a = t.take(t.put("au2.json", page(big, {**big, "context_window": "200k-1M"}, {**big, "service_tier": "batch"})))
    t.same("Anthropic usage report: a long day is no long context; a long context is", D(a["priced"]), D(15) + D(30) + D("7.5"))
    cost = {"currency": "USD", "amount": "123.45", "workspace_id": None, "description": "Claude Sonnet 4 Usage - Input Tokens", "cost_type": "tokens",
            "context_window": "0-200k", "model": "claude-sonnet-4-20250514", "service_tier": "standard", "token_type": "uncached_input_tokens"}
    a, _ = t.twice("Anthropic cost report", t.put("ac.json", page(cost, {**cost, "amount": "0.5", "token_type": "output_tokens"},
                   {**cost, "amount": "1000", "cost_type": "web_search"}, {**cost, "amount": "7", "cost_type": "new_thing"})))
    t.same("Anthropic cost report: cents, not dollars", (D(a["inference"]), D(a["unclassified"])), (D("1.2345") + D("0.005") + 10, D("0.07")))
    columns = "usage_date_utc model_version api_key workspace usage_type context_window usage_input_tokens_no_cache usage_input_tokens_cache_write_5m usage_input_tokens_cache_write_1h usage_input_tokens_cache_read usage_output_tokens web_search_count inference_geo speed".split()
    row = {"usage_date_utc": "2026-02-01", "model_version": "claude-opus-4-6", "workspace": "Default", "usage_type": "standard", "context_window": "≤ 200k",
           "usage_input_tokens_no_cache": 300000, "usage_input_tokens_cache_write_5m": 0, "usage_input_tokens_cache_write_1h": 0,
           "usage_input_tokens_cache_read": 1000, "usage_output_tokens": 2000, "web_search_count": 0, "inference_geo": "not_available", "speed": "standard"}
    a, _ = t.twice("Anthropic console tokens", t.put("ct.csv", csv_text(columns, row)))
    t.same("Anthropic console tokens: 5, 0.5 and 25 USD a million", (a["tokens"], D(a["priced"])), (303000, (300000 * D(5) + 1000 * D("0.5") + 2000 * D(25)) / m))
    columns = "usage_date_utc model workspace api_key usage_type context_window token_type cost_usd list_price_usd cost_type inference_geo speed".split()
    row = {"usage_date_utc": "2026-02-01", "model": "Claude Opus 4.6", "workspace": "Default", "usage_type": "standard", "context_window": "≤ 200k",
           "token_type": "input_no_cache", "cost_usd": "1.5", "list_price_usd": "1.5", "cost_type": "token"}
    a, _ = t.twice("Anthropic console costs", t.put("cc.csv", csv_text(columns, row, {**row, "token_type": "output", "cost_usd": "0.05"})))
    t.same("Anthropic console costs: dollars, not cents", D(a["inference"]), D("1.55"))
    person = {"date": "2026-02-01T00:00:00Z", "actor": {"type": "user_actor", "email_address": "a@example.org"}, "terminal_type": "x",
              "model_breakdown": [{"model": "claude-sonnet-4-5-20250929", "tokens": {"input": 100, "output": 50, "cache_read": 10, "cache_creation": 5},
                                   "estimated_cost": {"currency": "USD", "amount": 1025}}]}
    a, _ = t.twice("Anthropic Claude Code report", t.put("cr.json", json.dumps({"data": [person], "has_more": False})))
    t.same("Anthropic Claude Code report: the vendor's estimate is claimed, in cents", (D(a["claimed"]), a["tokens"]), (D("10.25"), 165))


# ---- gateways and traces ----

def litellm():
    row = lambda i, **m: {"request_id": i, "call_type": "acompletion", "api_key": "88dc", "spend": 0.001, "total_tokens": 1100, "prompt_tokens": 1000,
                          "completion_tokens": 100, "startTime": "2026-10-01T10:00:00.000000+00:00", "endTime": "2026-10-01T10:00:02.000000+00:00",
                          "model": "gpt-4.1-mini", "custom_llm_provider": "openai", "cache_hit": "None", "team_id": "search",
                          "metadata": {"usage_object": {"prompt_tokens": 1000, "completion_tokens": 100, "prompt_tokens_details": {"cached_tokens": 400}}}, **m}
    rows = [row("a"), row("b", cache_hit="True", spend=0), row("c", model="anthropic/claude-sonnet-4-20250514", custom_llm_provider="anthropic",
            metadata=json.dumps({"usage_object": {"cache_creation_input_tokens": 300, "cache_read_input_tokens": 200}})),
            row("d", call_type="acreate_fine_tuning_job", spend=0, prompt_tokens=0, completion_tokens=0, total_tokens=0, metadata={}),
            row("e", metadata={"usage_object": {"cache_read_input_tokens": 5000}})]
    a, _ = t.twice("LiteLLM spend logs", t.put("ll.json", json.dumps(rows)))
    m = D(1000000)
    one = (600 * D("0.4") + 400 * D("0.1") + 100 * D("1.6")) / m
    three = (500 * D(3) + 300 * D("3.75") + 200 * D("0.3") + 100 * D(15)) / m
    t.same("LiteLLM: priced anew with the cache's share", D(a["priced"]), one + three)
    t.same("LiteLLM: its own figure is claimed", D(a["claimed"]), D("0.003"))
    t.same("LiteLLM: cached tokens larger than the prompt have no price", a["rows_unpriced"], 1)
    b = t.take(t.put("ll.jsonl", "\n".join(json.dumps(r) for r in rows)))
    t.same("LiteLLM: JSON lines say the same", (b["priced"], b["claimed"], b["tokens"]), (a["priced"], a["claimed"], a["tokens"]))
    flat = [{**r, "metadata": r["metadata"] if isinstance(r["metadata"], str) else json.dumps(r["metadata"])} for r in rows]
    c = t.take(t.put("ll.csv", csv_text(list(flat[0]), *flat)))
    t.same("LiteLLM: CSV says the same", (c["priced"], c["claimed"], c["tokens"]), (a["priced"], a["claimed"], a["tokens"]))


def helicone():
    """Cached tokens stand beside prompt_tokens; total_tokens is prompt plus completion; cost is an estimate in dollars."""
    row = lambda i, **m: {"response_id": f"resp-{i}", "response_created_at": "2026-10-01T10:00:02.500Z", "response_status": 200, "response_model": "gpt-4.1-mini-2025-04-14",
                          "request_id": f"req-{i}", "request_created_at": "2026-10-01T10:00:00.000Z", "request_body": {"helicone_message": "x"}, "request_user_id": "u1",
                          "request_properties": {"team": "search"}, "properties": {"team": "search", "Environment": "production"}, "request_model": "gpt-4.1-mini",
                          "model": "gpt-4.1-mini-2025-04-14", "provider": "OPENAI", "delay_ms": 2500, "time_to_first_token": 350, "total_tokens": 700, "prompt_tokens": 600,
                          "completion_tokens": 100, "prompt_cache_read_tokens": 400, "prompt_cache_write_tokens": 0, "prompt_audio_tokens": None, "cost": 0.00044,
                          "cache_reference_id": "00000000-0000-0000-0000-000000000000", "cache_enabled": False, **m}
    rows = [row(1), row(2, cache_reference_id="req-1", cost=0), row(3, response_status=429, prompt_tokens=None, completion_tokens=None, prompt_cache_read_tokens=None, cost=None),
            row(4, provider="ANTHROPIC", response_model="claude-sonnet-4-20250514", model="claude-sonnet-4-20250514", prompt_tokens=10, prompt_cache_read_tokens=2000,
                prompt_cache_write_tokens=300, completion_tokens=20, cost=0.0021)]
    m = D(1000000)
    one = (600 * D("0.4") + 400 * D("0.1") + 100 * D("1.6")) / m
    four = (10 * D(3) + 2000 * D("0.3") + 300 * D("3.75") + 20 * D(15)) / m
    a, ledger = t.twice("Helicone API answer", t.put("he.json", json.dumps({"data": rows, "error": None}, indent=1)))
    t.same("Helicone: rows, tokens, priced, claimed", (a["batches"][0]["source"], a["rows_new"], a["tokens"], D(a["priced"]), D(a["claimed"])),
           ("helicone", 4, 1100 + 2330, one + four, D("0.00254")))
    r = json.loads(t.run("report", "--by", "team", "--json", "--ledger", ledger).stdout)
    t.same("Helicone: the property team is the team", {x["key"] for x in r["inference"]["lines"]}, {"search"})
    b = t.take(t.put("he.jsonl", "".join(json.dumps(r) + "\n" for r in rows)), ledger=ledger)
    t.same("Helicone: JSON lines are the same rows", (b["rows_new"], b["rows_revised"]), (0, 0))
    columns = "response_id response_created_at response_status request_created_at request_body request_properties request_user_id model prompt_tokens completion_tokens latency cost".split()
    flat = [{k: (json.dumps(r[k]) if isinstance(r.get(k), dict) else "" if r.get(k) is None else r.get(k)) for k in columns if k in r} | {"latency": r["delay_ms"]} for r in rows[:1]]
    c, _ = t.twice("Helicone export tool's CSV", t.put("he.csv", csv_text(columns, *flat)))
    t.same("Helicone's CSV has no cache column: what it says is counted", (c["tokens"], D(c["claimed"])), (700, D("0.00044")))
    d = t.take(t.put("he2.json", json.dumps([row(1, prompt_tokens=1.5), row(2, request_created_at="soon"), row(3, cost="much"), row(5)])), rc=4)
    t.same("Helicone: bad rows are named", ([x["row"] for x in d["rows_rejected"]], d["rows_new"]), ([1, 2, 3], 1))


def leaves(observations):
    """Observations with usage that have no other with usage below them."""
    up = {o["id"]: o.get("parentObservationId") for o in observations}
    used = [o for o in observations if o.get("usageDetails")]
    above = set()
    for o in used:
        p = up.get(o["id"])
        while p:
            above.add(p)
            p = up.get(p)
    return [o for o in used if o["id"] not in above and o["type"] != "AGENT"]


def langfuse_files():
    folder = t.BILLING / "otel-langfuse"
    if not folder.is_dir():
        t.skipped += 1
        print(f"  skipped: {folder} is not here")
        return
    all_tokens = 0
    for path in sorted(folder.glob("*.json")):
        calls = leaves(json.loads(path.read_text(), parse_float=D)["observations"])
        tokens = sum(o["usageDetails"]["input"] + o["usageDetails"]["output"] for o in calls)
        all_tokens += tokens
        a = t.take(path)
        t.same(f"{path.name}: leaves, tokens, claimed", (a["rows_new"], a["tokens"], D(a["claimed"])),
               (len(calls), tokens, sum(D(o["totalCost"]).quantize(D("1e-12")) for o in calls)))
    a, _ = t.twice("Langfuse traces of nine frameworks", folder)
    t.same("Langfuse traces: all tokens", a["tokens"], all_tokens)


def langfuse_names():
    make = lambda i, u, **m: {"id": i, "traceId": "t", "type": "GENERATION", "startTime": "2026-10-01T10:00:00Z", "model": "gpt-4.1-mini", "usageDetails": u, **m}
    cases = {"beside, by the total": {"input": 600, "input_cached_tokens": 400, "output": 100, "total": 1100},
             "inside, by the total": {"input_tokens": 1000, "cache_read_input_tokens": 400, "output_tokens": 100, "total_tokens": 1100},
             "Gemini's names": {"promptTokenCount": 1000, "cachedContentTokenCount": 400, "candidatesTokenCount": 60, "thoughtsTokenCount": 40, "totalTokenCount": 1100}}
    m = D(1000000)
    for name, u in cases.items():
        a = t.take(t.put("lf.json", json.dumps([make("x", u)])))
        t.same(f"Langfuse, {name}", (a["tokens"], D(a["priced"])), (1100, (600 * D("0.4") + 400 * D("0.1") + 100 * D("1.6")) / m))
    a = t.take(t.put("lf2.json", json.dumps([make("x", {"input": 10, "output": 5, "total": 99})])))
    t.same("Langfuse: a total that fits nothing is a mismatch", a["rows_unpriced"], 1)


def otel():
    attr = lambda **k: [{"key": n.replace("__", "."), "value": {"intValue": str(v)} if isinstance(v, int) else {"stringValue": v}} for n, v in k.items()]
    span = lambda i, parent, **k: {"traceId": "aa", "spanId": i, "parentSpanId": parent, "name": i, "startTimeUnixNano": "1759312800000000000",
                                   "endTimeUnixNano": "1759312801000000000", "attributes": attr(**k)}
    model = dict(gen_ai__provider__name="openai", gen_ai__request__model="gpt-4.1-mini", gen_ai__response__model="gpt-4.1-mini-2025-04-14")
    spans = [span("root", "", gen_ai__operation__name="invoke_agent", gen_ai__usage__input_tokens=1500, gen_ai__usage__output_tokens=150),
             span("mid", "root"),
             span("c1", "mid", gen_ai__operation__name="chat", gen_ai__usage__input_tokens=1000, gen_ai__usage__output_tokens=100,
                  gen_ai__usage__cache_read__input_tokens=400, **model),
             span("c2", "mid", gen_ai__operation__name="chat", gen_ai__usage__prompt_tokens=500, gen_ai__usage__completion_tokens=50, **model),
             span("lone", "", gen_ai__operation__name="invoke_agent", gen_ai__usage__input_tokens=7, gen_ai__usage__output_tokens=7)]
    doc = {"resourceSpans": [{"resource": {"attributes": attr(service__name="bot")}, "scopeSpans": [{"scope": {}, "spans": spans}]}]}
    a, ledger = t.twice("OTLP spans", t.put("otlp.json", json.dumps(doc, indent=2)))
    m = D(1000000)
    want = (600 * D("0.4") + 400 * D("0.1") + 100 * D("1.6") + 500 * D("0.4") + 50 * D("1.6")) / m
    t.same("OTLP: leaf model spans alone, cache inside input", (a["rows_new"], a["tokens"], D(a["priced"])), (2, 1650, want))
    t.ok("OTLP: an agent's sum without its calls is said to be left out", any("1 agents" in n for n in a["notes"]), a["notes"])
    b = t.take(t.put("otlp.jsonl", (json.dumps(doc) + "\n") * 2), ledger=ledger)
    t.same("OTLP: one a line, and repeated: nothing new", (b["rows_new"], b["tokens"]), (0, 1650))
    r = json.loads(t.run("report", "--by", "feature", "--json", "--ledger", ledger).stdout)
    t.same("OTLP: the service is the feature", [x["key"] for x in r["inference"]["lines"]], ["bot"])


# ---- clouds ----

def aws_rows():
    """usage type, unit, amount, cost, product name, operation, class, tokens."""
    edition = "Claude 3 Haiku (Amazon Bedrock Edition)"
    return [("USE1-Claude3Haiku-input-tokens", "1K tokens", "12.5", "0.003125", "", "InvokeModel", "inference", 12500),
            ("USE1-NovaMicro-cache-read-input-token-count", "1K Tokens", "2", "0.0001", "", "InvokeModel", "inference", 2000),
            ("USE1-openai.gpt-oss-120b-mantle-input-tokens-standard", "1K tokens", "3", "0.00045", "", "InvokeModel", "inference", 3000),
            ("USE1-Claude4Sonnet-output-tokens-long-context-cross-region-global-batch", "1K tokens", "4", "0.045", "", "InvokeModel", "inference", 4000),
            ("USE1-MP:USE1_cache_write_tokens_1h_global_standard-Units", "Units", "0.25", "1.5", edition, "Usage", "inference", 250000),
            ("USE1-MP:USE1_CacheReadInputTokenCount-Units", "Units", "0.5", "0.15", edition, "Usage", "inference", 500000),
            ("USE1-MP:USE1_MillionBatchInputTokens-Units", "Units", "1", "1.5", edition, "Usage", "inference", 1000000),
            ("USE1-Llama3-3-70B-Customization-Training", "1K tokens", "100", "7.99", "", "CreateModelCustomizationJob", "training", 0),
            ("USE1-Llama3-3-70B-Customization-Storage", "Month", "1", "1.95", "", "Storage", "training", 0),
            ("USE1-ProvisionedThroughput-ClaudeV2-1month", "Hrs", "1", "63", "", "", "inference", 0),
            ("USE1-Guardrail-ContentPolicyUnitsConsumed", "Units", "1", "0.15", "", "", "other", 0),
            ("USE1-Train:ml.p4d.24xlarge", "Hrs", "2", "75.5", "", "RunInstance", "training", 0),
            ("USE1-Host:ml.g5.xlarge", "Hrs", "2", "2.8", "", "RunInstance", "inference", 0),
            ("USE1-NewThing-Of-Tomorrow", "Hrs", "1", "9.01", "", "", "unclassified", 0)]


def aws():
    new = {"start": "line_item_usage_start_date", "end": "line_item_usage_end_date", "p0": "bill_billing_period_start_date",
           "p1": "bill_billing_period_end_date", "kind": "line_item_line_item_type", "code": "line_item_product_code",
           "type": "line_item_usage_type", "op": "line_item_operation", "n": "line_item_usage_amount", "cost": "line_item_unblended_cost",
           "cur": "line_item_currency_code", "unit": "pricing_unit", "payer": "bill_payer_account_id", "id": "identity_line_item_id", "product": "product"}
    old = {"start": "lineItem/UsageStartDate", "end": "lineItem/UsageEndDate", "p0": "bill/BillingPeriodStartDate", "p1": "bill/BillingPeriodEndDate",
           "kind": "lineItem/LineItemType", "code": "lineItem/ProductCode", "type": "lineItem/UsageType", "op": "lineItem/Operation",
           "n": "lineItem/UsageAmount", "cost": "lineItem/UnblendedCost", "cur": "lineItem/CurrencyCode", "unit": "pricing/unit",
           "payer": "bill/PayerAccountId", "id": "identity/LineItemId", "product": "product/ProductName"}

    def make(columns, rows, payer="111122223333", ids="a"):
        out = []
        for i, (kind, unit, n, cost, product, op, _, _) in enumerate(rows):
            v = {"start": "2026-10-05T01:00:00Z", "end": "2026-10-05T02:00:00Z", "p0": "2026-10-01T00:00:00Z", "p1": "2026-11-01T00:00:00Z",
                 "kind": "Usage", "code": "9abcdef" if product else "AmazonBedrock", "type": kind, "op": op, "n": n, "cost": cost, "cur": "USD",
                 "unit": unit, "payer": payer, "id": f"{ids}{i}", "product": (json.dumps({"product_name": product}) if columns is new else product) if product else ""}
            out.append({columns[k]: x for k, x in v.items()})
        return csv_text(list(columns.values()), *out)
    rows = aws_rows()
    for name, columns in (("CUR 2.0", new), ("legacy CUR", old)):
        a, _ = t.twice(name, t.put("cur.csv", make(columns, rows)))
        for book in t.BOOKS:
            t.same(f"{name}: {book}", D(a[book]), sum((D(r[3]) for r in rows if r[6] == book), D(0)))
        t.same(f"{name}: tokens by the five grammars, per thousand and per million", a["tokens"], sum(r[7] for r in rows))
    ledger = t.new_ledger()
    t.take(t.put("c1.csv", make(new, rows)), ledger=ledger)
    t.take(t.put("c9.csv", make(new, rows[:1], payer="999")), ledger=ledger)
    less = [rows[0][:3] + ("5",) + rows[0][4:]] + rows[2:]  # one row changed, one gone, and every id is new
    t.take(t.put("c2.csv", make(new, less, ids="zz")), ledger=ledger)
    r = json.loads(t.run("report", "--json", "--ledger", ledger).stdout)
    t.same("CUR: a refreshed period of a payer is replaced as a whole, another payer's is not", D(r["total"]),
           sum(D(x[3]) for x in less) + D(rows[0][3]))
    tax = make(new, [("", "", "", "-3.50", "", "", "", 0)]).replace(",Usage,", ",Credit,")
    t.same("CUR: a credit is other", D(t.take(t.put("c3.csv", tax))["other"]), D("-3.5"))


def azure():
    columns = "Date BillingPeriodStartDate BillingPeriodEndDate BillingCurrency CostInBillingCurrency Quantity UnitOfMeasure EffectivePrice MeterCategory MeterSubCategory MeterName ChargeType SubscriptionId ResourceLocation Tags".split()
    row = lambda meter, unit, n, cost, **m: {"Date": "10/05/2026", "BillingPeriodStartDate": "10/01/2026", "BillingPeriodEndDate": "10/31/2026",
            "BillingCurrency": "EUR", "CostInBillingCurrency": cost, "Quantity": n, "UnitOfMeasure": unit, "MeterCategory": "Foundry Models",
            "MeterSubCategory": "Azure OpenAI", "MeterName": meter, "ChargeType": "Usage", "SubscriptionId": "s", **m}
    rows = [row("gpt-4o-0806-FTuned Training Unit", "1 Hour", "2", "68"), row("gpt-4o-0806-FTuned Deployment Hosting Unit", "1 Hour", "24", "40.8"),
            row("gpt-4o-0806-Fine Tuned-Input Tokens", "1K", "12", "0.033"), row("gpt 5.4 opt Dz 1M Tokens", "1M", "0.5", "7.5"),
            row("gpt-4o 0806 cchd Inp glbl Tokens", "1K", "3", "0.00375"), row("Provisioned Managed Global", "1 Hour", "15", "15"),
            row("Mystery Meter", "1", "1", "1.11"), row("LRS Data Stored", "1 GB/Month", "1", "0.02", MeterCategory="Storage")]
    a, _ = t.twice("Azure export", t.put("az.csv", csv_text(columns, *rows)))
    t.same("Azure: training", D(a["training"]), D(68))
    t.same("Azure: hosting of a tuned model is inference", D(a["inference"]), D("40.8") + D("0.033") + D("7.5") + D("0.00375") + 15)
    t.same("Azure: other, unclassified, currency", (a["other"], a["unclassified"], a["currency"]), ("0.02", "1.11", "EUR"))
    t.same("Azure: tokens by unit of measure", a["tokens"], 12000 + 500000 + 3000)
    bad = t.take(t.put("az2.csv", csv_text(columns, row("x", "1", "1", "1", BillingPeriodEndDate="", BillingPeriodStartDate=""), row("y", "1", "1", "1,5", BillingPeriodEndDate="", BillingPeriodStartDate=""))), rc=4)
    t.same("Azure: a date that two readers read differently is refused, and so is a decimal comma", [x["row"] for x in bad["rows_rejected"]], [1, 2])


def gcp():
    row = lambda sku, n, cost, credits=(), **m: {"billing_account_id": "A", "service": {"id": "C7E2-9256-1C43", "description": "Vertex AI"},
            "sku": {"id": "S-" + sku[:12], "description": sku}, "usage_start_time": "2026-10-05 00:00:00 UTC", "usage_end_time": "2026-10-05 01:00:00 UTC",
            "project": {"id": "p1"}, "labels": [], "location": {"region": "us-central1"}, "cost": cost, "currency": "USD", "usage": {"amount": n, "unit": "count"},
            "credits": [{"name": "c", "amount": x} for x in credits], "invoice": {"month": "202610"}, "cost_type": "regular", "export_time": "2026-10-06 00:00:00 UTC", **m}
    rows = [row("Gemini 3 Flash Text Input - Predictions", 1000000, 0.5, (-0.1,)), row("Gemini 3 Flash Text Output - Predictions", 200000, "0.6"),
            row("Gemini 3 Flash Thinking Text Output - Predictions", 1000, 0.003), row("Gemini 3 Flash Text Input Caching", 5000, 0.00025),
            row("Gemini 3 Flash Text Input Caching Storage", 7000, 0.007), row("Gemini 2.5 Flash Supervised Tuning - Training tokens", 100, 0.5),
            row("Vertex AI: Provisioned Throughput 1 month", 1, 2700), row("Tax", 0, 1e-05, cost_type="tax"), row("Quantum Widget", 1, 3)]
    nested = "\n".join(json.dumps(r) for r in rows)
    a, _ = t.twice("GCP export", t.put("g.jsonl", nested))
    net = lambda r: D(str(r["cost"])) + sum((D(str(c["amount"])) for c in r["credits"]), D(0))
    t.same("GCP: inference, net of credits", D(a["inference"]), sum(net(r) for i, r in enumerate(rows) if i not in (5, 7, 8)))
    t.same("GCP: training, other, unclassified", (D(a["training"]), D(a["other"]), D(a["unclassified"])), (D("0.5"), D("0.00001"), D(3)))
    t.same("GCP: cache storage is time, not tokens", a["tokens"], 1000000 + 200000 + 1000 + 5000)
    flat = [{"usage_start_time": r["usage_start_time"], "usage_end_time": r["usage_end_time"], "service.description": r["service"]["description"],
             "sku.description": r["sku"]["description"], "sku.id": r["sku"]["id"], "project.id": "p1", "cost": r["cost"], "currency": "USD",
             "usage.amount": r["usage"]["amount"], "cost_type": r["cost_type"], "credits": json.dumps(r["credits"])} for r in rows]
    b, _ = t.twice("GCP CSV", t.put("g.csv", csv_text(list(flat[0]), *flat)))
    t.same("GCP: CSV says the same", [b[k] for k in t.BOOKS] + [b["tokens"]], [a[k] for k in t.BOOKS] + [a["tokens"]])


# ---- anything else, by a mapping file ----

MAP = """name: gpucloud
provider: gpucloud
columns: {start: Beginn, end: Ende, amount: Betrag, type: GPU, resource: Pod, tag: Tags, id: Nr}
currency: EUR
dates: dmy
decimal: ","
rules:
  - {field: resource, match: "train-*", class: T-compute}
  - {field: resource, match: "serve-*|api-*", class: I-hosting}
"""


def mapping():
    columns = ["Nr", "Beginn", "Ende", "Betrag", "GPU", "Pod", "Tags"]
    rows = [dict(zip(columns, r)) for r in (("1", "05.10.2026 10:00", "05.10.2026 12:00", "1.234,56", "H100", "train-a", ""),
            ("2", "06.10.2026", "", "7,5 ", "A100", "api-b", ""), ("3", "06.10.2026", "", "€ 0,25", "A100", "c", "purpose=train"),
            ("4", "06.10.2026", "", "3", "A100", "d", ""), ("5", "2026-13-45", "", "3", "A100", "d", ""), ("6", "06.10.2026", "", "viel", "A100", "d", ""))]
    m = t.put("map.yaml", MAP)
    text = csv_text(columns, *rows).replace(",", ";").replace('"1.234;56"', "1.234,56").replace('"7;5 "', "7,5 ").replace('"€ 0;25"', "€ 0,25")
    path = t.put("gpu.csv", text)
    a = t.take(path, "--map", m, rc=4)
    t.same("mapping: training, by the file's rule and by a tag", D(a["training"]), D("1234.56") + D("0.25"))
    t.same("mapping: inference, unclassified, currency", (a["inference"], a["unclassified"], a["currency"]), ("7.5", "3", "EUR"))
    t.same("mapping: bad rows are named", [x["row"] for x in a["rows_rejected"]], [5, 6])
    m2 = t.put("map2.yaml", "name: rent\ncolumns: {start: start, hours: hours, count: gpus, project: team}\nrate: 2.50 USD\n")
    a, _ = t.twice("mapping, hours times count times rate", t.put("rent.csv", "start,hours,gpus,team\n2026-10-01,1.5,8,x\n2026-10-02,0.333333,1,x\n"), "--map", m2)
    t.same("mapping: hours x count x rate, exactly", D(a["unclassified"]), D("1.5") * 8 * D("2.5") + D("0.333333") * D("2.5"))
    for name, text, word in (("no start", "name: x\ncolumns: {amount: a}\n", "start"), ("an unknown key", "name: x\nkolumns: {}\n", "kolumns"),
                             ("a class that is none", "name: x\ncolumns: {start: a, amount: b}\nrules: [{field: type, match: 'a', class: T}]\n", "class")):
        r = t.run("import", path, "--map", t.put("bad.yaml", text), "--ledger", t.new_ledger())
        t.ok(f"mapping with {name}: exit 3, said", r.returncode == 3 and word in r.stderr, (r.returncode, r.stderr))
    r = t.run("import", path, "--map", t.put("miss.yaml", "name: x\ncolumns: {start: Beginn, amount: Preis}\n"), "--ledger", t.new_ledger())
    t.ok("mapping of a column that is not there: exit 4, said", r.returncode == 4 and "Preis" in r.stderr, r.stderr)


def shipped_maps():
    """Every shipped map loads; Slurm's accounting by the hour, exactly; numbers as people write them."""
    sacct = ("JobID|JobName|Partition|Account|User|AllocTRES|ElapsedRaw|Start|End|State\n"
             "1|sft-llama|gpu|ml|ann|billing=64,cpu=64,gres/gpu=8,mem=1T,node=1|5400|2026-10-05T10:00:00|2026-10-05T11:30:00|COMPLETED\n"
             "2|vllm-prod|gpu|ml|bob|billing=8,cpu=8,gres/gpu=1,mem=64G,node=1|86400|2026-10-05T10:00:00|2026-10-06T10:00:00|COMPLETED\n"
             "3|notebook|gpu|ml|bob|billing=8,cpu=8,gres/gpu=2,node=1|100|2026-10-05T10:00:00|2026-10-05T10:01:40|TIMEOUT\n"
             "4|compile|train-a|ml|bob|billing=8,cpu=8,node=1|3600|2026-10-05T10:00:00|2026-10-05T11:00:00|COMPLETED\n"
             "5|x|gpu|ml|bob|gres/gpu=1|long|2026-10-05T10:00:00|2026-10-05T11:00:00|FAILED\n")
    a = t.take(t.put("sacct.txt", sacct), "--map", "slurm-sacct", rc=4)
    hour = lambda s, n: (D(s) * n * 2 / 3600).quantize(D("1e-12"))
    t.same("Slurm: GPUs x seconds x rate", (D(a["training"]), D(a["inference"]), D(a["unclassified"])), (hour(5400, 8), hour(86400, 1), hour(100, 2)))
    t.same("Slurm: hours that are none are named", [x["row"] for x in a["rows_rejected"]], [5])
    runpod = "time,amount,podId,gpuTypeId,endpointId\n2026-10-05T00:00:00Z,12.5,,NVIDIA H100,ep1\n2026-10-05T00:00:00Z,7.25,pod1,NVIDIA A100,\n"
    a, _ = t.twice("RunPod by its shipped map", t.put("rp.csv", runpod), "--map", "runpod")
    t.same("RunPod: an endpoint serves, a pod may do either", (a["inference"], a["unclassified"], a["currency"]), ("12.5", "7.25", "USD"))
    above = "Rechnung;4711\nKunde;Nordgate GmbH\n\n" + "start;amount\n2026-10-05;12.5\n2026-10-06;1\n"
    a, _ = t.twice("a table below lines about it, by a map", t.put("above.csv", above), "--map", t.put("above.yaml", "name: x\ncolumns: {start: start, amount: amount}\ncurrency: EUR\n"))
    t.same("and all of it", a["unclassified"], "13.5")
    text = t.run("import", "--list-maps").stdout
    names = [line[4:-5] for line in text.splitlines() if line.startswith("--- ")]
    t.same("the shipped maps are listed whole", len(names) >= 7 and "hours_unit: seconds" in text, True)
    for name in names:
        r = t.run("import", t.put("empty-map.csv", "nothing\n1\n"), "--map", name, "--ledger", t.new_ledger())
        t.ok(f"map {name} is well-formed: it asks for its own columns", r.returncode == 4 and "has no column" in r.stderr, r.stderr)
    r = t.run("import", t.TMP / "rp.csv", "--map", "nobody", "--ledger", t.new_ledger())
    t.ok("a map that is not there: said, with the list of those that are", r.returncode != 0 and "--list-maps" in r.stderr, r.stderr)
    m = t.put("n.yaml", 'name: n\ncolumns: {start: d, amount: a}\ncurrency: EUR\n')
    c = t.put("nc.yaml", 'name: n\ncolumns: {start: d, amount: a}\ncurrency: EUR\ndecimal: ","\n')
    rows = lambda *v: "d;a\n" + "".join(f"2026-10-{i + 1:02};{x}\n" for i, x in enumerate(v))
    a = t.take(t.put("n1.csv", rows("1,234.56", "(12.00)", "12.00-", "$ 5", "1 234.56".replace(" ", "\u00a0"), "12,34", "1.2.3", "ten", "1e2")), "--map", m, rc=4)
    t.same("numbers with groups, brackets and signs, decimal point", (D(a["unclassified"]), [x["row"] for x in a["rows_rejected"]]),
           (D("1234.56") - 12 - 12 + 5 + D("1234.56") + 100, [6, 7, 8]))
    a = t.take(t.put("n2.csv", rows("1.234,56", "(12,00)", "-7,5", "5 €", "1.23", "12.345,6,7")), "--map", c, rc=4)
    t.same("and decimal comma", (D(a["unclassified"]), [x["row"] for x in a["rows_rejected"]]), (D("1234.56") - 12 - D("7.5") + 5, [5, 6]))


def run_all(module):
    global t
    t = module
    openai_csv()
    anthropic()
    litellm()
    helicone()
    langfuse_files()
    langfuse_names()
    otel()
    aws()
    azure()
    gcp()
    mapping()
    shipped_maps()
