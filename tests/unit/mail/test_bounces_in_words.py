# ruff: noqa: E501, W291 - the lines are as long as servers write them
"""Bounces in words: how servers of many kinds write them, each in its own way. Written after their shapes."""

import pytest

from newsletter.mail.evidence import Kind
from newsletter.mail.reports import read_report

HEAD = "Return-Path: <>\nTo: sender@example.jp\nDate: Thu, 9 Apr 2014 23:34:45 +0900\n"
COPY = """Received: by mail.example
From: sender@example.jp
To: kijitora@example.com
Subject: Nyaan
Message-Id: <x@example.jp>

body
"""
# Name: whether it is hard, whom it is about, and the message.
CASES: dict[str, tuple[bool, str, str]] = {
    "gmail-old": (
        True,
        "kijitora@example.com",
        f"""\
From: Mail Delivery Subsystem <mailer-daemon@googlemail.com>
Subject: Delivery Status Notification (Failure)
X-Failed-Recipients: kijitora@example.com
Content-Type: text/plain; charset=ISO-8859-1

Delivery to the following recipient failed permanently:

     kijitora@example.com

Technical details of permanent failure:
Google tried to deliver your message, but it was rejected by the recipient domain. We recommend contacting the other email provider for further information about the cause of this error. The error that the other server returned was: 550 550 Unknown user kijitora@example.com (state 14).

----- Original message -----

{COPY}""",
    ),
    "gmail-full": (
        False,
        "kijitora@example.com",
        f"""\
From: Mail Delivery Subsystem <mailer-daemon@googlemail.com>
Subject: Delivery Status Notification (Failure)

Delivery to the following recipient failed permanently:

     kijitora@example.com

Technical details of permanent failure:
Google tried to deliver your message, but it was rejected by the recipient domain. The error that the other server returned was: 552 552 5.2.2 This message is larger than the current system limit or the recipient's mailbox is full. (state 18).

----- Original message -----

{COPY}""",
    ),
    "ezweb": (
        True,
        "kijitora@ezweb.ne.jp",
        f"""\
From: Postmaster@ezweb.ne.jp
Subject: Mail System Error - Returned Mail
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain; charset=iso-2022-jp

The user(s) <kijitora@ezweb.ne.jp>
: Unknown user
You can keep in touch...
<kijitora@ezweb.ne.jp>: 550 5.1.1 <kijitora@ezweb.ne.jp>: User unknown
--b
Content-Type: message/rfc822

{COPY}--b--
""",
    ),
    "notes": (
        True,
        "kijitora@notes.example.jp",
        f"""\
From: postmaster@notes.example.jp
Subject: Undeliverable message
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain

------- Failure Reasons  --------

User not listed in public Name & Address Book
kijitora@notes.example.jp


------- Returned Message --------

{COPY}--b--
""",
    ),
    "mailmarshal": (
        True,
        "dummyuser@blabla.xxxxxxxxxxxx.com",
        """\
From: Postmaster@example
Subject: Undeliverable Mail: Nyaan
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain

Your message:
   From:    originalsender@example.com
   Subject: IZUMI

Could not be delivered because of

550 5.1.1 User unknown

The following recipients were affected: 
   dummyuser@blabla.xxxxxxxxxxxx.com

Additional Information
======================
Original Sender:    <originalsender@example.com>
--b--
""",
    ),
    "mcafee": (
        True,
        "user@example.com",
        f"""\
From: postmaster@relay.example
Subject: Undeliverable
X-NAI-Header: Modified by McAfee
Content-Type: text/plain

--- The following addresses had delivery problems ---

<user@example.com>   (User unknown user@example.com)

--------------Returned message---
{COPY}""",
    ),
    "surfcontrol": (
        True,
        "kijitora@example.com",
        """\
From: postmaster@example
Subject: Message could not be sent
X-Mailer: SurfControl E-mail Filter

Your message could not be sent.

A transcript of the attempts to send the message follows.

The number of attempts made: 1

Addressed To: kijitora@example.com

Thu 29 Apr 2010 23:34:45 +0900
Failed to send to identified host,
kijitora@example.com: [192.0.2.5], 550 kijitora@example.com... No such user

--- Message non-deliverable.
""",
    ),
    "exchange2003": (
        True,
        "kijitora@example.co.jp",
        """\
From: System Administrator <postmaster@example.co.jp>
Subject: Undeliverable: Nyaan
X-MimeOLE: Produced By Microsoft Exchange V6.5
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain; charset=iso-8859-1

Your message

  To:      shironeko@example.jp
  Subject: Nyaan
  Sent:    Thu, 29 Apr 2010 18:14:35 +0000

did not reach the following recipient(s):

kijitora@example.co.jp on Thu, 29 Apr 2010 16:51:51 -0500
    The recipient name is not recognized
\tThe MTS-ID of the original message is: c=jp;a= ;p=neko
MSEXCH:IMS:KIJITORA CAT:EXAMPLE:CMAIL 0 (000C05A6) Unknown Recipient
--b--
""",
    ),
    "o365": (
        True,
        "kijitora@example.onmicrosoft.com",
        """\
From: postmaster@outlook.com
Subject: Undeliverable: Nyaan
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: text/html; charset=us-ascii

<html><body>Your message to kijitora@example.onmicrosoft.com couldn't be delivered.<p>kijitora wasn't found at example.com.</p></body></html>
--b
Content-Type: message/delivery-status

Reporting-MTA: dns;x

Final-Recipient: rfc822;kijitora@example.onmicrosoft.com
Action: failed
Status: 5.1.10
Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient kijitora@example.onmicrosoft.com not found by SMTP address lookup
--b--
""",
    ),
    "ses": (
        True,
        "neko@example.org",
        """\
From: MAILER-DAEMON@email-bounces.amazonses.com
Subject: Delivery Status Notification (Failure)
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: text/plain

An error occurred while trying to deliver the mail to the following recipients:
neko@example.org
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; a8-23.smtp-out.amazonses.com

Action: failed
Final-Recipient: rfc822; neko@example.org
Diagnostic-Code: smtp; 550 5.1.1 user unknown
Status: 5.1.1

--b--
""",
    ),
    "james": (
        True,
        "kijitora@example.jp",
        """\
From: postmaster@example
Subject: Re:
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain

Hi. This is the James mail server at mx.example.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.  Below
I include the list of recipients and the reason why I was unable to deliver
your message.

Failed recipient(s):
kijitora@example.jp

Error message:
550 5.1.1 User unknown
--b--
""",
    ),
    "gmx": (
        True,
        "shironeko@example.jp",
        f"""\
From: GMX Mailer Daemon <mailer-daemon@gmx.example>
Subject: Mail delivery failed: returning message to sender
X-GMX-Antispam: 0

This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of
its recipients. This is a permanent error. The following address
failed:

"shironeko@example.jp":
SMTP error from remote server after RCPT command:
host: mx.example.jp
5.1.1 <shironeko@example.jp>... User Unknown

--- The header of the original message is following. ---

{COPY}""",
    ),
    "zoho": (
        True,
        "kijitora@example.co.jp",
        """\
From: mailer-daemon@mail.zoho.com
Subject: Undelivered Mail Returned to Sender
X-ZohoMail: Si CHF_MF_NL

This message was created automatically by mail delivery software.
 A message that you sent could not be delivered to one or more of its recipients. This is a permanent error. 

kijitora@example.co.jp Invalid Address, ERROR_CODE :550, ERROR_CODE :5.1.1 <kijitora@example.co.jp>... User Unknown

Received:from mail.zoho.com
""",
    ),
    "courier": (
        True,
        "kijitora@example.co.jp",
        """\
From: "Courier mail server at mx.example" <@>
Subject: NOTICE: mail delivery status.
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: text/plain

This is a delivery status notification from mx.example,
running the Courier mail server, version 0.65.2.

The original message was received on Sat, 11 Dec 2010 12:19:57 +0900

---------------------------------------------------------------------------

                           UNDELIVERABLE MAIL

Your message to the following recipients cannot be delivered:

<kijitora@example.co.jp>:
    mx.example.co.jp [74.207.247.95]:
>>> RCPT TO:<kijitora@example.co.jp>
<<< 550 5.1.1 <kijitora@example.co.jp>... User Unknown
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; kijitora@example.co.jp
Action: failed
Status: 5.0.0
Remote-MTA: dns; mx.example.co.jp [74.207.247.95]
Diagnostic-Code: smtp; 550 5.1.1 <kijitora@example.co.jp>... User Unknown
--b--
""",
    ),
    "activehunter": (
        True,
        "kijitora@example.com",
        f"""\
From: MAILER-DAEMON@mx.example
Subject: FAILURE NOTICE :
X-AHMAILID: 1
Content-Type: text/plain; charset=utf-8

  ----- The following addresses had permanent fatal errors -----

>>> kijitora@example.com <kijitora@example.com>

  ----- Transcript of session follows -----
550 sorry, no mailbox here by that name (#5.1.1 - chkusr)

{COPY}""",
    ),
    "x1": (
        True,
        "kijitora@example.co.jp",
        f"""\
From: "Mail Deliver System" <noreply@example>
Subject: Returned Mail: Nyaan

The original message was received at Thu, 29 Apr 2010 23:34:45 +0900 (JST)
from shironeko@example.jp

---The following addresses had delivery errors---

kijitora@example.co.jp [User unknown]

{COPY}""",
    ),
    "v5sendmail": (
        True,
        "kijitora@nyaan.jp",
        f"""\
From: MAILER-DAEMON (Mail Delivery Subsystem)
Subject: Returned mail: User unknown

   ----- Transcript of session follows -----
While talking to smtp.nyaan.jp:
>>> RCPT To:<kijitora@nyaan.jp>
<<< 550 <kijitora@nyaan.jp>, User Unknown
550 <kijitora@nyaan.jp>... User unknown

   ----- Unsent message follows -----
{COPY}""",
    ),
    "fr-orange": (
        True,
        "kijitora@orange.example",
        """\
From: MAILER-DAEMON@orange.example
Subject: Message non distribué
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: 8bit

Votre message n'a pas pu être distribué au destinataire suivant :

kijitora@orange.example

L'adresse est inconnue.
""",
    ),
    "mailru": (
        True,
        "kijitora@mail.ru",
        """\
From: mailer-daemon@corp.mail.ru
Subject: =?utf-8?B?0J3QtSDQtNC+0YHRgtCw0LLQu9C10L3Qvg==?=
Content-Type: text/plain; charset=utf-8

Mail failure.

550 user not found kijitora@mail.ru
""",
    ),
    "opensmtpd": (
        False,
        "kijitora@neko.nyaan.jp",
        """\
From: Mailer Daemon <MAILER-DAEMON@openbsd.example>
Subject: Delivery status notification
Content-Type: multipart/report; boundary="a"

--a
Content-Type: text/plain

    Hi!

    This is the MAILER-DAEMON, please DO NOT REPLY to this e-mail.

    An error has occurred while attempting to deliver a message for
    the following list of recipients:

kijitora@neko.nyaan.jp: 550 5.2.2 <kijitora@example>... Mailbox Full

    Below is a copy of the original message:

--a--
""",
    ),
    "exim-frozen": (
        False,
        "kijitora@example.jp",
        f"""\
From: Mail Delivery System <Mailer-Daemon@mx.example>
Subject: Mail delivery failed: returning message to sender
X-Failed-Recipients: kijitora@example.jp

This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  kijitora@example.jp
    retry timeout exceeded

------ This is a copy of the message, including all the headers. ------
{COPY}""",
    ),
    "exim-unroute": (
        True,
        "kijitora@example.jp",
        f"""\
From: Mail Delivery System <Mailer-Daemon@mx.example>
Subject: Mail delivery failed: returning message to sender

This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  kijitora@example.jp
    Unrouteable address

------ This is a copy of the message, including all the headers. ------
{COPY}""",
    ),
    "postfix-hostnotfound": (
        True,
        "kijitora@nowhere.example",
        """\
From: MAILER-DAEMON@mx.example (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: text/plain

This is the mail system at host mx.

<kijitora@nowhere.example>: Host or domain name not found. Name service error for
    name=nowhere.example type=AAAA: Host not found
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx

Final-Recipient: rfc822; kijitora@nowhere.example
Action: failed
Status: 5.4.4
Diagnostic-Code: X-Postfix; Host or domain name not found. Name service error for name=nowhere.example type=AAAA: Host not found
--b--
""",
    ),
    "spf": (
        False,
        "k@gmail.com",
        """\
From: MAILER-DAEMON@mx.example
Subject: Undelivered Mail Returned to Sender
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx

Final-Recipient: rfc822; k@gmail.com
Action: failed
Status: 5.7.26
Diagnostic-Code: smtp; 550-5.7.26 Your email has been blocked because the sender is unauthenticated. Gmail requires all senders to authenticate with either SPF or DKIM.
--b--
""",
    ),
    "gmail-inactive": (
        False,
        "k@gmail.com",
        """\
From: MAILER-DAEMON@mx.example
Subject: Undelivered
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx

Final-Recipient: rfc822; k@gmail.com
Action: failed
Status: 5.2.1
Diagnostic-Code: smtp; 550-5.2.1 The email account that you tried to reach is inactive. For more information
--b--
""",
    ),
    "kddi": (
        True,
        "kijitora@msmx.au.com",
        f"""\
From: no-reply@msmx.au.com
Subject: Mail System Error - Returned Mail

Your mail sent on: Thu, 29 Apr 2010 23:34:45 +0900
Could not be delivered to: <kijitora@msmx.au.com>
As their mailbox is invalid.

{COPY}""",
    ),
    "not-in-the-directory-japanese": (
        True,
        "k@unit.example",
        f"""\
From: postmaster@unit.example
Subject: Undeliverable message
Content-Type: text/plain; charset=utf-8

------- Failure Reasons  --------

指定された宛名はディレクトリにありません
k@unit.example

------- Returned Message --------
{COPY}""",
    ),
    "in-the-directory-but-full-japanese": (
        False,
        "k@unit.example",
        f"""\
From: postmaster@unit.example
Subject: Undeliverable message
Content-Type: text/plain; charset=utf-8

ディレクトリに登録されていますが、メールボックスの容量を超えています
k@unit.example

------- Returned Message --------
{COPY}""",
    ),
    "heading-over-a-refusal": (
        False,
        "k@example.com",
        """\
From: MAILER-DAEMON@gateway.example
Subject: Delivery Status Notification (Failure)
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; gateway.example

Final-Recipient: rfc822;k@example.com
Action: failed
Status: 5.0.0 (permanent failure)
Diagnostic-Code: smtp; 5.1.0 - Unknown address error 550-'5.7.1 <sender@example.jp>... Access denied' (delivery attempts: 0)
--b--
""",
    ),
    "heading-over-an-unknown-user": (
        True,
        "k@example.com",
        """\
From: MAILER-DAEMON@gateway.example
Subject: Delivery Status Notification (Failure)
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; gateway.example

Final-Recipient: rfc822;k@example.com
Action: failed
Status: 5.0.0 (permanent failure)
Diagnostic-Code: smtp; 5.1.0 - Unknown address error 550-'5.1.1 <k@example.com>... User unknown' (delivery attempts: 0)
--b--
""",
    ),
    "reason-after-the-following": (
        True,
        "k@no-such.example",
        """\
From: postmaster@mail.example
Subject: Delivery Notification: Delivery has failed
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: text/plain; charset=us-ascii

This report is about a message with these fields:

  From: Sender <sender@example.jp>
  To: k@no-such.example
  Subject: News

Your message cannot be delivered to the following recipients:

  Recipient address: k@no-such.example
  Reason: Illegal host/domain name found

--b
Content-Type: message/delivery-status

Reporting-MTA: dns;mail.example

Final-Recipient: rfc822;k@no-such.example
Action: failed
Status: 5.4.4 (Illegal host/domain name found)
--b--
""",
    ),
    "post_master": (
        True,
        "0123456789@gateway.example",
        """\
From: post_master@gateway.example
Subject: Re:News
Content-Type: text/plain; charset=us-ascii

Error: Invalid user address

Error message below:
550 - Requested action not taken: no such user here

Message details:
  Subject: News
  MAIL FROM: sender@example.jp
  RCPT TO: 0123456789@gateway.example
""",
    ),
    "hasmoved": (
        True,
        "k@example.com",
        """\
From: postmaster@example.com
Subject: Delivery failure
Content-Type: text/plain

k@example.com is no longer available: this user has left the company.
""",
    ),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_a_bounce_in_words_is_understood(name: str, ends: str) -> None:
    hard, recipient, raw = CASES[name]
    charset = "latin-1" if "iso-8859-1" in raw else "utf-8"
    report = read_report((HEAD + raw).replace("\n", ends).encode(charset))
    assert report.kind is Kind.BOUNCE
    assert [item.recipient for item in report.evidence] == [recipient]
    assert any(item.is_hard for item in report.evidence) is hard
