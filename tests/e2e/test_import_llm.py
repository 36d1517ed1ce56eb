#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Exports of the model vendors and of the LLM tools, as their pages and other people's fixtures show them, against a few lines of decimals here.

Sources (read 2026-11-29): OpenAI's usage reference (api_source, usage/decisions) and a cost page with two results of one day that nothing tells
apart; Anthropic's "Usage and Cost API", mirrors that flatten cache_creation, console exports in which two keys bear one name; LiteLLM's spend logs
(/responses, speech without a count, metadata as pandas writes it); Langfuse's blob export; Helicone's prompt_cache_write_5m; OpenTelemetry GenAI.

What is imported is compared with what a report of the ledger says, every time: both count what comes again once.
"""
import csv
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
TMP = pathlib.Path(tempfile.mkdtemp(prefix="rr-llm-"))
number = itertools.count()
passed = failed = 0
M = D(10) ** 6
MINI = {"in": D("0.40"), "read": D("0.10"), "out": D("1.60")}  # gpt-4.1-mini, USD a million
SONNET = {"in": D(3), "read": D("0.30"), "w5": D("3.75"), "w1": D(6), "out": D(15)}  # claude-sonnet-4-5


def ok(name, why):
    global passed, failed
    passed, failed = passed + (not why), failed + bool(why)
    print(f"{'not ok' if why else 'ok'} {name}" + (f": {why}"[:700] if why else ""))


def cost(book, **tok):
    return sum(book[k] * n for k, n in tok.items()) / M


def run(*a):
    return subprocess.run([RUNRATE, *map(str, a)], capture_output=True, text=True, timeout=60)


def case(name, *files, rejected=0, note=None, ledger=None, **want):
    """files: each a document, a text or bytes. want: money by book (I, T, O, U), tok, calls, unpriced, new, dup, claimed."""
    at = TMP / str(next(number))
    at.mkdir()
    paths = []
    for i, data in enumerate(files):
        text = data if isinstance(data, (str, bytes)) else json.dumps(data, default=float)
        paths.append(at / f"{i}{'.csv' if isinstance(data, str) and not data.lstrip().startswith(('{', '[')) else '.json'}")
        paths[-1].write_bytes(text if isinstance(text, bytes) else text.encode())
    ledger = ledger or at / "l.db"
    r = run("import", *paths, "--json", "--ledger", ledger)
    try:
        a = json.loads(r.stdout)
    except ValueError:
        return ok(name, (r.returncode, r.stderr[:300]))
    b = json.loads(run("report", "--env", "all", "--json", "--ledger", ledger).stdout)
    books = {"I": "inference", "T": "training", "O": "other", "U": "unclassified"}
    got = {k: D(a[n] or 0) for k, n in books.items()}
    said = {k: D(b[n]["total"] if k in "IT" else b[n] or 0) for k, n in books.items()}
    why = [f"{k} is {v}, wanted {want.get(k, 0)}" for k, v in got.items() if v != want.get(k, 0)]
    why += [f"the report's {k} is {said[k]}" for k in books if said[k] != got[k]]
    names = {"tok": "tokens", "calls": "calls", "unpriced": "rows_unpriced", "new": "rows_new", "dup": "rows_duplicate", "rev": "rows_revised"}
    why += [f"{n} is {a[n]}, wanted {want[k]}" for k, n in names.items() if k in want and a[n] != want[k]]
    why += [f"the report's tokens are {b['inference']['tokens']}"] if "tok" in want and b["inference"]["tokens"] != a["tokens"] else []
    why += [f"claimed is {a['claimed']}"] if "claimed" in want and D(a["claimed"]) != want["claimed"] else []
    why += [f"rejected {a['rows_rejected']}"] if a["rows_rejected_count"] != rejected or (r.returncode == 4) != bool(rejected) else []
    why += [f"notes {a['notes']}"] if note and not any(note in x for x in a["notes"]) else []
    again = json.loads(run("import", *paths, "--json", "--ledger", ledger).stdout)
    same = ("inference", "training", "other", "unclassified", "billed", "priced", "claimed", "tokens", "calls")
    why += ["a second import differs"] if again["rows_new"] or [again[k] for k in same] != [a[k] for k in same] else []
    why += ["a second import changes the report"] if json.loads(run("report", "--env", "all", "--json", "--ledger", ledger).stdout) != b else []
    ok(name, "; ".join(map(str, why)))


def table(rows):
    out = io.StringIO()
    w = csv.DictWriter(out, list(dict.fromkeys(k for r in rows for k in r)), restval="", lineterminator="\n")
    w.writeheader()
    w.writerows(rows)
    return out.getvalue()


# ---- OpenAI ----

DAY = 1790812800
page = lambda *b: {"object": "page", "data": list(b), "has_more": False, "next_page": None}
bucket = lambda day, *r: {"object": "bucket", "start_time": DAY + day * 86400, "end_time": DAY + (day + 1) * 86400, "results": list(r)}
ocost = lambda v, item=None, **m: {"object": "organization.costs.result", "amount": {"value": v, "currency": "usd"}, "line_item": item, "project_id": None, **m}
use = lambda **m: {"object": "organization.usage.completions.result", "input_tokens": 1000, "output_tokens": 100, "input_cached_tokens": 400, "num_model_requests": 3,
                   "project_id": "proj_1", "user_id": None, "api_key_id": None, "model": "gpt-4.1-mini-2025-04-14", "batch": False, "service_tier": "default", **m}
ONE = cost(MINI, **{"in": 600, "read": 400, "out": 100})


def openai():
    case("costs: two results of a bucket that nothing tells apart are two", page(bucket(0, ocost(2.5), ocost(0.25), ocost(0.25)), bucket(1, ocost(1))), U=4, new=4)
    case("costs: a later file of a bucket that has grown takes its place, cell by cell", page(bucket(0, ocost(2.5), ocost(0.25))), page(bucket(0, ocost(3), ocost(1))), U=4)
    case("usage by api_source, which is new", page(bucket(0, use(api_source="agents_api"), use(api_source="unlabeled"))), I=ONE * 2, tok=2200, calls=6, new=2)
    other = {**use(), "object": "organization.usage.decisions.result"}
    case("usage of an endpoint that is new", page(bucket(0, other, use())), I=ONE * 2, tok=2200, calls=6, new=2)
    bare = {k: v for k, v in use().items() if k != "object"}
    case("results without their object: usage", page(bucket(0, bare)), I=ONE, tok=1100)
    case("results without their object: costs", page(bucket(0, {"amount": {"value": 1.5, "currency": "usd"}, "line_item": "gpt-4o, input"})), I=D("1.5"))
    texts = bucket(0, use(input_tokens="1000", output_tokens="100.0", num_model_requests="3"))
    case("every number as a text", page({**texts, "start_time": str(DAY), "end_time": f"{DAY + 86400}.0"}), I=ONE, tok=1100, calls=3)
    old, new = page(bucket(0, use(input_tokens=500))), page(bucket(0, use()), bucket(1, use()))
    case("two files of days that overlap: what came again counts once, as it came last", old, new, new, I=ONE * 2, tok=2200, calls=6, new=2)
    case("the same as lines of one file", "\n".join(map(json.dumps, (old, new, new))), I=ONE * 2, tok=2200, calls=6, new=2)
    csvs = [{"start_time": DAY, "end_time": DAY + 86400, "amount_value": v, "amount_currency": "usd", "line_item": "gpt-5-nano, input_tokens", "user_email": u}
            for v, u in (("0.5", "a@example.com"), ("0.5", "b@example.com"), ("0.25", "b@example.com"))]
    case("cost export with a column that we do not know: rows differ by it; a line that repeats another whole does not", table(csvs + csvs[:1]), I=D("1.25"), new=3, dup=1)
    keys = page(*(bucket(d, *(use(api_key_id=k) for k in "ab")) for d in range(3)))
    whole = page(*(bucket(d, use(input_tokens=2000, output_tokens=200, input_cached_tokens=800, num_model_requests=6)) for d in range(3)))
    more = page(*(bucket(d, *(use(api_key_id=k) for k in "ab")) for d in range(5)))
    hours = page(*({"object": "bucket", "start_time": DAY + d * 86400 + h * 3600, "end_time": DAY + d * 86400 + (h + 1) * 3600, "results": [use()]} for d in range(3) for h in (2, 9)))
    items = page(*(bucket(d, ocost(1.5 + d, "gpt-4.1-mini, input"), ocost(2.25, "gpt-4.1-mini, output")) for d in range(3)))
    projects = page(*(bucket(d, ocost(0.75 + d, project_id="a"), ocost(3, project_id="b")) for d in range(3)))
    for name, first, then, said in (("the same use in other groups is said to count twice", keys, whole, True), ("... in other widths too", hours, keys, True),
                                    ("the same costs by line item and by project too", items, projects, True), ("use and its costs are not", keys, items, False),
                                    ("a longer export in the same groups is not", keys, more, False), ("an export twice is not", items, items, False)):
        for at_once in (False, True):
            ledger = TMP / f"{next(number)}.db"
            files = [TMP / f"{ledger.name}.{i}" for i in range(2)]
            for file, doc in zip(files, (first, then)): file.write_text(json.dumps(doc))
            for command in ([files] if at_once else [[f] for f in files]):
                notes = json.loads(run("import", *command, "--json", "--ledger", ledger).stdout)["notes"]
            heard = [x for x in notes if "they count twice" in x]
            ok(name + (" (one import)" if at_once else ""), notes if len(heard) != said or any(not x.startswith("3 days of openai") for x in heard) else None)
    text = json.dumps(new, indent=1)
    case("pages in UTF-16, either order; a mark in a name", text.encode("utf-16"), (b"\xfe\xff" + text.replace("proj_1", "pröj \U0001f600").encode("utf-16-be")), I=ONE * 4, tok=4400)
    case("lines of pages behind an error that the API answered once", json.dumps({"error": {"message": "slow down"}}) + "\n" + json.dumps(new), I=ONE * 2, tok=2200, rejected=1)
    job = {"object": "fine_tuning.job", "id": "ftjob-1", "model": "gpt-4.1-mini-2025-04-14", "created_at": DAY, "finished_at": DAY + 900, "fine_tuned_model": "ft:x",
           "status": "succeeded", "trained_tokens": 1000000}
    case("a job's tokens as a text; one that succeeded and names none is named", {"object": "list", "data": [{**job, "trained_tokens": "2000000"}, {**job, "id": "ftjob-3", "trained_tokens": None}]},
         T=D(10), new=1, rejected=1)
    jobs = {"object": "list", "data": [job, {**job, "id": "ftjob-2", "trained_tokens": None, "status": "running"}], "has_more": True}
    case("tuning jobs on two pages that overlap", jobs, jobs, T=D(5), new=1, dup=1)


# ---- Anthropic ----

def anthropic():
    b = lambda day, *r: {"starting_at": f"2026-10-{day:02}T00:00:00Z", "ending_at": f"2026-10-{day + 1:02}T00:00:00Z", "results": list(r)}
    pages = lambda *x: {"data": list(x), "has_more": True, "next_page": "page_x"}
    used = {"uncached_input_tokens": 1000, "cache_read_input_tokens": 2000, "output_tokens": 300, "model": "claude-sonnet-4-5-20250929", "service_tier": "standard",
            "context_window": "0-200k", "workspace_id": None, "api_key_id": "apikey_1"}
    split = cost(SONNET, **{"in": 1000, "read": 2000, "w5": 500, "w1": 100, "out": 300})
    five = cost(SONNET, **{"in": 1000, "read": 2000, "w5": 600, "out": 300})
    for name, more, want in (("as the API nests it", {"cache_creation": {"ephemeral_5m_input_tokens": 500, "ephemeral_1h_input_tokens": 100}}, split),
                             ("flattened", {"cache_creation_5m_input_tokens": 500, "cache_creation_1h_input_tokens": 100}, split),
                             ("with their sum beside them", {"cache_creation": {"ephemeral_5m_input_tokens": 500, "ephemeral_1h_input_tokens": 100}, "cache_creation_input_tokens": 600}, split),
                             ("as a sum alone", {"cache_creation_input_tokens": "600"}, five)):
        case(f"usage: cache writes {name}", pages(b(1), b(2, {**used, **more})), I=want, tok=3900)
    case("usage: keys that nothing tells apart", pages(b(1, *({**used, "new_dimension": i} for i in "ab"))), I=cost(SONNET, **{"in": 2000, "read": 4000, "out": 600}), tok=6600, new=2)
    c = lambda amount, **m: {"amount": amount, "currency": "USD", "cost_type": "tokens", "description": "Claude Sonnet 4.5 Usage - Input Tokens", "model": "claude-sonnet-4-5", **m}
    case("costs in cents: by speed, by account, ungrouped", pages(b(1, c("100.5", speed="fast"), c("50", speed="standard"), c("1", account_id="a"), c("2", account_id="b"))), I=D("1.535"), new=4)
    case("costs: an amount that is null is named, also as the first one", pages(b(1, c(None), c("5"))), I=D("0.05"), rejected=1)
    person = {"date": "2026-10-01T00:00:00Z", "actor": {"type": "user_actor", "email_address": "a@example.com"}, "customer_type": "api", "terminal_type": "vscode"}
    of = lambda n: {"model": "claude-sonnet-4-5-20250929", "tokens": {"input": n, "output": 300, "cache_read": 2000, "cache_creation": None}, "estimated_cost": {"currency": "USD", "amount": 102.5}}
    case("usage by person: counts as texts; one that is none is named", {"data": [{**person, "model_breakdown": [of("1000"), of("many")]}]},
         I=cost(SONNET, **{"in": 1000, "read": 2000, "out": 300}), claimed=D("1.025"), rejected=1)
    row = lambda usd, key, **m: {"usage_date_utc": "2026-10-01", "model": "Claude Opus 4.6", "workspace": "Default", "api_key": "demo", "usage_type": "message", "context_window": "≤ 200k",
                                 "token_type": "output", "cost_usd": usd, "list_price_usd": usd, "cost_type": "token", "inference_geo": "global", "speed": "", "api_key_id": key, **m}
    case("console costs: two keys that bear one name", table([row("1.50", "apikey_01"), row("1.50", "apikey_02"), row("2.25", "apikey_03")]), I=D("5.25"), new=3)
    cells = ("usage_input_tokens_no_cache", "usage_input_tokens_cache_write_5m", "usage_input_tokens_cache_write_1h", "usage_input_tokens_cache_read", "usage_output_tokens")
    tokens = lambda *n: {"usage_date_utc": "2026-10-01", "model_version": "claude-sonnet-4-5", **dict(zip(cells, n))}
    case("console tokens: two rows of one day and model are both counted", table([tokens(10, 20, 30, 40, 50), tokens(1, 2, 3, 4, 5)]),
         I=cost(SONNET, **{"in": 11, "w5": 22, "w1": 33, "read": 44, "out": 55}), tok=165, new=2)


# ---- gateways and traces ----

def litellm():
    row = lambda i, usage=None, **m: {"request_id": i, "call_type": "acompletion", "api_key": "88dc" * 16, "spend": 0.001, "total_tokens": 1100, "prompt_tokens": 1000, "completion_tokens": 100,
                                      "startTime": "2026-10-01T10:00:00.123000Z", "endTime": "2026-10-01T10:00:02Z", "model": "gpt-4.1-mini", "custom_llm_provider": "openai",
                                      "cache_hit": "False", "status": "success", "metadata": {"usage_object": usage or {}}, **m}
    raw = {"input_tokens": 1000, "output_tokens": 100, "total_tokens": 1100, "input_tokens_details": {"cached_tokens": 400}, "output_tokens_details": {"reasoning_tokens": 40}}
    case("LiteLLM: the block of /responses", [row("a", raw, call_type="aresponses"), row("b", raw, prompt_tokens=None, completion_tokens=0, total_tokens=0)], I=ONE * 2, tok=2200)
    nothing = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    case("LiteLLM: speech has a spend and no count: unpriced, not free", [row("a", call_type="aspeech", model="tts-1", **nothing), row("b", call_type="aimage_generation", model="gpt-image-1",
         spend=0, **nothing), row("c", status="failure", spend=0, **nothing), row("d", cache_hit="True", spend=0)], unpriced=2, tok=0, claimed=D("0.001"))
    case("LiteLLM: metadata that is no JSON is said", table([{**row("a"), "metadata": str({"usage_object": raw})}]), I=cost(MINI, **{"in": 1000, "out": 100}), note="no JSON")
    case("LiteLLM: a row twice in two files", [row("a", raw), row("b", raw)], [row("b", raw), row("c", raw)], I=ONE * 3, calls=3, new=3, dup=1, claimed=D("0.003"))


def helicone():
    row = {"request_id": "r", "request_created_at": "2026-10-01T10:00:00Z", "response_model": "claude-sonnet-4-5-20250929", "provider": "ANTHROPIC", "prompt_tokens": 1000, "completion_tokens": 300,
           "prompt_cache_read_tokens": 2000, "prompt_cache_write_tokens": 600, "prompt_cache_write_5m": 500, "prompt_cache_write_1h": 100, "cost": 0.03}
    want = cost(SONNET, **{"in": 1000, "read": 2000, "w5": 500, "w1": 100, "out": 300})
    case("Helicone: cache writes by their life, beside their sum", {"data": [row]}, I=want, tok=3900)
    case("Helicone: by their life alone, a request twice", table([{**row, "prompt_cache_write_tokens": 0}] * 2), I=want, tok=3900, new=1, dup=1, claimed=D("0.03"))


def langfuse():
    one = lambda i, tok, **m: {"id": i, "traceId": "t", "type": "GENERATION", "startTime": "2026-10-01T10:00:00Z", "model": "gpt-4.1-mini", "usageDetails": tok, **m}
    io_ = {"input": 1000, "output": 100}
    plain = cost(MINI, **{"in": 1000, "out": 100})
    case("Langfuse: its figure under each of its names", [one("a", io_, totalCost=0.1), one("b", io_, calculatedTotalCost=0.2), one("c", io_, costDetails={"input": 0.1, "total": 0.3})],
         I=plain * 3, claimed=D("0.6"))
    nested = {"prompt_tokens": 1000, "prompt_tokens_details": {"cached_tokens": 400}, "completion_tokens": 100, "completion_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 1100}
    case("Langfuse: details as the vendor nests them", [one("a", nested)], I=ONE, tok=1100)
    case("Langfuse: characters and seconds are no tokens", [one("a", {}, usage={"input": 5000, "total": 5000, "unit": "CHARACTERS"}), one("b", {}, usage={"input": 9, "unit": "SECONDS"})],
         tok=0, unpriced=2)
    states = [{**one("a", {"input": 1, "output": 1}), "event_ts": "2026-10-01 10:00:01"}, {**one("a", io_), "event_ts": "2026-10-01 10:00:05"}, {**one("a", {"input": 7}), "event_ts": "2026-10-01 10:00:03"},
              {**one("b", io_), "event_ts": "2026-10-01 10:00:01"}, {**one("b", io_), "event_ts": "2026-10-01 10:00:02", "is_deleted": 1}]
    case("Langfuse: of states of an observation the newest counts, also where it is deleted", "\n".join(map(json.dumps, states)), I=plain, tok=1100)
    case("Langfuse: a count below 0 is named", [one("a", {"input": -5, "output": 100}), one("b", io_)], I=plain, rejected=1)
    tree = [one("p", {"input": 5000, "output": 700}), one("c", io_, parentObservationId="p"), one("q", io_, type="SPAN"), one("d", io_, parentObservationId="q")]
    case("Langfuse: above calls stands their sum; where it is another one, that is said", tree, I=plain * 2, tok=2200, note="1 spans with other tokens")


def otel():
    def span(i, parent="", snake=False, **a):
        kind = lambda v: ("int_value" if snake else "intValue") if isinstance(v, int) else ("string_value" if snake else "stringValue")
        names = ("trace_id", "span_id", "parent_span_id", "start_time_unix_nano", "end_time_unix_nano") if snake else ("traceId", "spanId", "parentSpanId", "startTimeUnixNano", "endTimeUnixNano")
        base = dict(zip(names, ("5b8e", i, parent, "1790848800000000000", "1790848801000000000")))
        return {**base, "name": "chat", "attributes": [{"key": k, "value": {kind(v): v if snake or isinstance(v, str) else str(v)}} for k, v in a.items()]}
    doc = lambda *s: {"resourceSpans": [{"scopeSpans": [{"spans": list(s)}]}]}
    new = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4.1-mini", "gen_ai.usage.input_tokens": 1000, "gen_ai.usage.output_tokens": 100,
           "gen_ai.usage.cache_read.input_tokens": 400}
    both = {**new, "gen_ai.usage.prompt_tokens": 1000, "gen_ai.usage.completion_tokens": 100, "llm.usage.total_tokens": 1100}
    case("spans: old names beside the new ones", doc(span("a", **both)), I=ONE, tok=1100)
    case("spans in snake case", {"resource_spans": [{"scope_spans": [{"spans": [span("a", snake=True, **new)]}]}]}, I=ONE, tok=1100)
    beside = {**new, "gen_ai.provider.name": "anthropic", "gen_ai.request.model": "claude-sonnet-4-5", "gen_ai.usage.input_tokens": 10, "gen_ai.usage.cache_read.input_tokens": 2000,
              "gen_ai.usage.cache_creation.input_tokens": 600, "gen_ai.usage.output_tokens": 100}
    case("spans: more cached than was read stands beside it", doc(span("a", **beside)), I=cost(SONNET, **{"in": 10, "read": 2000, "w5": 600, "out": 100}), tok=2710)
    lines = "\n".join(json.dumps(doc(s)) for s in (span("c", "p", **new), span("p", **both), span("c", "p", **new)))
    case("spans as lines: a wrapper in another line, a line twice", lines, I=ONE, tok=1100, calls=1)


for part in (openai, anthropic, litellm, helicone, langfuse, otel):
    part()
print(f"{passed} passed, {failed} failed")
sys.exit(failed != 0)
