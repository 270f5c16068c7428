"""From the form to a confirmed subscription, by every road and with every kind of rubbish."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from newsletter.web.public.forms import PURPOSE
from tests.functional.conftest import House, path_in

ADDRESS = "kofi@exemple.test"


def confirmed(house: House, email: str = ADDRESS) -> str:
    """Subscribe and confirm; the path of the link that was used."""
    house.reader().post("/n/depeche", data={"email": email})
    house.work()
    path = path_in(house.mails(email)[-1], "confirm")
    assert house.reader().post(path).status_code == 200
    return path


@pytest.mark.parametrize("path", ["/", "/n/depeche", "/subscribe"])
def test_a_reader_signs_up_at_any_address_of_the_form(house: House, path: str):
    answer = house.reader().post(path, data={"email": ADDRESS, "newsletter": "depeche"})
    assert answer.status_code == 200
    house.work()
    assert len(house.mails(ADDRESS)) == 1


def test_a_script_signs_up_by_json(house: House):
    answer = house.reader().post("/subscribe", json={"email": ADDRESS, "newsletter": "depeche"})
    assert answer.status_code == 202
    assert answer.json["status"] == "confirm"
    house.work()
    assert len(house.mails(ADDRESS)) == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"email": "no address", "newsletter": "depeche"}, 422),
        ({"email": ADDRESS, "newsletter": "nothing"}, 422),
        ({"email": 12, "newsletter": "depeche"}, 400),
        (["email"], 400),
        ("text", 400),
    ],
)
def test_json_that_makes_no_sense_is_refused_as_json(house: House, body: object, status: int):
    answer = house.reader().post("/subscribe", json=body)
    assert answer.status_code == status
    assert answer.is_json
    assert (
        house.reader().post("/subscribe", data=b'{"email": "\xff', content_type="application/json").status_code == 400
    )


def test_a_get_confirms_nothing_and_a_post_does(house: House):
    house.reader().post("/n/depeche", data={"email": ADDRESS})
    house.work()
    path = path_in(house.mails(ADDRESS)[0], "confirm")
    for _scanner in range(3):
        assert house.reader().get(path).text.count("<form") == 2
        assert house.reader().head(path).status_code == 200
    assert house.send_digest("depeche")
    assert len(house.mails(ADDRESS)) == 1
    answer = house.reader().post(path)
    assert answer.status_code == 200
    assert "/p/" in answer.text


def test_confirming_twice_is_confirming_once(house: House):
    path = confirmed(house)
    assert house.reader().post(path).status_code == 200
    later = house.reader().get(path)
    assert later.status_code == 200
    assert "<form" not in later.text
    assert "/p/" not in later.text  # who finds an old mail does not get the keys to the preferences


def test_forged_and_unknown_links_get_the_same_page(house: House):
    answers = {
        path: house.reader().get(path)
        for path in ("/confirm/x", "/confirm/" + "A" * 24, "/confirm/" + "é" * 500, "/confirm/%FF%00")
    }
    assert {answer.status_code for answer in answers.values()} == {404}
    assert len({answer.text for answer in answers.values()}) == 1
    assert house.reader().post("/confirm/x").status_code == 404
    assert house.reader().post("/confirm/x/refuse").status_code == 404


def test_a_link_older_than_seven_days_says_so_and_leads_back_to_the_form(house: House):
    house.reader().post("/n/depeche", data={"email": ADDRESS})
    house.work()
    path = path_in(house.mails(ADDRESS)[0], "confirm")
    with time_machine.travel(datetime.now(UTC) + timedelta(days=8), tick=True):
        for answer in (house.reader().get(path), house.reader().post(path)):
            assert answer.status_code == 410
            assert 'href="/n/depeche"' in answer.text


def test_whoever_did_not_ask_can_forbid_every_further_mail(house: House):
    house.reader().post("/n/depeche", data={"email": ADDRESS})
    house.work()
    path = path_in(house.mails(ADDRESS)[0], "confirm")
    assert house.reader().post(path + "/refuse").status_code == 200
    assert house.reader().post(path + "/refuse").status_code == 200
    assert house.reader().post(path).status_code == 410
    with time_machine.travel(datetime.now(UTC) + timedelta(days=30), tick=True):
        again = house.reader().post("/n/depeche", data={"email": ADDRESS})
        house.work()
    assert again.status_code == 200
    assert len(house.mails(ADDRESS)) == 1


def test_a_confirmed_subscription_cannot_be_refused_by_its_old_link(house: House):
    path = confirmed(house)
    house.reader().post(path + "/refuse")
    house.send_digest("depeche")
    assert len(house.mails(ADDRESS)) == 2


def test_the_answer_is_the_same_for_new_pending_active_and_refused_addresses(house: House):
    confirmed(house, "active@exemple.test")
    house.reader().post("/n/depeche", data={"email": "pending@exemple.test"})
    house.reader().post("/n/depeche", data={"email": "refused@exemple.test"})
    house.work()
    house.reader().post(path_in(house.mails("refused@exemple.test")[0], "confirm") + "/refuse")
    answers = {}
    for word in ("unknown", "pending", "active", "refused"):
        answer = house.reader().post("/n/depeche", data={"email": f"{word}@exemple.test"})
        answers[word] = (answer.status_code, answer.text.replace(word, "x"), sorted(answer.headers.keys()))
    assert len({str(answer) for answer in answers.values()}) == 1


def test_a_machine_that_fills_the_hidden_field_gets_the_usual_answer_and_no_mail(house: House):
    person = house.reader().post("/n/depeche", data={"email": ADDRESS})
    machine = house.reader().post("/n/depeche", data={"email": "robo@exemple.test", "website": "http://spam.example"})
    assert machine.status_code == person.status_code
    assert machine.text.replace("robo@", "kofi@") == person.text
    house.work()
    assert house.mails("robo@exemple.test") == []


def test_the_hidden_field_is_out_of_sight_for_eyes_keys_and_screen_readers(house: House):
    page = house.reader().get("/n/depeche").text
    field = re.search(r'<div class="hp" aria-hidden="true">.*?</div>', page)
    assert field
    assert 'tabindex="-1"' in field[0]
    assert 'autocomplete="off"' in field[0]


def test_a_form_left_open_for_days_asks_for_one_more_press_and_keeps_the_entry(house: House):
    page = house.reader().get("/n/depeche").text
    stamped = re.search(r'name="t" value="([^"]+)"', page)
    assert stamped
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=25), tick=True):
        answer = house.reader().post("/n/depeche", data={"email": ADDRESS, "t": stamped[1]})
        assert answer.status_code == 422
        assert f'value="{ADDRESS}"' in answer.text
        fresh = re.search(r'name="t" value="([^"]+)"', answer.text)
        assert fresh
        assert house.reader().post("/n/depeche", data={"email": ADDRESS, "t": fresh[1]}).status_code == 200
    for forged in ("x", house.installation.signer.sign("other", 2_000_000_000), "\x00" * 30):
        assert house.reader().post("/n/depeche", data={"email": ADDRESS, "t": forged}).status_code == 422
    good = house.installation.signer.sign(PURPOSE, int(datetime.now(UTC).timestamp()))
    assert house.reader().post("/n/depeche", data={"email": ADDRESS, "t": good}).status_code == 200


def test_a_form_that_is_replayed_sends_one_mail(house: House):
    answers = {house.reader().post("/n/depeche", data={"email": ADDRESS}).status_code for _press in range(5)}
    assert answers == {200}
    house.work()
    assert len(house.mails(ADDRESS)) == 1


def test_too_many_requests_from_one_network_get_the_same_answer_and_no_mail(house: House):
    texts = set()
    for number in range(33):
        answer = house.reader(f"198.51.100.{number}").post("/n/depeche", data={"email": f"r{number}@d{number}.test"})
        assert answer.status_code == 200
        texts.add(re.sub(r"r\d+@d\d+", "", answer.text))
    assert len(texts) == 1
    house.work()
    assert len(house.mails()) == 30
    house.reader("192.0.2.1").post("/n/depeche", data={"email": "elsewhere@exemple.test"})
    house.work()
    assert len(house.mails("elsewhere@exemple.test")) == 1


def test_the_operators_own_machine_is_not_counted(house: House):
    for number in range(33):
        house.reader("127.0.0.1").post("/n/depeche", data={"email": f"r{number}@d{number}.test"})
    house.work()
    assert len(house.mails()) == 33


@pytest.mark.parametrize(
    "email",
    [
        "",
        "   ",
        "kofi",
        "kofi@",
        "@exemple.test",
        "kofi@exemple",
        "a b@exemple.test",
        "kofi@exemple.test, afi@exemple.test",
        "kofi@exemple.test\r\nBcc: afi@exemple.test",
        "kofi@exemple.test\nSubject: x",
        "kofi\x00@exemple.test",
        "kofi\u202e@exemple.test",
        "kofi@exem\u200eple.test",
        "<script>alert(1)</script>@exemple.test",
        '"><img src=x>@exemple.test',
        "k" * 400 + "@exemple.test",
        "kofi@" + "exemple." * 50 + "test",
        "x" * 10_000,
        "ko\ufffdfi@exemple\ufffd.test",
        "=?utf-8?q?kofi?=@exemple .test",
    ],
)
def test_what_is_no_address_is_refused_in_words_with_the_entry_kept(house: House, email: str):
    answer = house.reader().post("/n/depeche", data={"email": email})
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text
    assert 'id="email-error"' in answer.text
    assert "<script>alert" not in answer.text
    assert "<img" not in answer.text
    assert len(answer.data) < 10_000
    house.work()
    assert house.mails() == []


@pytest.mark.parametrize(
    ("typed", "sent_to"),
    [
        ("  kofi@exemple.test ", "kofi@exemple.test"),
        ("Kofi.A+nouvelles@Exemple.TEST", "Kofi.A+nouvelles@exemple.test"),
        ("kofi@éxemple.test", "kofi@xn--xemple-9ua.test"),
    ],
)
def test_what_is_an_address_is_taken_as_typed(house: House, typed: str, sent_to: str):
    assert house.reader().post("/n/depeche", data={"email": typed}).status_code == 200
    house.work()
    assert len(house.mails(sent_to)) == 1


def test_an_address_with_markup_in_it_is_shown_as_text(house: House):
    answer = house.reader().post("/n/depeche", data={"email": "a&b'c@exemple.test"})
    assert answer.status_code == 200
    assert "a&amp;b&#39;c@exemple.test" in answer.text


def test_bytes_in_another_encoding_are_refused_and_break_nothing(house: House):
    body = "email=ren\u00e9@exemple.test&newsletter=depeche".encode("latin-1")
    answer = house.reader().post("/n/depeche", data=body, content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 422
    answer = house.reader().post(
        "/n/depeche", data=b"\xff\xfe\x00 rubbish", content_type="multipart/form-data; boundary=x"
    )
    assert answer.status_code in (400, 422)
    answer = house.reader().post("/n/depeche", data=b"email=kofi%40exemple.test", content_type="text/plain")
    assert answer.status_code == 422


@pytest.mark.parametrize("path", ["/", "/n/depeche", "/subscribe", "/u/x", "/p/x"])
def test_a_post_that_is_too_large_is_refused(house: House, path: str):
    answer = house.reader().post(path, data={"email": "x" * 70_000})
    assert answer.status_code == 413
    assert "<h1>" in answer.text


def test_a_newsletter_that_does_not_exist_is_said_so(house: House):
    assert house.reader().get("/n/nothing").status_code == 404
    assert house.reader().post("/n/nothing", data={"email": ADDRESS}).status_code == 404
    for name in ("nothing", "x" * 10_000, "depeche\r\nBcc: x", "../depeche", "\u202edepeche", "<b>"):
        answer = house.reader().post("/", data={"email": ADDRESS, "newsletter": name})
        assert answer.status_code == 422
        assert f'value="{ADDRESS}"' in answer.text
    house.work()
    assert house.mails() == []


def test_an_unknown_parameter_or_field_changes_nothing(house: House):
    assert house.reader().get("/n/depeche?lang=xx&x=" + "y" * 5000).status_code == 200
    data = {"email": ADDRESS, "status": "active", "confirmed": "1"}
    assert house.reader().post("/n/depeche?status=active", data=data).status_code == 200
    house.work()
    assert len(house.mails(ADDRESS)) == 1
    house.send_digest("depeche")
    assert len(house.mails(ADDRESS)) == 1


def test_english_is_spoken_from_the_form_to_the_mail(house: House):
    answer = house.reader().post("/n/depeche?lang=en", data={"email": ADDRESS}, headers={"Accept-Language": "fr"})
    assert "One more click" in answer.text
    house.work()
    assert "confirm" in house.mails(ADDRESS)[0].text.lower()
