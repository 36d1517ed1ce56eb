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
            row("d", call_type="acreate_fine_tuning_job", prompt_tokens=0, completion_tokens=0, total_tokens=0, metadata={}),
            row("e", metadata={"usage_object": {"cache_read_input_tokens": 5000}})]
    a, _ = t.twice("LiteLLM spend logs", t.put("ll.json", json.dumps(rows)))
    m = D(1000000)
    one = (600 * D("0.4") + 400 * D("0.1") + 100 * D("1.6")) / m
    three = (500 * D(3) + 300 * D("3.75") + 200 * D("0.3") + 100 * D(15)) / m
    t.same("LiteLLM: priced anew with the cache's share", D(a["priced"]), one + three)
    t.same("LiteLLM: its own figure is claimed", D(a["claimed"]), D("0.004"))
    t.same("LiteLLM: cached tokens larger than the prompt have no price", a["rows_unpriced"], 1)
    b = t.take(t.put("ll.jsonl", "\n".join(json.dumps(r) for r in rows)))
    t.same("LiteLLM: JSON lines say the same", (b["priced"], b["claimed"], b["tokens"]), (a["priced"], a["claimed"], a["tokens"]))
    flat = [{**r, "metadata": r["metadata"] if isinstance(r["metadata"], str) else json.dumps(r["metadata"])} for r in rows]
    c = t.take(t.put("ll.csv", csv_text(list(flat[0]), *flat)))
    t.same("LiteLLM: CSV says the same", (c["priced"], c["claimed"], c["tokens"]), (a["priced"], a["claimed"], a["tokens"]))


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


def run_all(module):
    global t
    t = module
    openai_csv()
    anthropic()
    litellm()
    langfuse_files()
    langfuse_names()
    otel()
