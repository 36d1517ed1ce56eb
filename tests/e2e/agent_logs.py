# SPDX-License-Identifier: Apache-2.0
"""A home folder with the logs of every agent that runrate reads, written here in the agents' own shapes, and what they hold.

FAMILIES: name -> (files {path below home: text}, answers [(model, in, read, write, out)], where ccusage counts otherwise
(its own sum of tokens, and why) or None). Tokens are what the vendor bills: reasoning is in out.
"""
import json

lines = lambda *records: "".join(json.dumps(r, separators=(",", ":")) + "\n" for r in records)
T = "2026-10-01T10:00:0{}.000Z"
MS = 1790848800000  # 2026-10-01T10:00:00Z


def gemini():
    usage = lambda i, c, o, th, tool: {"input": i, "cached": c, "output": o, "thoughts": th, "tool": tool, "total": i + o + th + tool}
    message = lambda n, u, model="gemini-2.5-pro": {"id": f"g{n}", "timestamp": T.format(n), "type": "gemini", "content": "", "tokens": u, "model": model}
    document = {"sessionId": "s-doc", "projectHash": "ab", "startTime": T.format(0), "lastUpdated": T.format(5), "messages": [
        {"id": "u", "timestamp": T.format(0), "type": "user", "content": "no counts"},
        message(1, usage(1000, 400, 50, 30, 7)), message(2, usage(200, 0, 20, 0, 0), "gemini-2.5-flash"),
        {"id": "g3", "timestamp": T.format(3), "type": "gemini", "content": "no counts, no row", "model": "gemini-2.5-pro"}]}
    stream = lines({"sessionId": "s-lines", "projectHash": "ab", "startTime": T.format(0), "lastUpdated": T.format(0), "kind": "main"},
                   {"id": "u1", "timestamp": T.format(0), "type": "user", "content": ""},
                   {**message(4, usage(10, 0, 1, 0, 0)), "id": "again"}, {**message(4, usage(500, 100, 40, 0, 0)), "id": "again"},
                   {"$set": {"lastUpdated": T.format(5)}})
    return ({".gemini/tmp/ab/chats/session-1.json": json.dumps(document, indent=2), ".gemini/tmp/ab/chats/session-2.jsonl": stream},
            [("gemini-2.5-pro", 607, 400, 0, 80), ("gemini-2.5-flash", 200, 0, 0, 20), ("gemini-2.5-pro", 400, 100, 0, 40)], None)


def qwen():
    answer = lambda n, i, c, o, th: {"uuid": f"q{n}", "parentUuid": None, "sessionId": "qs", "timestamp": T.format(n), "type": "assistant", "cwd": "/w",
                                     "version": "0.5", "model": "qwen3-coder-plus", "message": {"role": "model", "parts": []},
                                     "usageMetadata": {"promptTokenCount": i, "candidatesTokenCount": o, "thoughtsTokenCount": th,
                                                       "cachedContentTokenCount": c, "totalTokenCount": i + o + th}}
    text = lines({"uuid": "u", "sessionId": "qs", "timestamp": T.format(0), "type": "user", "cwd": "/w", "message": {"role": "user", "parts": [{"text": "x"}]}},
                 answer(1, 900, 300, 60, 10), answer(2, 100, 0, 5, 0))
    return ({".qwen/projects/p/chats/qs.jsonl": text}, [("qwen3-coder-plus", 600, 300, 0, 70), ("qwen3-coder-plus", 100, 0, 0, 5)],
            (300, "ccusage adds Qwen's cached tokens to a prompt count that holds them"))


def kimi():
    update = lambda n, i, r, w, o: {"timestamp": 1790848800.25 + n, "message": {"type": "StatusUpdate", "payload": {"message_id": f"k{n}",
                                    "token_usage": {"input_other": i, "output": o, "input_cache_read": r, "input_cache_creation": w}}}}
    text = lines({"type": "metadata", "protocol_version": "1.3"}, {"timestamp": 1790848800.1, "message": {"type": "TurnBegin", "payload": {"user_input": "x"}}},
                 update(1, 100, 10, 20, 50), update(2, 7, 0, 0, 3))
    return ({".kimi/sessions/g/s/wire.jsonl": text}, [("", 100, 10, 20, 50), ("", 7, 0, 0, 3)], None)


def opencode():
    message = lambda n, **m: {"id": f"msg_{n}", "sessionID": "ses_1", "role": "assistant", "modelID": "claude-sonnet-4-20250514", "providerID": "anthropic",
                              "time": {"created": MS + n * 1000, "completed": MS + n * 1000 + 500}, "path": {"cwd": "/w", "root": "/w"}, "cost": 0.01,
                              "tokens": {"input": 100, "output": 30, "reasoning": 0, "cache": {"read": 2000, "write": 50}}, **m}
    put = lambda m: (f".local/share/opencode/storage/message/ses_1/{m['id']}.json", json.dumps(m, indent=2))
    user = {"id": "msg_0", "sessionID": "ses_1", "role": "user", "time": {"created": MS}}
    return (dict([put(user), put(message(1)), put(message(2, tokens={"input": 5, "output": 6, "reasoning": 0, "cache": {"read": 0, "write": 0}}))]),
            [("claude-sonnet-4-20250514", 100, 2000, 50, 30), ("claude-sonnet-4-20250514", 5, 0, 0, 6)], None)


def amp():
    ledger = {"v": 3, "id": "T-1", "created": MS, "messages": [{"role": "user", "messageId": 0}, {"role": "assistant", "messageId": 1, "usage": {
              "model": "claude-sonnet-4-20250514", "inputTokens": 10, "outputTokens": 20, "cacheCreationInputTokens": 300, "cacheReadInputTokens": 4000}}],
              "usageLedger": {"events": [{"id": "e1", "timestamp": T.format(1), "model": "claude-sonnet-4-20250514", "credits": 1.5,
                                          "tokens": {"input": 10, "output": 20}, "operationType": "inference", "fromMessageId": 0, "toMessageId": 1}]}}
    old = {"v": 2, "id": "T-2", "created": MS, "messages": [{"role": "assistant", "messageId": 3, "timestamp": T.format(2), "usage": {
           "model": "claude-sonnet-4-20250514", "inputTokens": 1, "outputTokens": 2, "cacheCreationInputTokens": 3, "cacheReadInputTokens": 4}}]}
    return ({".local/share/amp/threads/T-1.json": json.dumps(ledger), ".local/share/amp/threads/T-2.json": json.dumps(old)},
            [("claude-sonnet-4-20250514", 10, 4000, 300, 20), ("claude-sonnet-4-20250514", 1, 4, 3, 2)], None)


def droid():
    settings = {"model": "claude-sonnet-4-20250514", "providerLock": "anthropic", "providerLockTimestamp": T.format(1),
                "tokenUsage": {"inputTokens": 100, "outputTokens": 40, "cacheCreationTokens": 30, "cacheReadTokens": 900, "thinkingTokens": 5}}
    return ({".factory/sessions/p/1.settings.json": json.dumps(settings)}, [("claude-sonnet-4-20250514", 100, 900, 30, 45)], None)


def pi_lines(n):
    usage = lambda i, o, r, w: {"input": i, "output": o, "cacheRead": r, "cacheWrite": w, "totalTokens": i + o + r + w,
                                "cost": {"input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0, "total": 0.125}}
    message = lambda k, u: {"type": "message", "id": f"m{k}", "timestamp": T.format(k), "message": {"role": "assistant", "provider": "anthropic",
                            "model": "claude-sonnet-4-20250514", "usage": u}}
    return lines({"type": "session", "version": 3, "id": f"sid{n}", "timestamp": T.format(0), "cwd": "/w"},
                 {"type": "model_change", "id": "c", "timestamp": T.format(0), "provider": "anthropic", "modelId": "claude-sonnet-4-20250514"},
                 {"type": "message", "id": "u", "timestamp": T.format(0), "message": {"role": "user", "content": "x"}},
                 message(1, usage(11 * n, 22, 33, 44)), message(2, usage(1, 2, 0, 0)))


def pi():
    return ({".pi/agent/sessions/--w--/2026-10-01T10-00-00_sid1.jsonl": pi_lines(1)},
            [("claude-sonnet-4-20250514", 11, 33, 44, 22), ("claude-sonnet-4-20250514", 1, 0, 0, 2)], None)


def cline():
    say = lambda n, **m: {"ts": MS + n, "type": "say", "say": "api_req_started", "text": json.dumps({"request": "x", **m}),
                          "modelInfo": {"providerId": "anthropic", "modelId": "claude-sonnet-4-20250514"}}
    ui = [{"ts": MS, "type": "say", "say": "text", "text": "hello"}, say(1, tokensIn=100, tokensOut=20, cacheWrites=30, cacheReads=400, cost=0.001),
          say(2), {"ts": MS + 3, "type": "ask", "ask": "tool", "text": "{}"},
          say(4, tokensIn=1000, tokensOut=10, cacheWrites=0, cacheReads=600, cost=0.002, apiProtocol="openai")]
    where = ".config/Code/User/globalStorage/saoudrizwan.claude-dev/tasks/17/ui_messages.json"
    return ({where: json.dumps(ui)}, [("claude-sonnet-4-20250514", 100, 400, 30, 20), ("claude-sonnet-4-20250514", 400, 600, 0, 10)], "unread")


def grok():
    turn = lambda n, models: {"timestamp": MS // 1000 + n, "method": "session/update", "params": {"sessionId": "gs", "_meta": {"eventId": f"e{n}", "agentTimestampMs": MS + n * 1000},
           "update": {"sessionUpdate": "turn_completed", "usage": {"inputTokens": 0, "modelUsage": {m: {"inputTokens": i, "outputTokens": o, "cachedReadTokens": c,
                      "reasoningTokens": r, "totalTokens": i + o} for m, (i, c, o, r) in models.items()}}}}}
    text = lines({"timestamp": MS // 1000, "method": "session/update", "params": {"sessionId": "gs", "update": {"sessionUpdate": "agent_message_chunk"}}},
                 turn(1, {"grok-4": (1000, 400, 50, 20)}), turn(2, {"grok-4": (10, 0, 5, 0), "grok-3-mini": (7, 2, 3, 1)}), turn(2, {"grok-4": (10, 0, 5, 0), "grok-3-mini": (7, 2, 3, 1)}))
    return ({".grok/sessions/%2Fw/gs/updates.jsonl": text}, [("grok-4", 600, 400, 0, 50), ("grok-4", 10, 0, 0, 5), ("grok-3-mini", 5, 2, 0, 3)], None)


FAMILIES = {"grok": grok, "gemini": gemini, "qwen": qwen, "kimi": kimi, "opencode": opencode, "amp": amp, "droid": droid, "pi": pi, "cline": cline}
