#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Bad input to the importers: never a crash, never a hang, no good row lost, no bad row silent, every sum as counted here.

1. Files that are whole but strange: encodings, line ends, byte order marks, drifted headers, a hundred thousand columns.
2. Files that are broken: cut off (plain, gzip, zstd), bombs, archives, pages, binaries, empty ones, folders of all that.
3. Cells that are no amounts, dates, counts: rejected by number, the rest summed to the last digit.
4. Bytes changed at random (a seed that is printed; --all: more of them) in exports of every family.
"""
import csv
import gzip
import io
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
from decimal import Decimal as D

RUNRATE = os.environ.get("RUNRATE", str(pathlib.Path(__file__).resolve().parents[2] / "build/runrate"))
TMP = pathlib.Path(tempfile.mkdtemp(prefix="rr-bad-"))
BOOKS = ("unclassified", "inference", "training", "other")
passed, failed, skipped, files = 0, 0, 0, 0


def ok(name, good, why=""):
    global passed, failed
    passed, failed = passed + bool(good), failed + (not good)
    print(f"{'ok' if good else 'not ok'} {name}" + ("" if good else f": {str(why)[:600]}"))


def run(path, *more):
    """(exit code, JSON or None, what it said). A signal, a hang, output that is no UTF-8 or no sum of itself is a failed check."""
    global files
    files += 1
    ledger = TMP / f"l{files}.db"
    try:
        r = subprocess.run([RUNRATE, "import", str(path), "--json", "--ledger", str(ledger), *more], capture_output=True, timeout=60)
    except subprocess.TimeoutExpired:
        ok(f"{path} ends", False, "it hangs")
        return 124, None, ""
    if r.returncode not in (0, 3, 4, 5):
        ok(f"{path} exits 0 or 4", False, (r.returncode, r.stderr))
    try:
        out, err = r.stdout.decode(), r.stderr.decode()
        a = json.loads(out) if out else None
    except ValueError as e:
        ok(f"{path}: what it says is UTF-8 and JSON", False, (e, r.stdout[:200]))
        return r.returncode, None, ""
    if a:
        rows = a["rows_new"] + a["rows_duplicate"] + a["rows_revised"] + a["rows_rejected_count"]
        if rows != a["rows_read"] or (a["rows_rejected_count"] != 0) != (r.returncode == 4):
            ok(f"{path}: rows are new, known, revised or rejected, and the exit code says so", False, (a["rows_read"], rows, r.returncode))
    return r.returncode, a, err


def put(name, data):
    path = TMP / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def total(a):
    return sum(D(a[k]) for k in BOOKS)


def csv_text(rows):
    out = io.StringIO()
    w = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
    w.writeheader()
    w.writerows(rows)
    return out.getvalue()


# ---- twelve rows of every family; the name of the amount's column, of a time's, of a count's ----

def family_rows():
    n = range(12)
    amount = lambda i: f"{i * 7 + 1}.{i:02}5"
    return {
        "openai-costs": ([{"start_time": 1790812800 + 86400 * i, "end_time": 1790899200 + 86400 * i, "amount_value": amount(i), "amount_currency": "usd",
                           "line_item": "gpt-5-mini, input", "project_id": f"p{i}"} for i in n], "amount_value", "start_time", None),
        "anthropic-costs": ([{"usage_date_utc": f"2026-10-{i + 1:02}", "model": "Claude Opus 4.6", "token_type": "output", "cost_usd": amount(i), "cost_type": "token", "workspace": f"w{i}"}
                             for i in n], "cost_usd", "usage_date_utc", None),
        "aws": ([{"line_item_usage_start_date": f"2026-10-{i + 1:02}T00:00:00Z", "line_item_usage_end_date": f"2026-10-{i + 2:02}T00:00:00Z", "line_item_line_item_type": "Usage",
                  "line_item_product_code": "AmazonBedrock", "line_item_usage_type": "USE1-Claude3Haiku-input-tokens", "line_item_usage_amount": "2", "line_item_unblended_cost": amount(i),
                  "line_item_currency_code": "USD", "pricing_unit": "1K tokens", "line_item_resource_id": f"r{i}"} for i in n], "line_item_unblended_cost", "line_item_usage_start_date", None),
        "azure": ([{"Date": f"2026-10-{i + 1:02}", "BillingCurrency": "EUR", "CostInBillingCurrency": amount(i), "Quantity": "2", "UnitOfMeasure": "1K", "MeterCategory": "Azure OpenAI",
                    "MeterName": "gpt-4o Inp glbl Tokens", "ChargeType": "Usage", "ResourceId": f"r{i}"} for i in n], "CostInBillingCurrency", "Date", None),
        "gcp": ([{"usage_start_time": f"2026-10-{i + 1:02} 00:00:00 UTC", "usage_end_time": f"2026-10-{i + 2:02} 00:00:00 UTC", "service.description": "Vertex AI",
                  "sku.description": "Gemini 3 Flash Text Input - Predictions", "cost": amount(i), "currency": "USD", "usage.amount": "5", "resource.name": f"r{i}"} for i in n],
                "cost", "usage_start_time", None),
        "focus": ([{"BilledCost": amount(i), "BillingCurrency": "USD", "ChargeCategory": "Usage", "ChargePeriodStart": f"2026-10-{i + 1:02}T00:00:00Z",
                    "ChargePeriodEnd": f"2026-10-{i + 2:02}T00:00:00Z", "ServiceName": "S", "ProviderName": "P", "ResourceId": f"r{i}"} for i in n], "BilledCost", "ChargePeriodStart", None),
        "litellm": ([{"request_id": f"r{i}", "call_type": "acompletion", "spend": amount(i), "startTime": f"2026-10-{i + 1:02}T10:00:00Z", "endTime": f"2026-10-{i + 1:02}T10:00:02Z",
                      "model": "gpt-4.1-mini", "prompt_tokens": "1000", "completion_tokens": "100", "total_tokens": "1100"} for i in n], "spend", "startTime", "prompt_tokens"),
        "helicone": ([{"request_id": f"r{i}", "request_created_at": f"2026-10-{i + 1:02}T10:00:00Z", "model": "gpt-4.1-mini", "prompt_tokens": "1000", "completion_tokens": "100",
                       "cost": amount(i), "provider": "OPENAI"} for i in n], "cost", "request_created_at", "prompt_tokens"),
    }


FAMILIES = family_rows()
KEYED = {"openai-costs": "project_id", "anthropic-costs": "workspace", "litellm": "request_id", "helicone": "request_id"}  # what comes again is the same
OWN = {**KEYED, "aws": "line_item_resource_id", "azure": "ResourceId", "gcp": "resource.name", "focus": "ResourceId"}
money = lambda a, name: D(a["claimed"]) if name in ("litellm", "helicone") else D(a["billed"])
NO_AMOUNTS = ["abc", "1,23", "1.234,56", "(12.00)", "--5", "1e400", "NaN", "inf", "99999999999999", "0x10", "1 000.00", "=1+1", "5\x00", "١٢", "$5", "5 USD", "1.2.3", "'"]
NO_TIMES = ["", "soon", "2026-13-01", "2026-02-30", "99/99/2026", "20xx", "-1", "2026-10-01T25:00:00Z"]
NO_COUNTS = ["-1", "1.5", "many", "1,000", "99999999999999999999", "1e30"]


def cells():
    for name, (rows, amount, time, count) in FAMILIES.items():
        bad = [{**rows[i % 12], amount: v} for i, v in enumerate(NO_AMOUNTS)] + [{**rows[i % 12], time: v} for i, v in enumerate(NO_TIMES)]
        bad += [{**rows[i % 12], count: v} for i, v in enumerate(NO_COUNTS)] if count else []
        mixed, where = [], []
        for i, b in enumerate(bad):
            if i < len(rows):
                mixed.append(rows[i])
            mixed.append(b)
            where.append(len(mixed))
        rc, a, err = run(put(f"cells/{name}.csv", csv_text(mixed)))
        good = a and [x["row"] for x in a["rows_rejected"]] == where
        ok(f"{name}: {len(bad)} cells that are no amount, time or count are named by row", good, a and (sorted({x["row"] for x in a["rows_rejected"]} ^ set(where)), [(mixed[r - 1].get(amount), mixed[r - 1].get(time)) for r in {x["row"] for x in a["rows_rejected"]} ^ set(where)]) or err)
        ok(f"{name}: and the others are summed to the last digit", a and money(a, name) == sum(D(r[amount]) for r in rows), a and money(a, name))


def strange():
    for name, (rows, amount, _, _) in FAMILIES.items():
        text = csv_text(rows)
        want = sum(D(r[amount]) for r in rows)
        back = csv_text([dict(reversed(list(r.items()))) for r in rows])
        more = csv_text([{"Id": i, **r, "x_New": "é"} for i, r in enumerate(rows)])
        forms = {"CRLF": text.replace("\n", "\r\n"), "CR": text.replace("\n", "\r"), "a byte order mark": "\ufeff" + text, "semicolons": text.replace(",", ";") if name != "openai-costs" else text,
                 "tabs": text.replace(",", "\t") if name != "openai-costs" else text, "no last line end": text.rstrip("\n"), "blank lines between": text.replace("\n", "\n\n"),
                 "columns in another order": back, "columns more": more, "sep=": "sep=,\n" + text,
                 "names in capitals": text.split("\n", 1)[0].upper() + "\n" + text.split("\n", 1)[1]}
        forms = {k: v.encode() for k, v in forms.items()} | {"UTF-16": text.encode("utf-16"), "UTF-16BE": b"\xfe\xff" + text.encode("utf-16-be"), "gzip": gzip.compress(text.encode())}
        folder = TMP / "strange" / name
        for i, data in enumerate(forms.values()):
            put(f"strange/{name}/{i}.csv", data)
        rc, a, err = run(folder, "--dry-run")
        new, sums = (12, want) if name in KEYED else (12 * len(forms), want * 2)  # bills: with more columns it is another bill; dry runs do not see other batches
        good = a and not rc and money(a, name) == sums and a["files"] == len(forms) and (a["rows_new"], a["rows_new"] + a["rows_duplicate"]) == (new, 12 * len(forms))
        wrong = [] if good else [(rc, a and (money(a, name), a["rows_new"], a["rows_duplicate"]), err[:200])]
        for i, form in enumerate(forms) if wrong else []:  # which one
            rc, a, err = run(folder / f"{i}.csv", "--dry-run")
            wrong += [(form, rc, err[:200])] if rc or money(a, name) != want else []
        ok(f"{name}: {len(forms)} forms of the same file in one folder are the same sum, once", not wrong, wrong)


def texts():
    """Text that is no UTF-8, at every place of a name; NUL; what a spreadsheet would run."""
    rows, amount, _, _ = FAMILIES["openai-costs"]
    bad = [b"\xc0\x80", b"\xed\xa0\x80", b"\xe2\x82", b"\xff", b"Z\xfcrich", b"\xf5\x80\x80\x80", b"\x80", b"\xf0\x9f\x98"]
    lines = csv_text(rows).encode().split(b"\n")
    out, n = [lines[0]], 0
    for line in lines[1:-1]:
        for cut in range(6):
            name = b"projct"
            out.append(line.replace(b",p%d" % n, b",p%d-" % n + name[:cut] + bad[(n + cut) % len(bad)] + name[cut:]))
        n += 1
    path = put("texts.csv", b"\n".join(out) + b"\n")
    rc, a, err = run(path)
    ok("each row whose name is no UTF-8 is refused by number, with what to do", a and [x["row"] for x in a["rows_rejected"]] == list(range(1, 73)) and
       all("UTF-8" in x["reason"] for x in a["rows_rejected"]), a and a["rows_rejected"][:2] or err)
    rc, a, err = run(put("texts2.csv", b"\n".join(out[:4] + lines[1:-1]) + b"\n"))
    ok("and costs the others nothing", a and (total(a), a["rows_rejected_count"]) == (sum(D(r[amount]) for r in rows), 3), a or err)
    r = subprocess.run([RUNRATE, "report", "--by", "project", "--json", "--ledger", str(TMP / f"l{files}.db")], capture_output=True)
    try:
        keys = [x["key"] for x in json.loads(r.stdout.decode())["inference"]["lines"]]
        ok("and the report is UTF-8 all the same", all(k.isprintable() for k in keys) and len(keys) == 12, keys[:5])
    except ValueError as e:
        ok("and the report is UTF-8 all the same", False, e)


def headers():
    rows, amount, _, _ = FAMILIES["focus"]
    text = csv_text(rows)
    rc, a, err = run(put("h/renamed.csv", text.replace("BilledCost", "Billed Cost", 1)))
    ok("a renamed column: the file is refused, not guessed", rc == 4 and a is None and "known source" in err, err)
    head, body = text.split("\n", 1)
    twice = "BilledCost," + head + "\n" + "".join("999," + line + "\n" for line in body.strip().split("\n"))
    rc, a, err = run(put("h/twice.csv", twice))
    ok("two columns of one name are said", (a and any("BilledCost" in n for n in a["notes"])) or "BilledCost" in err, (a and a["notes"], err))
    wide = head + "," + ",".join(f"x{i}" for i in range(99900)) + "\n" + "".join(line + "," * 99900 + "\n" for line in body.strip().split("\n"))
    rc, a, err = run(put("h/wide.csv", wide))
    bad = head + "," + ",".join(f"x{i}" for i in range(99900)) + "\n" + "".join("no" + line[line.index(","):] + "," + ",".join(f"y{i}" for i in range(99900)) + "\n" for line in body.strip().split("\n"))
    rc_bad, a_bad, err_bad = run(put("h/wide-bad.csv", bad))
    ok("... and bad rows of as many cells are named as quickly", rc_bad == 4 and a_bad and a_bad["rows_rejected_count"] == 12, err_bad)
    ok("a hundred thousand columns are read", rc == 0 and total(a) == sum(D(r[amount]) for r in rows), err)
    rc, a, err = run(put("h/wider.csv", head + "," + ",".join(f"x{i}" for i in range(100100)) + "\n"))
    ok("more are refused with the reason", rc == 4 and "column" in err or "field" in err, err)
    short = head + "\n" + body.split("\n")[0] + "\n1.5,USD\n" + body.split("\n")[1] + "\n" + body.split("\n")[2] + ",surplus,\n"
    rc, a, err = run(put("h/short.csv", short))
    ok("a row that is too short is named, and the next one read", a and [x["row"] for x in a["rows_rejected"]] in ([2], [2, 4]), a and a["rows_rejected"])
    quoted = head + "\n" + body.split("\n")[0] + '\n"never closed,USD\n' + body
    rc, a, err = run(put("h/quote.csv", quoted))
    ok("a quote that never closes is said, and does not eat the rows before it", a and a["rows_new"] >= 1 and a["rows_rejected_count"] >= 1, a or err)
    quoted = csv_text([{**r, "ServiceName": f'a, "b" {i}'} for i, r in enumerate(rows)])
    open_ = quoted.replace('""b"" 4"', '""b"" 4', 1)
    rc, a, err = run(put("h/open.csv", open_))
    ok("a quote that runs into the next row's costs that row alone", a and [x["row"] for x in a["rows_rejected"]] == [5] and
       total(a) == sum(D(r[amount]) for i, r in enumerate(rows) if i != 4), a and (a["rows_rejected"], total(a)) or err)
    mixed = csv_text([{**r, "BillingCurrency": ("USD", "EUR", "JPY")[i % 3]} for i, r in enumerate(rows)])
    rc, a, err = run(put("h/currencies.csv", mixed))
    sums = {c: sum(D(r[amount]) for i, r in enumerate(rows) if ("USD", "EUR", "JPY")[i % 3] == c) for c in ("USD", "EUR", "JPY")}
    ok("three currencies: three sums and no total", a and a["billed"] is None and {x["currency"]: D(x["billed"]) for x in a["by_currency"]} == sums, a and a["by_currency"])


def broken():
    rows, amount, _, _ = FAMILIES["focus"]
    text = csv_text(rows * 400)
    want = sum(D(r[amount]) for r in rows) * 400
    packed = gzip.compress(text.encode())
    rc, a, err = run(put("b/whole.gz", packed))
    ok("gzip: whole", rc == 0 and total(a) == want, err)
    rc, a, err = run(put("b/cut.gz", packed[: len(packed) // 2]))
    ok("gzip, cut off: what was there is kept, the cut is named", rc == 4 and a and 0 < total(a) < want and a["rows_rejected_count"] >= 1, a and (total(a), a["rows_rejected"]) or err)
    if shutil.which("zstd"):
        z = subprocess.run(["zstd", "-c"], input=text.encode(), capture_output=True).stdout
        rc, a, err = run(put("b/whole.zst", z))
        ok("zstd: whole", rc == 0 and total(a) == want, err)
        rc, a, err = run(put("b/cut.zst", z[: len(z) // 2]))
        ok("zstd, cut off: named", rc == 4, a or err)
    bomb = gzip.compress((text[: text.index("\n") + 1]).encode() + b"0" * 40_000_000, 6)
    rc, a, err = run(put("b/bomb.gz", bomb))
    ok(f"a bomb of {len(bomb)} bytes is refused", rc == 4 and (a is None or a["rows_rejected_count"] >= 1), err or a)
    for name, data, word in (("empty", b"", "empty"), ("blanks", b" \n\n ", "empty"), ("zip", b"PK\x03\x04" + bytes(200), "ZIP"), ("xls", b"\xd0\xcf\x11\xe0\xa1\xb1" + bytes(600), "spreadsheet"),
                             ("html", b"<!DOCTYPE html><html><body>Please sign in</body></html>", "HTML"), ("xml", b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "HTML or XML"),
                             ("parquet", b"PAR1" + bytes(50), "Parquet"), ("bzip2", b"BZh91AY&SY" + bytes(50), "bzip2"), ("xz", b"\xfd7zXZ\x00" + bytes(50), "xz"),
                             ("elf", b"\x7fELF\x02\x01\x01\x00" + bytes(3000), ""), ("png", b"\x89PNG\r\n\x1a\n" + bytes(300), ""), ("zeros", bytes(5000), "binary"),
                             ("error", b'{"error": {"message": "Invalid API key", "type": "invalid_request_error"}}', "Invalid API key"), ("page", b'{"object": "page", "data": []}', "no records"), ("number", b"42\n", ""), ("null", b"null", ""),
                             ("utf16json", '[{"a": 1}]'.encode("utf-16"), "no known source"), ("deep", b"[" * 100000, ""), ("quote", b'"', ""), ("comma", b",", ""), ("bom", b"\xef\xbb\xbf", "empty")):
        rc, a, err = run(put(f"b/x-{name}", data))
        ok(f"{name}: refused with the reason", rc == 4 and a is None and word in err, (rc, a, err))
    folder = TMP / "folder"
    for n in ("cut.gz", "x-html", "x-elf", "x-empty", "x-deep"):
        put(f"folder/{n}", (TMP / "b" / n).read_bytes())
    put("folder/good.csv", csv_text(rows))
    os.symlink("/nowhere", folder / "dangling")
    os.mkfifo(folder / "pipe")
    put("folder/locked.csv", csv_text(rows))
    os.chmod(folder / "locked.csv", 0)
    rc, a, err = run(folder)
    ok("a folder of all that: the good files are read, the others counted", a and a["files_skipped"] >= 4 and total(a) >= sum(D(r[amount]) for r in rows), a or err)


def jsons():
    """JSON lines and documents, cut at many places: whole records before the cut stay."""
    records = [{"request_id": f"r{i}", "call_type": "acompletion", "spend": i + 0.5, "startTime": f"2026-10-{i + 1:02}T10:00:00Z", "model": "gpt-4.1-mini", "prompt_tokens": 10,
                "completion_tokens": 1, "total_tokens": 11} for i in range(12)]
    lines = "".join(json.dumps(r) + "\n" for r in records).encode()
    array = json.dumps(records).encode()
    cuts, whole = 0, 0
    for data, form in ((lines, "lines"), (array, "array")):
        for cut in range(200, len(data), len(data) // 9):
            put(f"cut/{form}-{cut}.json", data[:cut])
            cuts, whole = cuts + 1, whole + data[:cut].count(b'"total_tokens": 11}')
    rc, a, err = run(TMP / "cut", "--dry-run")
    ok(f"JSON cut at {cuts} places: every whole record is kept", a and a["rows_new"] + a["rows_duplicate"] == whole, a and (a["rows_new"], a["rows_duplicate"], whole) or err)
    cut_off = {x["file"] for x in a["rows_rejected"]} if a else set()
    ok("and every cut inside a document is named", rc == 4 and all(any(f.endswith(f"array-{c}.json") for f in cut_off) for c in range(200, len(array), len(array) // 9)), cut_off)
    broken_lines = lines.replace(b'"r3"', b'"r3', 1).replace(b'"r5"', b"\xff", 1).replace(b'"spend": 7.5', b'"spend": "x"', 1)
    rc, a, err = run(put("j/broken.jsonl", broken_lines))
    ok("broken lines are named by line, the rest is kept", a and sorted(x["row"] for x in a["rows_rejected"]) == [4, 6, 8] and a["rows_new"] == 9, a and a["rows_rejected"] or err)
    twice = lines.replace(b'"spend": 0.5', b'"spend": 9, "spend": 0.5', 1)
    rc, a, err = run(put("j/twice.jsonl", twice))
    ok("a member that stands twice: the last counts, as in most readers", a and D(a["claimed"]) == sum(D(str(r["spend"])) for r in records), a or err)


def mutant(rng, line):
    line = bytearray(line)
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        what, at = rng.randrange(3), rng.randrange(len(line))
        byte = rng.choice((rng.randrange(256), ord(rng.choice('0123456789.,-+eE()"; =\t'))))
        if byte in b'\n\r"':
            continue
        if what == 0:
            line[at] = byte
        elif what == 1:
            line.insert(at, byte)
        elif len(line) > 2:
            del line[at]
    return bytes(line)


def mutations(rounds, seed):
    """Each mutant differs from its export in one row; the other rows must all be there, and the row itself as a second reader
    reads it. The mutants of a family are one import, and each file answers for itself by what is rejected of it."""
    rng = random.Random(seed)
    for name, (rows, amount, _, _) in FAMILIES.items():
        changed = {}
        for n in range(rounds):
            own = [{**r, OWN[name]: f"{hash((seed, n, i)):x}"} for i, r in enumerate(rows)]
            lines = csv_text(own).encode().split(b"\n")
            k = rng.randrange(1, 13)
            line = mutant(rng, lines[k])
            changed[str(put(f"mutants/{name}/{n:04}.csv", b"\n".join(lines[:k] + [line] + lines[k + 1:])))] = (k, line)
        rc, a, err = run(TMP / "mutants" / name, "--dry-run")
        if not a:
            ok(f"{name}: {rounds} mutants", False, (rc, err))
            continue
        rejected = {(x["file"], x["row"]) for x in a["rows_rejected"]}
        wrong = sorted((f, r) for f, r in rejected if changed.get(f, (0,))[0] != r)
        want = D(0)
        for f, (k, line) in changed.items():
            want += sum(D(r[amount]) for i, r in enumerate(rows, 1) if i != k)
            if (f, k) in rejected:
                continue
            cell = next(csv.DictReader(io.StringIO((lines[0] + b"\n" + line + b"\n").decode("latin-1"))))[amount]
            try:
                want += D(cell.strip()).quantize(D("1e-12")) if cell and cell.strip() and cell.strip().lower() != "null" else 0
            except ArithmeticError:
                wrong.append((f, line))
        sums = sum(money({**a, **c}, name) for c in a["by_currency"])
        ok(f"{name}: {rounds} mutants (seed {seed}): only changed rows change, or are rejected by number", not wrong and abs(sums - want) < D("1e-9") and a["rows_read"] == 12 * rounds,
           (wrong[:3], sums, want, a["rows_read"]))


def fixtures(rounds, seed):
    """Bytes changed and files cut, in every sample of ../shared and every agent's log: it ends, and its sums stay sums."""
    here = pathlib.Path(__file__).resolve().parent
    sys.path.insert(0, str(here))
    import agent_logs
    rng = random.Random(seed)
    samples = {f"{n}/{p}": t.encode() for n, make in agent_logs.FAMILIES.items() for p, t in make()[0].items()}
    shared = here.parents[2] / "shared/data/billing"
    for p in sorted(shared.rglob("*")) if shared.is_dir() else []:
        if p.is_file() and p.stat().st_size < 400_000 and p.suffix in (".csv", ".json", ".jsonl"):
            samples[str(p.relative_to(shared))] = p.read_bytes()
    before = failed
    for n in range(rounds):
        for i, (name, data) in enumerate(samples.items()):
            b = bytearray(data)
            for _ in range(rng.choice((1, 3, 20))):
                b[rng.randrange(len(b))] = rng.choice((rng.randrange(256), ord(rng.choice('{}[]",:0-\n\\'))))
            if rng.random() < 0.3:
                del b[rng.randrange(len(b)):]
            put(f"samples/{n}/{i}/{pathlib.Path(name).name}", bytes(b))
        run(TMP / "samples" / str(n), "--dry-run")
    ok(f"{rounds * len(samples)} mutants of {len(samples)} samples (seed {seed}): each import ends with 0 or 4 and says sums of itself", failed == before)


def main():
    global skipped
    all_ = "--all" in sys.argv
    seed = int(os.environ.get("SEED", "20261129"))
    cells()
    strange()
    texts()
    headers()
    broken()
    jsons()
    mutations(400 if all_ else 25, seed)
    fixtures(60 if all_ else 3, seed)
    if not shutil.which("zstd"):
        skipped += 1
        print("  skipped: zstd is not installed: only gzip is cut off")
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
