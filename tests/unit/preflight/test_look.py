"""What is found by looking at a message, each check from both sides; and that a hostile one takes no time."""

from time import perf_counter

import pytest

from newsletter.delivery import slots
from newsletter.issues.preflight import pictures
from newsletter.issues.preflight.findings import Level, fatal, from_document
from newsletter.issues.preflight.look import Copy, addresses, look

OUT = "https://news.example/u/token"
HEAD = '<!doctype html><html lang="fr"><head><title>La Gazette</title></head>'
WAY_OUT = f'<a href="{OUT}" style="color:#003366">Se désabonner</a>'
TEXT = f"Le pont rouvre.\n\nSe désabonner : {OUT}\n"
FILLED = {slots.SLOT_UNSUBSCRIBE: OUT}


def copy(body: str = "", *, head: str = HEAD, way_out: str = WAY_OUT, **values: object) -> Copy:
    html = f'{head}<body style="background:#ffffff"><p>Le pont rouvre.</p>{body}{way_out}</body></html>'
    given = {"subject": "Le pont rouvre", "preheader": "On y passe de nouveau", "html": html, "text": TEXT}
    return Copy(**({"values": FILLED} | given | values))  # type: ignore[arg-type]


def keys(found: Copy) -> set[str]:
    return {finding.key for finding in look(found) if finding.level is not Level.NOTICE}


def notices(found: Copy) -> set[str]:
    return {finding.key for finding in look(found) if finding.level is Level.NOTICE}


def test_nothing_is_wrong_with_a_good_message() -> None:
    assert keys(copy()) == set()


@pytest.mark.parametrize(
    ("body", "key"),
    [
        ('<img src="https://i.example/a.png" width="10" height="10">', "picture_no_alt"),
        ('<img src="http://i.example/a.png" alt="" width="10" height="10">', "picture_http"),
        ('<img src="/a.png" alt="" width="10" height="10">', "picture_nowhere"),
        ('<img src="data:image/png;base64,AAAA" alt="" width="10" height="10">', "picture_inside"),
        ('<a href="">lire</a>', "link_empty"),
        ('<a href="#">lire</a>', "link_empty"),
        ('<a href="/article/1">lire</a>', "link_relative"),
        ('<a href="www.gazette.example">lire</a>', "link_relative"),
        ('<a href="javascript:alert(1)">lire</a>', "link_script"),
        ('<a href="http://gazette.example/1">lire</a>', "link_http"),
        ('<a href="https://bit.ly/abc">lire</a>', "link_shortened"),
        ('<a href="https://evil.example/">https://banque.example/compte</a>', "link_shown_otherwise"),
        ('<a href="https://evil.example/">www.banque.example</a>', "link_shown_otherwise"),
        ('<a href="https://gazette.example/"><span></span></a>', "link_silent"),
        ("<script>alert(1)</script>", "active"),
        ('<form action="https://x.example"></form>', "active"),
        ('<iframe src="https://x.example"></iframe>', "active"),
        ('<p onclick="x()">texte</p>', "active"),
        ('<p style="position:absolute">texte</p>', "positioned"),
        ('<p style="font-size:11px">petit</p>', "text_small"),
        ('<p style="font:11px/1.4 Arial">petit</p>', "text_small"),
        ('<p style="color:#999">pâle</p>', "contrast_low"),
        ('<p style="color:rgb(150, 150, 150)">pâle</p>', "contrast_low"),
        ('<table bgcolor="#222222"><tr><td style="color:#333">sombre</td></tr></table>', "contrast_low"),
        ("<p>{{ prenom }}</p>", "slot_foreign"),
        ("<p>*|FNAME|*</p>", "slot_foreign"),
        ("<p>%%NAME%%</p>", "slot_foreign"),
        (f"<p>{slots.field_slot('name', 'lecteur')}</p>", "slot_unknown"),
        ("<p>@@FOO@@</p>", "slot_unknown"),
    ],
)
def test_what_is_wrong_is_found(body: str, key: str) -> None:
    assert key in keys(copy(body))


@pytest.mark.parametrize(
    "body",
    [
        '<img src="https://i.example/a.png" alt="" width="10" height="10">',
        '<a href="https://gazette.example/1">gazette.example</a>',
        '<a href="https://www.gazette.example/1">https://gazette.example/une-autre-page</a>',
        '<a href="https://suivi.gazette.example/1">gazette.example</a>',
        '<a href="https://gazette.example/">Lire rapport.pdf</a>',
        '<a href="mailto:desk@gazette.example">écrire</a>',
        '<a href="#suite">plus bas</a>',
        '<a href="https://gazette.example/"><img src="https://i.example/a.png" alt="Le pont" width="1" height="9"></a>',
        '<p style="position:static">texte</p>',
        '<p style="font-size:14px">assez grand</p>',
        '<p style="color:#949494;font-size:24px">grand et assez foncé</p>',
        '<p style="color:#fff;background:#222">blanc</p>',
        '<p style="display:none;color:#fff">caché</p>',
        '<p style="color:#fff;background-image:url(https://i.example/a.png)">sur une image</p>',
        "<p>Le code {{}} et 100 %% de prix</p>",
        f"<p>{slots.protect('@@FOO@@')}</p>",
        "<!-- <script> --><p>texte</p>",
    ],
)
def test_what_is_right_is_left_alone(body: str) -> None:
    assert keys(copy(body)) == set()


def test_a_link_that_shows_another_domain_is_told_with_both() -> None:
    (finding,) = [
        item for item in look(copy('<a href="https://evil.example/x">banque.example</a>')) if "otherwise" in item.key
    ]
    assert finding.where == ("banque.example → https://evil.example/x",)


def test_dark_styles_are_judged_by_themselves() -> None:
    style = (
        "<style>@media (prefers-color-scheme:dark){body{background:#111!important}.ink{color:#222!important}}</style>"
    )
    dark = copy('<p class="ink" style="color:#000">encre</p>', head=HEAD.replace("</head>", f"{style}</head>"))
    assert "contrast_low_in_dark" in keys(dark)
    assert "contrast_low" not in keys(dark)
    mended = copy(
        '<p class="ink" style="color:#000">encre</p>',
        head=HEAD.replace("</head>", f"{style.replace('.ink{color:#222', 'p,a{color:#eee')}</head>"),
    )
    assert "contrast_low_in_dark" not in keys(mended)


def test_a_rule_counts_where_its_selector_says() -> None:
    style = "<style>.box > p{color:#aaa} .box .deep{color:#bbb} #one{color:#ccc}</style>"
    head = HEAD.replace("</head>", f"{style}</head>")
    assert "contrast_low" in keys(copy('<div class="box"><p>enfant</p></div>', head=head))
    assert "contrast_low" not in keys(copy('<div class="box"><div><p>petit-enfant</p></div></div>', head=head))
    assert "contrast_low" in keys(copy('<div class="box"><div><b class="deep">profond</b></div></div>', head=head))
    assert "contrast_low" in keys(copy('<p id="one">un</p>', head=head))
    assert "contrast_low" not in keys(copy('<p id="one" style="color:#000">un</p>', head=head))


def test_a_way_out_is_a_must() -> None:
    without = copy(way_out="")
    assert [item.key for item in fatal(look(without))] == ["no_way_out"]
    assert keys(copy(text="Le pont rouvre.")) == {"no_way_out_in_text"}
    assert [item.key for item in fatal(look(copy(html="", text="Le pont rouvre.")))] == ["no_way_out_in_text"]
    assert fatal(look(copy(html=""))) == []


@pytest.mark.parametrize(
    ("subject", "key", "level"),
    [
        ("", "subject_empty", Level.FATAL),
        (" \u200b ", "subject_empty", Level.FATAL),
        ("Le pont " * 8, "subject_long", Level.NOTICE),
        ("Le pont " * 12, "subject_too_long", Level.WARNING),
        ("LE PONT ROUVRE ENFIN", "subject_capitals", Level.WARNING),
        ("Le pont\x07 rouvre", "subject_controls", Level.WARNING),
        ("Le \u202epont rouvre", "subject_controls", Level.WARNING),
    ],
)
def test_subjects(subject: str, key: str, level: Level) -> None:
    assert (key, level) in {(item.key, item.level) for item in look(copy(subject=subject))}


@pytest.mark.parametrize("subject", ["Le pont rouvre", "UE : un accord", "L’OTAN", "é" * 60])
def test_good_subjects(subject: str) -> None:
    assert not {key for key in keys(copy(subject=subject)) | notices(copy(subject=subject)) if "subject" in key}


def test_preheaders() -> None:
    assert "preheader_missing" in notices(copy(preheader=" "))
    assert "preheader_repeats" in keys(copy(preheader="le pont ROUVRE"))
    assert "preheader_long" in notices(copy(preheader="On y passe. " * 15))
    assert not {key for key in notices(copy()) if "preheader" in key}


def test_language_and_title() -> None:
    assert {"language_missing", "title_missing"} <= keys(copy(head="<html><head></head>"))
    assert "title_missing" in keys(copy("<svg><title>pont</title></svg>", head='<html lang="fr"><head></head>'))


def test_the_text_has_to_say_the_same() -> None:
    long = "<p>" + " ".join(f"mot{number}" for number in range(60)) + "</p>"
    assert "text_differs" in keys(copy(long))
    assert "text_differs" not in keys(copy(long, text=TEXT + " ".join(f"mot{number}" for number in range(60))))
    assert "text_missing" in keys(copy(text=" \n"))


def test_gmail_cuts_what_is_long_and_it_is_said_what_to_shorten() -> None:
    styled = '<p style="margin:0 0 0 0;padding:0 0 0 0">a</p>'
    found = {item.key: item.params for item in look(copy(styled * 2000, text=TEXT + "a"))}
    assert found["gmail_nearly_cuts"]["shorten"] == "styles"
    found = {item.key: item.params for item in look(copy(f"<p>{'mot ' * 30000}</p>"))}
    assert found["gmail_cuts"] == {"kilobytes": 120, "most": 102, "shorten": "words"}
    assert not {key for key in keys(copy(f"<p>{'mot ' * 20000}</p>")) if "gmail" in key}


def test_pictures_are_weighed() -> None:
    assert pictures.weigh({"https://i.example/a.jpg": 399_000}) == []
    (heavy,) = pictures.weigh({"https://i.example/a.jpg": 800_000, "https://i.example/b.jpg": 9})
    assert (heavy.key, heavy.params["kilobytes"]) == ("picture_heavy", 800)
    assert [item.key for item in pictures.weigh({f"https://i.example/{n}.jpg": 300_000 for n in range(6)})] == [
        "pictures_heavy"
    ]


def test_pictures_without_a_size_are_a_notice() -> None:
    assert "picture_no_size" in notices(copy('<img src="https://i.example/a.png" alt="" width="10">'))
    assert "picture_no_size" not in notices(copy('<img src="https://i.example/a.png" alt="" width="10" height="1">'))


def test_programs_are_named_the_most_used_first() -> None:
    found = {item.params["feature"]: item for item in look(copy("<video></video>")) if item.key == "left_out_by"}
    video = found["<video> element"]
    assert video.params["programs"][0] == "Gmail (webmail)"
    assert len(video.params["programs"]) == 5
    assert video.params["more"] > 5
    assert not [item for item in look(copy()) if "<video>" in str(item.params)]


@pytest.mark.parametrize(
    ("body", "feature"),
    [
        ('<p style="display:flex">x</p>', "display:flex"),
        ('<p style="width:calc(1px + 2px)">x</p>', "CSS calc() function"),
        ('<p style="border-radius:3px">x</p>', "border-radius"),
        ('<p style="margin:2rem">x</p>', "rem unit"),
        ("<style>a:hover{color:#000}</style>", ":hover"),
        ("<style>@font-face{font-family:x}</style>", "@font-face"),
        ("<style>@import url(x.css);</style>", "@import"),
        ("<style>@media (orientation:portrait){p{color:#000}}</style>", "@media (orientation)"),
        ('<img src="https://i.example/a.webp?x=1" alt="" width="1" height="2">', "webP image format"),
        ('<input type="checkbox">', '<input type="checkbox"> element'),
    ],
)
def test_features_are_recognised(body: str, feature: str) -> None:
    used = {item.params["feature"] for item in look(copy(body)) if item.key == "left_out_by"}
    unused = {item.params["feature"] for item in look(copy()) if item.key == "left_out_by"}
    assert feature in used - unused


def test_addresses_are_told_once() -> None:
    body = (
        '<a href="https://a.example/1">un</a><a href="https://a.example/1">deux</a><img src="https://i.example/a.png">'
    )
    assert addresses(copy(body)) == (["https://a.example/1", OUT], ["https://i.example/a.png"])


def test_findings_survive_being_kept() -> None:
    for finding in look(copy('<p style="color:#999">pâle</p><video></video>')):
        assert from_document(finding.as_document()) == finding


@pytest.mark.parametrize(
    "html",
    [
        "<div>" * 100_000,
        "<p>" * 3 + "</b>" * 200_000,
        "<" * 500_000,
        "<a href='" + "x" * 500_000,
        '<p style="' + "color:red;" * 100_000 + '">x',
        '<p style="color:' + " " * 500_000 + 'red">x',
        "<style>" + ".a .b .c .d{color:red}" * 20_000 + "</style>" + "<p class='a b c d'>x" * 12_000,
        "<style>*{color:red}" + "* * * * * *{color:red}" * 2000 + "</style>" + "<div>x" * 12_000,
        "<style>" + "{" * 300_000,
        "<style>" + "/*" * 200_000,
        "<img " + "a" * 500_000 + ">",
        "@@A" * 200_000,
        "{{" * 300_000,
    ],
    ids=range(13),
)
def test_a_hostile_message_takes_no_time(html: str) -> None:
    began = perf_counter()
    look(Copy("s", "p", html, html))
    assert perf_counter() - began < 12
