#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Agents' local logs: every family against what it was written with, and against ccusage 20 on the same home folder.

1. Each family of agent_logs.py: answers, tokens by class, twice is nothing new.
2. ccusage (npm, the version of ccusage/package.json; skipped loudly where it cannot be had) reads the same home: the sums
   agree, or the difference is the one that agent_logs.py names. The public Claude Code and Codex samples too.
3. Copilot CLI's spans, the SQLite databases of OpenCode, Goose and Hermes, discovery by the bare command.
4. Broken lines, counts that are none, events without a time: named by row, the rest is kept.
"""
import json
import os
import pathlib
import sqlite3
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import agent_logs  # noqa: E402
import judges  # noqa: E402
from agent_logs import MS, T, lines  # noqa: E402

RUNRATE = os.environ.get("RUNRATE", str(HERE.parents[1] / "build/runrate"))
SAMPLES = HERE.parents[2] / "shared/data/billing/agents/ccusage"
TMP = pathlib.Path(tempfile.mkdtemp(prefix="rr-agents-"))
passed, failed, skipped, ledgers = 0, 0, 0, 0


def ok(name, good, why=""):
    global passed, failed
    passed, failed = passed + bool(good), failed + (not good)
    print(f"{'ok' if good else 'not ok'} {name}" + ("" if good else f": {why}"))


def same(name, got, want):
    ok(name, got == want, f"{got!r}, wanted {want!r}")


def write(home, files):
    for path, text in files.items():
        at = home / path
        at.parent.mkdir(parents=True, exist_ok=True)
        at.write_bytes(text if isinstance(text, bytes) else text.encode())
    return sorted({str((home / p).parent) for p in files})


def take(paths, rc=0, ledger=None):
    global ledgers
    ledgers += 1
    ledger = ledger or str(TMP / f"{ledgers}.db")
    r = subprocess.run([RUNRATE, "import", *map(str, paths), "--json", "--ledger", ledger], capture_output=True, text=True)
    if r.returncode != rc:
        ok(f"import of {paths} exits {rc}", False, f"{r.returncode}: {r.stderr[:300]}")
    return json.loads(r.stdout) if r.stdout else {"rows_new": -1, "tokens": -1, "rows_rejected": [], "notes": [], "error": r.stderr}


def by_class(ledger):
    """Sums of the ledger's classes, as (plain, read, write, out)."""
    r = subprocess.run([RUNRATE, "report", "--by", "model", "--json", "--ledger", ledger], capture_output=True, text=True)
    return json.loads(r.stdout)


def ccusage_binary():
    global skipped
    binary = HERE / "ccusage/node_modules/.bin/ccusage"
    judges.have("ccusage")
    try:
        r = subprocess.run([str(binary), "--version"], capture_output=True, text=True, timeout=20)
        if r.returncode == 0:
            return str(binary)
        why = r.stderr.strip()[:100]
    except OSError as e:
        why = str(e)
    skipped += 1
    print(f"  skipped: ccusage cannot be had here ({why}): nothing is compared with it")
    return None


def ccusage(binary, home, **env):
    r = subprocess.run([binary, "daily", "--json", "--offline", "-z", "UTC"], capture_output=True, text=True, timeout=60,
                       env={"HOME": str(home), "PATH": os.environ["PATH"], **env})
    try:
        return json.loads(r.stdout)["totals"]
    except (ValueError, KeyError):
        return {"totalTokens": None, "error": r.stdout[:200] + r.stderr[:200]}


def families(binary):
    for name, make in agent_logs.FAMILIES.items():
        files, answers, other = make()
        home = TMP / name
        roots = write(home, files)
        ledger = str(TMP / f"{name}.ledger")
        a = take(roots, ledger=ledger)
        tokens = sum(sum(x[1:]) for x in answers)
        same(f"{name}: answers, tokens", (a["rows_new"], a["tokens"], a["rows_rejected"]), (len(answers), tokens, []))
        b = take(roots, ledger=ledger)
        same(f"{name}: twice is nothing new", (b["rows_new"], b["rows_revised"], b["tokens"]), (0, 0, tokens))
        lines_ = by_class(ledger)["inference"]["lines"]
        same(f"{name}: models", sorted(x["key"] for x in lines_), sorted({x[0] for x in answers}))
        if not binary or other == "unread":
            continue
        c = ccusage(binary, home)
        more = other[0] if other else 0
        # ccusage leaves thinking out of the parts of some families, never out of the total
        same(f"{name}: as ccusage, token by token" + (f" ({other[1]})" if other else ""), c["totalTokens"], tokens + more)


def claude_and_codex(binary):
    global skipped
    if not SAMPLES.is_dir():
        skipped += 1
        print(f"  skipped: {SAMPLES} is not here")
        return
    for name, env, folder in (("Claude Code", "CLAUDE_CONFIG_DIR", "claude"), ("Codex", "CODEX_HOME", "codex")):
        a = take([SAMPLES / folder])
        empty = TMP / f"empty-{folder}"
        empty.mkdir()
        if binary:
            c = ccusage(binary, empty, **{env: str(SAMPLES / folder)})
            parts = sum(c[k] for k in ("inputTokens", "outputTokens", "cacheReadTokens", "cacheCreationTokens"))
            same(f"public {name} samples: as ccusage, by its parts", a["tokens"], parts)
            # Codex's own total_tokens adds reasoning to an output that holds it, and ccusage's total copies that
            reasoning = sum(json.loads(t)["payload"]["info"]["last_token_usage"]["reasoning_output_tokens"]
                            for p in (SAMPLES / folder).rglob("*.jsonl") for t in open(p) if "last_token_usage" in t) if folder == "codex" else 0
            same(f"public {name} samples: its total differs by the reasoning that it counts twice, and by nothing else", c["totalTokens"] - parts, reasoning)
            if not a["rows_unpriced"] and a["claimed"] == "0":
                same(f"public {name} samples: at the same price", round(float(a["priced"]), 9), round(c["totalCost"] if "totalCost" in c else c["costUSD"], 9))


def claude_line(i, r, n=10, side=False, model="claude-sonnet-4-20250514", **more):
    return json.dumps({"timestamp": T.format(0), "sessionId": "s", "requestId": r, "isSidechain": side, "message": {"id": i, "model": model, "role": "assistant",
                       "usage": {"input_tokens": 100, "output_tokens": n}}, **more}, separators=(",", ":")) + "\n"


def codex_lines(*records):
    out = []
    for r in records:
        if r == "turn":
            r = {"timestamp": T.format(0), "type": "turn_context", "payload": {"model": "gpt-5-codex"}}
        elif isinstance(r, tuple):
            use = lambda v: {"input_tokens": v[0], "cached_input_tokens": v[1], "output_tokens": v[2], "reasoning_output_tokens": v[3], "total_tokens": v[0] + v[2]}
            at, total, last = r
            info = {"total_token_usage": use(total)} | ({"last_token_usage": use(last)} if last else {})
            r = {"timestamp": T.format(at), "type": "event_msg", "payload": {"type": "token_count", "info": info}}
        else:
            r = {"timestamp": T.format(0), "type": "session_meta", "payload": {"cwd": "/w", **r}}
        out.append(r)
    return lines(*out)


def repetitions(binary):
    """Where both tools must drop the same lines; and the two places where they count on purpose otherwise."""
    one, two = (1, (1000, 200, 50, 10), (1000, 200, 50, 10)), (2, (3000, 900, 150, 30), (2000, 700, 100, 20))
    again, own = [(5, *one[1:]), (5, *two[1:])], (9, (3500, 1000, 160, 30), (500, 100, 10, 0))
    parent = codex_lines({"id": "P"}, "turn", one, two)
    spawn = {"id": "Q", "source": {"subagent": {"thread_spawn": {"parent_thread_id": "P"}}}}
    B = lambda n, at: claude_line("msg_bdrk_01AbCdEfGhIjKlMnOpQrStUv", "r1", n).replace('"requestId":"r1",', "").replace(T.format(0), T.format(at))
    L, C = claude_line, lambda text: {"projects/p/s.jsonl": text}
    cases = [  # name, files, what we count, what ccusage counts more, and why
        ("a stream's states", C(L("m1", "r1", 1) + L("m1", "r1", 40) + L("m1", "r1", 40)), 140, 0, ""),
        ("a smaller state later", C(L("m1", "r1", 40) + L("m1", "r1", 4)), 140, 0, ""),
        ("a side chain's replay", C(L("m1", "r1", 40) + L("m1", "r2", 90, side=True)), 140, 0, ""),
        ("a side chain's replay, first", C(L("m1", "r2", 90, side=True) + L("m1", "r1", 40)), 140, 0, ""),
        ("two side chains", C(L("m1", "r2", 90, side=True) + L("m1", "r3", 90, side=True)), 190, 0, ""),
        ("one message under two requests", C(L("m1", "r1", 40) + L("m1", "r2", 50)), 290, 0, ""),
        ("a resumed session in another file", {"projects/p/a.jsonl": L("m1", "r1", 40), "projects/q/b.jsonl": L("m1", "r1", 40) + L("m2", "r2", 3)}, 243, 0, ""),
        ("no request", C(L("m1", "r1", 40).replace('"requestId":"r1",', "") * 2), 140, 0, ""),
        ("no request, as Bedrock logs a stream and its fork", {"projects/p/a.jsonl": B(1, 0) + B(40, 1), "projects/p/b.jsonl": B(40, 1).replace('"sessionId":"s"', '"sessionId":"t"')},
         140, 241, "ccusage counts each state of an answer without a request id"),
        ("no message id", C(L("m1", "r1", 40).replace('"id":"m1",', "") * 2), 140, 140, "ccusage counts equal lines without an id as several"),
        ("synthetic", C(L("m3", "r4", 5, model="<synthetic>") + L("m4", "r4", 5)), 105, 105, "ccusage counts the tokens of <synthetic>, which no vendor bills"),
        ("Codex, repeated lines", {"sessions/p.jsonl": codex_lines({"id": "P"}, "turn", one, one, two)}, 3150, 0, ""),
        ("Codex, a sum told again", {"sessions/p.jsonl": codex_lines({"id": "P"}, "turn", one, (3, *one[1:]), two, (4, *two[1:]), (5, *two[1:]))}, 3150, 0, ""),
        ("Codex, a sum told again, sums alone", {"sessions/p.jsonl": codex_lines({"id": "P"}, "turn", (1, one[1], None), (3, one[1], None), (4, two[1], None))}, 3150, 0, ""),
        ("Codex, an archived copy", {"sessions/p.jsonl": parent, "archived_sessions/p.jsonl": parent}, 3150, 0, ""),
        ("Codex, a fork", {"sessions/p.jsonl": parent, "sessions/q.jsonl": codex_lines({"id": "Q", "forked_from_id": "P"}, {"id": "P"}, "turn", *again, own)}, 3660, 0, ""),
        ("Codex, a sub-agent", {"sessions/p.jsonl": parent, "sessions/q.jsonl": codex_lines(spawn, {"id": "P"}, "turn", *again, own)}, 3660, 0, ""),
        ("Codex, sums alone", {"sessions/p.jsonl": codex_lines({"id": "P"}, "turn", (1, one[1], None), (2, two[1], None))}, 3150, 0, ""),
    ]
    for i, (name, files, want, more, why) in enumerate(cases):
        home = TMP / f"repeat-{i}"
        write(home, files)
        a = take([home])
        same(f"{name}: counted once", a["tokens"], want)
        if binary:
            c = ccusage(binary, TMP / "empty-home", **{"CODEX_HOME" if name.startswith("Codex") else "CLAUDE_CONFIG_DIR": str(home)})
            parts = sum(c.get(k, 0) for k in ("inputTokens", "outputTokens", "cacheReadTokens", "cacheCreationTokens"))
            same(f"{name}: as ccusage" + (f" but for what is known ({why})" if why else ""), parts, want + more)


def copilot():
    span = lambda i, up, n, name, **a: {"type": "span", "traceId": "t1", "spanId": i, "parentSpanId": up, "name": name, "startTime": [MS // 1000 + n, 5000],
                                        "endTime": [MS // 1000 + n, 900000000], "attributes": {k.replace("__", "."): v for k, v in a.items()}}
    text = lines(span("c1", "root", 1, "chat gpt-5", gen_ai__operation__name="chat", gen_ai__request__model="gpt-5", gen_ai__provider__name="openai",
                      gen_ai__usage__input_tokens=1000, gen_ai__usage__output_tokens=50, gen_ai__usage__cache_read__input_tokens=400),
                 span("c2", "root", 2, "chat gpt-5", gen_ai__operation__name="chat", gen_ai__request__model="gpt-5", gen_ai__provider__name="openai",
                      gen_ai__usage__input_tokens=10, gen_ai__usage__output_tokens=5),
                 span("root", None, 0, "invoke_agent", gen_ai__operation__name="invoke_agent", gen_ai__usage__input_tokens=1010, gen_ai__usage__output_tokens=55))
    home = TMP / "copilot"
    roots = write(home, {".copilot/otel/a.jsonl": text})
    a = take(roots)
    same("Copilot CLI: its chat spans, not the agent's sum", (a["rows_new"], a["tokens"], a["batches"][0]["source"]), (2, 1065, "otel"))
    console = {"name": "chat x", "context": {"trace_id": "0x1", "span_id": "0x2"}, "parent_id": None, "start_time": "2026-10-01T10:00:00.000001Z",
               "end_time": "2026-10-01T10:00:01Z", "attributes": {"gen_ai.system": "openai", "gen_ai.usage.input_tokens": 7, "gen_ai.usage.output_tokens": 3}}
    path = write(TMP / "console", {"spans.json": json.dumps(console, indent=4) + "\n" + json.dumps({**console, "context": {"trace_id": "0x1", "span_id": "0x3"}}, indent=4)})
    same("spans of a console exporter, one behind the other", take(path)["tokens"], 20)
    return home


def telemetry():
    event = lambda n, name="gemini_cli.api_response", **m: {"attributes": {"event.name": name, "event.timestamp": T.format(n), "model": "gemini-2.5-pro", "session.id": "s",
                                                            "input_token_count": 100, "output_token_count": 10, "cached_content_token_count": 40,
                                                            "thoughts_token_count": 5, "tool_token_count": 0, "total_token_count": 115, **m}, "hrTime": [1, 2]}
    text = "\n".join(json.dumps(e, indent=2) for e in (event(0, "gemini_cli.config"), event(1), event(2), event(3, "gemini_cli.tool_call")))
    # a configuration event holds no counts in truth: here it has some, and must still not be one
    a = take(write(TMP / "telemetry", {"telemetry.log": text.replace('"gemini_cli.tool_call",', '"gemini_cli.tool_call", "x": 1,')}))
    same("Gemini CLI's telemetry: API answers alone", (a["rows_new"], a["tokens"]), (2, 230))


def databases():
    home = TMP / "dbs"
    at = home / ".local/share/opencode/opencode.db"
    at.parent.mkdir(parents=True)
    files, answers, _ = agent_logs.opencode()
    db = sqlite3.connect(at)
    db.execute("create table message (id text, session_id text, data text)")
    for text in files.values():
        m = json.loads(text)
        db.execute("insert into message values (?,?,?)", (m.pop("id"), m.pop("sessionID"), json.dumps(m)))
    db.execute("insert into message values ('bad', 's', '{broken')")
    db.commit()
    db.close()
    tokens = sum(sum(x[1:]) for x in answers)
    roots = write(home, files)
    a = take([at])
    same("OpenCode's database", (a["rows_new"], a["tokens"]), (2, tokens))
    same("and its older files beside it: the same answers once", take([at, *roots])["tokens"], tokens)
    goose = home / ".local/share/goose/sessions/sessions.db"
    goose.parent.mkdir(parents=True)
    db = sqlite3.connect(goose)
    db.execute("create table sessions (id text, model_config_json text, provider_name text, created_at text, total_tokens int, input_tokens int, output_tokens int,"
               " accumulated_total_tokens int, accumulated_input_tokens int, accumulated_output_tokens int)")
    db.execute("insert into sessions values ('g1', '{\"model_name\":\"claude-sonnet-4-20250514\"}', 'anthropic', '2026-10-01 10:00:00', 5, 3, 2, 1500, 1400, 100)")
    db.execute("insert into sessions values ('g2', '{\"model_name\":\"claude-sonnet-4-20250514\"}', 'anthropic', '2026-10-02 10:00:00', 12, 10, 2, null, null, null)")
    db.commit()
    ledger = str(TMP / "goose.ledger")
    a = take([goose], ledger=ledger)
    same("Goose's sessions, by what they have accumulated", (a["rows_new"], a["tokens"]), (2, 1512))
    db.execute("update sessions set accumulated_total_tokens = 1600, accumulated_input_tokens = 1500 where id = 'g1'")
    db.commit()
    db.close()
    b = take([goose], ledger=ledger)
    same("a session that has grown is revised", (b["rows_new"], b["rows_revised"], b["tokens"]), (0, 1, 1612))
    hermes = home / ".hermes/state.db"
    hermes.parent.mkdir(parents=True)
    db = sqlite3.connect(hermes)
    db.execute("create table sessions (id text, model text, billing_provider text, started_at real, message_count int, input_tokens int, output_tokens int,"
               " cache_read_tokens int, cache_write_tokens int, reasoning_tokens int, estimated_cost_usd real, actual_cost_usd real)")
    db.execute("insert into sessions values ('h', 'gpt-5', 'openai', 1790848800.5, 3, 100, 20, 50, 0, 7, 0.25, null)")
    db.commit()
    db.close()
    a = take([hermes])
    same("Hermes: tokens, and its own estimate as claimed", (a["tokens"], a["claimed"]), (177, "0.25"))
    other = home / "other.db"
    db = sqlite3.connect(other)
    db.execute("create table t (a int)")
    db.commit()
    db.close()
    a = take([other], rc=4)
    ok("another database is refused with what is known", "of no agent" in a["rows_rejected"][0]["reason"], a)
    cut = home / "cut.db"
    cut.write_bytes(at.read_bytes()[:5000])
    a = take([cut], rc=4)
    ok("a database that is cut off is said", len(a["rows_rejected"]) >= 1, a)
    return home


def discovery(*homes):
    for name, home, tool in homes:
        work = TMP / f"work-{name}"
        work.mkdir()
        r = subprocess.run([RUNRATE, "--json"], capture_output=True, text=True, cwd=work, env={"HOME": str(home), "PATH": os.environ["PATH"]})
        r2 = subprocess.run([RUNRATE], capture_output=True, text=True, cwd=work, env={"HOME": str(home), "PATH": os.environ["PATH"]})
        ok(f"the bare command finds {name}", r.returncode == 0 and f"{tool} tool" in r2.stdout + r2.stderr, (r2.stdout[:400], r2.stderr[:300]))


def bare(home, **env):
    place = home / "here"
    place.mkdir(parents=True, exist_ok=True)
    r = subprocess.run([RUNRATE, "--json"], capture_output=True, text=True, cwd=place, env={"HOME": str(home), "PATH": os.environ["PATH"], **env})
    return {f["what"]: f for f in json.loads(r.stdout)["found"]}, json.loads(r.stdout)["report"]["inference"], r.stderr


def homes():
    """What the bare command finds in homes of several kinds: nothing, downloads alone, moved XDG folders, links, a folder that it may not read."""
    home = TMP / "home-bare"
    found, used, _ = bare(home)
    ok("an empty home: nothing, and it says so", found["local agent logs"]["state"] == found["vendor exports"]["state"] == "none" and used["calls"] == 0, str(found))
    usage = "start_time,end_time,num_model_requests,model,input_tokens,output_tokens\n" + "".join(f"{1759276800 + 86400 * i},{1759363200 + 86400 * i},5,gpt-5-mini,1000,10\n" for i in range(4))
    write(home, {"Downloads/completions_usage.csv": usage, "Downloads/holiday.csv": "a,b\n1,2\n", "Downloads/page.html": "<html>", "Downloads/old.csv": ""})
    found, used, _ = bare(home)
    same("exports among the downloads alone", (found["vendor exports"]["state"], used["tokens"]), ("ok", 4040))
    write(home, {"here/mine.csv": usage.replace("1000,10", "1,0")})
    found, used, _ = bare(home)
    ok("the current folder's exports come before them", "mine.csv" in found["vendor exports"]["detail"] and used["tokens"] == 4, str(found))
    line = claude_line("m1", "r1", 40) + claude_line("m2", "r2", 40)
    folder = home / "moved/claude/projects/p"
    write(home, {"moved/claude/projects/p/a.jsonl": line, "moved/claude/projects/p/locked/b.jsonl": claude_line("m3", "r3", 40)})
    (folder / "again").symlink_to("..")
    (folder / "link.jsonl").symlink_to("a.jsonl")
    (folder / "gone.jsonl").symlink_to("nowhere")
    (folder / "empty").mkdir()
    found, used, _ = bare(home, XDG_CONFIG_HOME=str(home / "moved"))
    ok("XDG folders that were moved; links are not read twice", "1 tool, 3 requests" in found["local agent logs"]["detail"], f"{found} {used}")
    if os.geteuid() == 0 and not os.path.exists("/usr/bin/setpriv"):
        return
    (folder / "locked").chmod(0)
    if os.geteuid() == 0:
        os.chmod(TMP, 0o777)
        argv = ["setpriv", "--reuid=65534", "--clear-groups", RUNRATE]
    else:
        argv = [RUNRATE]
    r = subprocess.run([*argv, "import", str(folder), "--dry-run", "--json", "--ledger", str(TMP / "none.db")], capture_output=True, text=True)
    said = json.loads(r.stdout) if r.stdout else {}
    ok("a folder that may not be read is named, and what lies beside it is read", r.returncode == 4 and said.get("rows_new") == 2 and "Permission denied" in str(said["rows_rejected"]), f"{r.returncode} {r.stdout[:300]}{r.stderr[:300]}")
    (folder / "locked").chmod(0o755)


def broken():
    good = agent_logs.pi_lines(3)
    bad = good + '{"type":"message", broken\n' + lines(
        {"type": "message", "id": "x", "message": {"role": "assistant", "model": "m", "usage": {"input": 5, "output": 5, "cacheRead": 0, "cacheWrite": 0}}},
        {"type": "message", "id": "y", "timestamp": T.format(8), "message": {"role": "assistant", "model": "m", "usage": {"input": -5, "output": 5, "cacheRead": 0}}},
        {"type": "message", "id": "z", "timestamp": T.format(9), "message": {"role": "assistant", "model": "m", "usage": {"input": "many", "output": 5, "cacheRead": 0}}})
    a = take(write(TMP / "broken", {"s.jsonl": bad}), rc=4)
    same("a broken line, no time, a negative count, a count in words: named by row", [x["row"] for x in a["rows_rejected"]], [6, 7, 8, 9])
    same("and the rest is kept", (a["rows_new"], a["tokens"]), (2, 135))
    twice = agent_logs.pi_lines(3)
    a = take(write(TMP / "forked", {"s/a.jsonl": twice, "s/b.jsonl": twice}) + [])
    same("a forked session's copied answers count once", (a["rows_new"], a["rows_duplicate"]), (2, 2))


def main():
    binary = ccusage_binary()
    families(binary)
    claude_and_codex(binary)
    repetitions(binary)
    home = copilot()
    telemetry()
    databases_home = databases()
    discovery(("Gemini CLI's logs", TMP / "gemini", 1), ("Copilot CLI's spans", home, 1), ("three databases' agents", databases_home, 3), ("Cline's tasks", TMP / "cline", 1))
    homes()
    broken()
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
