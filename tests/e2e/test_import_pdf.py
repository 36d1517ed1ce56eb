#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""PDF invoices in several layouts, written here by a PDF writer of forty lines, read through pdftotext.

What adds up is taken line by line; what does not, or leaves its currency, date or decimal mark open, is rejected whole with
the reason. Skipped loudly where pdftotext is not installed; that it is missing is tested in any case.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
from decimal import Decimal as D

RUNRATE = os.environ.get("RUNRATE", str(pathlib.Path(__file__).resolve().parents[2] / "build/runrate"))
TMP = pathlib.Path(tempfile.mkdtemp(prefix="rr-pdf-"))
passed, failed, skipped, files = 0, 0, 0, 0


def ok(name, good, why=""):
    global passed, failed
    passed, failed = passed + bool(good), failed + (not good)
    print(f"{'ok' if good else 'not ok'} {name}" + ("" if good else f": {why}"))


def pdf(*pages):
    """Each page is a list of (x, y, text), y from the top; Helvetica in WinAnsi. No text at all makes a page like a scan."""
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", None, b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"]
    kids = []
    for texts in pages:
        parts = []
        for x, y, text in texts:
            raw = text.encode("cp1252").replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")
            parts.append(b"BT /F1 10 Tf %d %d Td (%s) Tj ET" % (x, 800 - y, raw))
        body = b"\n".join(parts) or b"0.5 g 50 50 400 600 re f"
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(body), body))
        objects.append(b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents %d 0 R /Resources << /Font << /F1 3 0 R >> >> >>" % len(objects))
        kids.append(b"%d 0 R" % len(objects))
    objects[1] = b"<< /Type /Pages /Count %d /Kids [%s] >>" % (len(kids), b" ".join(kids))
    out, places = bytearray(b"%PDF-1.4\n"), []
    for i, o in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (i, o)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1) + b"".join(b"%010d 00000 n \n" % p for p in places)
    return bytes(out + b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start))


def table(head, rows, tail, columns=(50, 300, 370, 480)):
    """Lines of text from the top: head and tail as (left, right) or text, rows as cells at the columns."""
    out, y = [], 40
    for line in head + [("",)] + rows + [("",)] + tail:
        cells = (line,) if isinstance(line, str) else line
        places = columns if len(cells) == 4 else (50, columns[-1])
        out += [(x, y, c) for x, c in zip(places, cells) if c]
        y += 18
    return out


def take(data, rc=0, name="invoice.pdf", env=None, ledger=None):
    global files
    files += 1
    path = TMP / str(files) / name
    path.parent.mkdir()
    path.write_bytes(data)
    r = subprocess.run([RUNRATE, "import", str(path), "--json", "--ledger", ledger or str(path.parent / "l.db")], capture_output=True, text=True, env=env)
    if r.returncode != rc:
        ok(f"import {files} exits {rc}", False, f"{r.returncode}: {r.stderr[:300]} {r.stdout[:800]}")
    return json.loads(r.stdout) if r.stdout else {"error": r.stderr, "rows_rejected": [], "notes": [], "currency": None,
                                                 **{k: "0" for k in ("inference", "training", "other", "unclassified", "billed")}}


def books(a):
    return tuple(D(a[k]) for k in ("inference", "training", "other", "unclassified"))


def day(a, ledger):
    r = subprocess.run([RUNRATE, "report", "--since", "2026-10-01", "--until", "2026-11-01", "--json", "--ledger", ledger], capture_output=True, text=True)
    return D(json.loads(r.stdout)["total"])


OPENAI = (["OpenAI, LLC", ("Invoice", ""), ("Invoice number", "INV-0042"), ("Date of issue", "November 1, 2026"), "Billing period: Oct 1, 2026 - Oct 31, 2026",
           ("Bill to: Example GmbH", ""), ("Description", "Qty", "Unit price", "Amount")],
          [("gpt-5-mini-2025-08-07, input", "1", "$120.50", "$120.50"), ("gpt-5-mini-2025-08-07, output", "1", "$1,300.25", "$1,300.25"),
           ("gpt-4.1-mini fine-tuning training", "1", "$79.25", "$79.25"), ("Promotional credit", "", "", "($100.00)")],
          [("Subtotal", "$1,400.00"), ("Tax (19%)", "$266.00"), ("Total", "$1,666.00"), ("Amount due", "$1,666.00 USD")])


def layouts():
    ledger = str(TMP / "openai.db")
    a = take(pdf(table(*OPENAI)), ledger=ledger)
    ok("OpenAI: lines by their words, credit and tax apart", books(a) == (D("1420.75"), D("79.25"), D("166.00"), 0), a)
    ok("OpenAI: the total, the currency", (D(a["billed"]), a["currency"]) == (D(1666), "USD"), a)
    ok("OpenAI: vendor, number, lines and confidence are said", any("INV-0042 of openai: 1,666.00 USD in 5 lines" in n and "100 %" in n for n in a["notes"]), a["notes"])
    ok("OpenAI: in its billing period, not on its date of issue", day(a, ledger) == D(1666), day(a, ledger))
    b = take(pdf(table(*OPENAI)), ledger=ledger)
    ok("the same invoice again adds nothing", (b["rows_new"], b["rows_revised"]) == (0, 0), b)

    german = (["RunPod Deutschland", ("Rechnungsnummer:", "R-7"), ("Rechnungsdatum:", "01.11.2026"), "Leistungszeitraum 01.10.2026 - 31.10.2026",
               ("Beschreibung", "Menge", "Preis", "Betrag")],
              [("GPU H100 Pod-Stunden", "100", "2,50", "250,00 €"), ("Fine-tuning Llama 3.3 70B", "1", "1.234,50", "1.234,50 €"), ("Gutschrift", "", "", "-84,50 €")],
              [("Zwischensumme", "1.400,00 €"), ("MwSt. 19 %", "266,00 €"), ("Gesamtbetrag", "1.666,00 €")])
    a = take(pdf(table(*german)))
    ok("German: decimal commas, euro, dots in dates", (books(a), a["currency"]) == ((0, D("1234.50"), D("181.50"), D(250)), "EUR"), a)

    british = (["Lambda, Inc.", "Invoice #: 2026-10", "Service period 01/10/2026 to 31/10/2026"], [("On-demand 8x A100", "", "", "GBP 800.10"), ("Storage", "", "", "GBP 9.90")],
               [("Total amount due", "GBP 810.00")])
    ledger = str(TMP / "lambda.db")
    a = take(pdf(table(*british)), ledger=ledger)
    ok("British: dates with slashes, told by the one that has no month above 12", (books(a), a["currency"], day(a, ledger)) == ((0, 0, D("9.90"), D("800.10")), "GBP", D(810)), a)

    two = (["Anthropic, PBC", "Invoice number AN-1", "Usage for October 1, 2026 - October 31, 2026"], [("Claude Sonnet 4 usage - input tokens", "", "", "$10.00")] * 30, [])
    rest = ([], [("Claude Opus 4 usage - output tokens", "", "", "$2.50")] * 4, [("Total", "$310.00")])
    a = take(pdf(table(*two), table(*rest)))
    ok("two pages, equal lines are several lines", (D(a["inference"]), a["rows_new"]) == (D(310), 34), a)

    receipt = (["Mistral AI", "Receipt", "Invoice number M-9", ("Invoice date", "2026-10-15")], [], [("Total", "€12.00")])
    a = take(pdf(table(*receipt)))
    ok("a receipt with a total alone: one row, with less confidence, said", (D(a["billed"]), a["rows_new"], D(a["unclassified"])) == (D(12), 1, D(12)) and any("65 %" in n for n in a["notes"]), a)

    boxed = (["Amazon Web Services EMEA", "Invoice Number: EU-7", ("Total amount due", "EUR 59.50"), "Billing period 2026-10-01 - 2026-10-31", ""],
             [("Amazon Bedrock", "", "", "EUR 40.00"), ("Amazon SageMaker CreateTrainingJob", "", "", "EUR 10.00"), ("VAT 19 %", "", "", "EUR 9.50")], [])
    a = take(pdf(table(*boxed)))
    ok("a total in a box above its lines", (D(a["billed"]), a["rows_new"], D(a["other"])) == (D("59.50"), 3, D("9.50")), a)

    nested = (["RunPod, Inc.", "Invoice number 1", "Service period Oct 1, 2026 - Oct 31, 2026"], [("Serverless GPU inference", "", "", "$70.00"), ("Pod H100", "", "", "$30.00"), ("Total usage charges", "", "", "$100.00")],
              [("Total VAT", "$20.00"), ("Total incl. VAT", "$120.00"), ("Credit applied", "-$50.00"), ("Amount due", "$70.00")])
    a = take(pdf(table(*nested)))
    ok("a total of a part, a total of the tax, a total with it; what is due is said", (books(a), any("70.00 of it is due" in n for n in a["notes"])) == ((D(70), 0, D(20), D(30)), True), a)

    vat_inside = (["Hetzner Online", "Invoice no. H1", "Period 2026-10-01 - 2026-10-31"], [("GPU server", "", "", "119.00 EUR")], [("Total", "119.00 EUR"), ("incl. VAT 19 %", "19.00 EUR")])
    a = take(pdf(table(*vat_inside)))
    ok("a tax that is inside the prices is not added", D(a["billed"]) == D(119), a)


def wrong():
    head, rows, tail = OPENAI
    cases = {
        "lines that do not add up to the total": ((head, rows, [("Subtotal", "$1,400.00"), ("Total", "$1,500.00")]), "100.00 apart"),
        "no total": ((head, rows, []), "no total"),
        "no date": ((["OpenAI, LLC", "Invoice number INV-1"], rows, tail), "no date"),
        "a date that reads in two ways": ((["OpenAI, LLC", "Invoice date 05/10/2026"], rows, tail), "no date"),
        "both decimal marks": ((head, rows + [("x", "", "", "1.234,56 €")], tail), "decimal points and with decimal commas"),
        "no currency": ((["OpenAI", "Invoice", "Period 2026-10-01 - 2026-10-31"], [("Tokens", "", "", "5.00")], [("Total", "5.00")]), "currency"),
        "two currencies": ((["Somebody", "Invoice", "USD or EUR", "Period 2026-10-01 - 2026-10-31"], [("Tokens", "", "", "5.00")], [("Total", "5.00")]), "currency"),
        "an unknown vendor, a bare $, no lines": ((["Acme Cloud", "Receipt", ("Date", "2026-10-05")], [], [("Total", "$5.00")]), "too little"),
    }
    for name, (layout, word) in cases.items():
        a = take(pdf(table(*layout)), rc=4)
        reasons = [x["reason"] for x in a["rows_rejected"]]
        ok(f"{name}: rejected whole, with the reason", len(reasons) == 1 and word in reasons[0] and books(a) == (0, 0, 0, 0), a)
    scan = take(pdf([]), rc=4)
    ok("a PDF without text: a scan, said", "scan" in scan.get("error", ""), scan)
    paper = take(pdf(table(["Attention Is All You Need"], [("BLEU", "", "", "28.40")], [("Total", "41.80")])), rc=4)
    ok("a paper is no invoice, and is not rejected as one", "no invoice" in paper.get("error", ""), paper)
    cut = take(pdf(table(*OPENAI))[:300], rc=4)
    ok("a PDF that is cut off is refused, and does not hang", "PDF" in cut.get("error", ""), cut)
    mixed = TMP / "folder"
    mixed.mkdir()
    (mixed / "a.pdf").write_bytes(pdf(table(*OPENAI)))
    (mixed / "b.pdf").write_bytes(pdf([]))
    r = subprocess.run([RUNRATE, "import", str(mixed), "--json", "--ledger", str(TMP / "folder.db")], capture_output=True, text=True)
    a = json.loads(r.stdout)
    ok("in a folder the readable one is read, the other is counted as passed over", (D(a["billed"]), a["files_skipped"]) == (D(1666), 1), a)


def missing():
    a = take(pdf(table(*OPENAI)), rc=4, env={**os.environ, "PATH": str(TMP)})
    ok("without pdftotext it says what to install", "poppler-utils" in a.get("error", ""), a)


def main():
    global skipped
    missing()
    if shutil.which("pdftotext"):
        layouts()
        wrong()
    else:
        skipped += 1
        print("  skipped: pdftotext is not installed (apt-get install poppler-utils): invoices are not read here")
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
