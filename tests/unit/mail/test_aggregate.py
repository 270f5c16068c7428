"""Reports of mailbox providers, and files that only look like some."""

import gzip
import io
import json
import zipfile
from base64 import encodebytes
from datetime import UTC, datetime

import pytest

from newsletter.mail import aggregate
from newsletter.mail.aggregate import UnreadableError

XML = b"""<?xml version="1.0" encoding="UTF-8" ?>
<feedback%s>
  <report_metadata><org_name>google.com</org_name><report_id>123456</report_id>
    <date_range><begin>1793491200</begin><end>1793577599</end></date_range></report_metadata>
  <policy_published><domain>Gazette.example</domain><p>none</p></policy_published>
  <record><row><source_ip>192.0.2.1</source_ip><count>120</count>
    <policy_evaluated><disposition>none</disposition><dkim>pass</dkim><spf>fail</spf></policy_evaluated></row></record>
  <record><row><source_ip>203.0.113.9</source_ip><count>7</count>
    <policy_evaluated><disposition>none</disposition><dkim>fail</dkim><spf>fail</spf></policy_evaluated></row></record>
</feedback>"""
TLS = json.dumps(
    {
        "organization-name": "Company-X",
        "date-range": {"start-datetime": "2026-11-01T00:00:00Z", "end-datetime": "2026-11-01T23:59:59Z"},
        "contact-info": "sts-reporting@company-x.example",
        "report-id": "5065427c-23d3",
        "policies": [
            {
                "policy": {"policy-type": "sts", "policy-domain": "bounces.gazette.example"},
                "summary": {"total-successful-session-count": 5326, "total-failure-session-count": 303},
                "failure-details": [
                    {
                        "result-type": "certificate-expired",
                        "receiving-mx-hostname": "mx1.x",
                        "failed-session-count": 100,
                    }
                ],
            }
        ],
    }
).encode()


def zipped(data: bytes, count: int = 1) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(count):
            archive.writestr(f"report{number}.xml", data)
    return buffer.getvalue()


def mailed(data: bytes, kind: str = "application/gzip") -> bytes:
    head = f"From: a@google.com\r\nSubject: Report domain: gazette.example\r\nContent-Type: {kind}\r\n"
    return head.encode() + b"Content-Transfer-Encoding: base64\r\n\r\n" + encodebytes(data)


FORMS = {
    "plain": XML % b"",
    "with a namespace": XML % b' xmlns="urn:ietf:params:xml:ns:dmarc-2.0"',
    "gzip": gzip.compress(XML % b""),
    "zip": zipped(XML % b""),
    "in a mail": mailed(gzip.compress(XML % b"")),
    "zip in a mail": mailed(zipped(XML % b""), "application/zip"),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_report_about_dmarc_is_read_in_every_form(form: str) -> None:
    found = aggregate.find(FORMS[form])
    assert found is not None
    assert (found.kind, found.organisation, found.domain) == ("dmarc", "google.com", "gazette.example")
    assert found.begins == datetime.fromtimestamp(1793491200, UTC)
    assert [(row.source, row.count, row.aligned, row.dkim, row.spf) for row in found.rows] == [
        ("192.0.2.1", 120, True, True, False),
        ("203.0.113.9", 7, False, False, False),
    ]


@pytest.mark.parametrize("data", [TLS, gzip.compress(TLS), mailed(gzip.compress(TLS), "application/tlsrpt+gzip")])
def test_a_report_about_tls_is_read(data: bytes) -> None:
    found = aggregate.find(data)
    assert found is not None
    assert (found.kind, found.domain, found.report_id) == ("tls", "bounces.gazette.example", "5065427c-23d3")
    assert [(row.count, row.aligned, row.result) for row in found.rows] == [
        (5326, True, ""),
        (100, False, "certificate-expired"),
    ]


BOMB = b"""<?xml version="1.0"?><!DOCTYPE feedback [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
<feedback><report_metadata><org_name>&b;</org_name></report_metadata></feedback>"""
HOSTILE = {
    "entities": BOMB,
    "an external entity": b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><feedback>&e;</feedback>',
    "a gzip bomb": gzip.compress(b"<feedback>" + b" " * 40_000_000),
    "a zip bomb": zipped(b"<feedback>" + b" " * 40_000_000),
    "a zip of several": zipped(XML % b"", count=3),
    "broken gzip": b"\x1f\x8b\x08\x00" + b"\xff" * 100,
    "broken zip": b"PK\x03\x04" + b"\xff" * 100,
    "half a report": (XML % b"")[:400],
    "no time": (XML % b"").replace(b"1793491200", b"soon"),
    "nested a hundred thousand deep": b"<feedback>" + b"<a>" * 100_000,
    "json without a time": b'{"report-id": "x", "policies": []}',
    "deep json": b'{"report-id": ' + b"[" * 100_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_made_to_hurt_is_refused(name: str) -> None:
    with pytest.raises(UnreadableError):
        aggregate.find(HOSTILE[name])


@pytest.mark.parametrize("data", [b"", b"hello", b"<html></html>", b"{}", b"[]", b"\0" * 1000, bytes(range(256))])
def test_anything_else_is_no_report(data: bytes) -> None:
    assert aggregate.find(data) is None


def test_numbers_and_texts_have_bounds() -> None:
    huge = (XML % b"").replace(b"<count>120<", b"<count>" + b"9" * 300 + b"<").replace(b"google.com", b"g" * 5000)
    found = aggregate.find(huge)
    assert found is not None
    assert found.rows[0].count == 2**31 - 1
    assert len(found.organisation) == 255
