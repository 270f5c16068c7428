"""A picture is fetched once for all articles that show it, and a server that fails is asked again, but not for ever."""

import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from PIL import Image
from sqlalchemy import select

from newsletter.articles import editing, pictures
from newsletter.articles.models import Article, Picture, PictureStatus
from newsletter.core import jobs
from newsletter.core.targets import FetchError
from tests.support.http_server import answer, scripted_server
from tests.support.newsroom import Newsroom, draft

ADDRESS = "https://pictures.example/pont.png"


def png(width: int = 640, height: int = 360) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height), (30, 90, 200)).save(file, "PNG")
    return file.getvalue()


class Web:
    """The servers that have the pictures; what it is asked, it remembers."""

    def __init__(self, says: bytes | Exception = b"") -> None:
        self.says = says or png()
        self.asked: list[str] = []

    def __call__(self, url: str) -> bytes:
        self.asked.append(url)
        if isinstance(self.says, Exception):
            raise self.says
        return self.says


def fetch(newsroom: Newsroom, web: Callable[[str], bytes]) -> int:
    return pictures.fetch_due(newsroom.database, web, clock=newsroom.clock)


def picture_of(newsroom: Newsroom, article: Article) -> Picture | None:
    with newsroom.database.reading() as session:
        return pictures.of_article(session, session.get_one(Article, article.id))


def ready(newsroom: Newsroom, *articles: Article) -> dict[int, pictures.ReadyPicture]:
    with newsroom.database.reading() as session:
        return pictures.ready(session, [article.id for article in articles])


def test_a_picture_is_fetched_once_and_shown_by_every_article_that_has_it(newsroom: Newsroom) -> None:
    gazette, web = newsroom.newsletter(), Web()
    one = newsroom.article(gazette, "Le pont", url="https://a.example/1", image_url=ADDRESS)
    other = newsroom.article(gazette, "La crue", url="https://b.example/2", image_url=ADDRESS + "#top")
    bare = newsroom.article(gazette, "Sans image", url="https://b.example/3")
    assert ready(newsroom, one, other, bare) == {}
    assert fetch(newsroom, web) == 1
    assert web.asked == [ADDRESS]
    found = ready(newsroom, one, other, bare)
    assert set(found) == {one.id, other.id}
    assert found[one.id] == found[other.id]
    assert (found[one.id].width, found[one.id].height, found[one.id].content_type) == (640, 360, "image/jpeg")
    with newsroom.database.reading() as session:
        file = pictures.file_of(session, found[one.id].key)
    assert file is not None
    assert (Image.open(io.BytesIO(file[0])).size, file[1]) == ((640, 360), "image/jpeg")
    assert fetch(newsroom, web) == 0


def test_a_later_article_with_a_known_picture_has_it_at_once(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    newsroom.article(gazette, "Le pont", url="https://a.example/1", image_url=ADDRESS)
    fetch(newsroom, Web())
    later = newsroom.article(gazette, "La crue", url="https://a.example/2", image_url=ADDRESS)
    assert set(ready(newsroom, later)) == {later.id}


def test_a_worker_is_woken_when_there_is_something_to_fetch_and_only_then(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()

    def wakes(url: str, image_url: str | None) -> list[jobs.Wake]:
        with newsroom.database.unit() as session:
            given = draft("Le pont", url=url, image_url=image_url)
            editing.add_article(session, given, newsletter_id=gazette.id, topic_id=None, now=newsroom.now)
            return jobs.collected(session)

    assert wakes("https://a.example/1", ADDRESS) == [jobs.Wake(jobs.FETCH_PICTURES, ())]
    assert wakes("https://a.example/2", None) == []
    assert wakes("https://a.example/3", "javascript:alert(1)") == []
    fetch(newsroom, Web())
    assert wakes("https://a.example/4", ADDRESS) == []


def test_a_server_that_fails_is_asked_again_later_and_the_fifth_failure_is_the_last(newsroom: Newsroom) -> None:
    web = Web(FetchError("pictures.example answered with status 503."))
    article = newsroom.article(newsroom.newsletter(), image_url=ADDRESS)
    for wait in (*pictures.WAITS, None):
        assert fetch(newsroom, web) == 1
        assert fetch(newsroom, web) == 0
        found = picture_of(newsroom, article)
        assert found is not None
        assert found.reason == "pictures.example answered with status 503."
        if wait is not None:
            assert (found.status, found.next_attempt_at) == (PictureStatus.PENDING, newsroom.now + wait)
            newsroom.now += wait
    assert (found.status, found.next_attempt_at, found.attempts) == (PictureStatus.REFUSED, None, 5)
    newsroom.pass_time(days=30)
    assert fetch(newsroom, web) == 0


def test_a_server_that_comes_back_is_believed(newsroom: Newsroom) -> None:
    web = Web(FetchError("pictures.example could not be reached."))
    article = newsroom.article(newsroom.newsletter(), image_url=ADDRESS)
    fetch(newsroom, web)
    newsroom.pass_time(minutes=3)
    web.says = png()
    fetch(newsroom, web)
    found = picture_of(newsroom, article)
    assert found is not None
    assert (found.status, found.reason, found.next_attempt_at) == (PictureStatus.READY, None, None)


def test_what_is_no_picture_is_refused_at_once_in_words(newsroom: Newsroom) -> None:
    article = newsroom.article(newsroom.newsletter(), image_url=ADDRESS)
    fetch(newsroom, Web(png(1, 1)))
    found = picture_of(newsroom, article)
    assert found is not None
    assert (found.status, found.reason, found.attempts) == (PictureStatus.REFUSED, "It is too small: 1 by 1 pixels.", 1)
    assert ready(newsroom, article) == {}


def test_what_a_dead_worker_had_in_hand_is_fetched_by_another_and_not_for_ever(newsroom: Newsroom) -> None:
    article = newsroom.article(newsroom.newsletter(), image_url=ADDRESS)
    for attempt in range(5):
        with pytest.raises(MemoryError):
            fetch(newsroom, Web(MemoryError()))
        assert fetch(newsroom, Web()) == 0, attempt
        newsroom.now += pictures.LEASE
    assert fetch(newsroom, Web()) == 1
    found = picture_of(newsroom, article)
    assert found is not None
    assert found.status is PictureStatus.REFUSED


def test_two_workers_fetch_no_picture_twice(newsroom: Newsroom) -> None:
    gazette, web = newsroom.newsletter(), Web()
    for number in range(20):
        url = f"https://a.example/{number}"
        newsroom.article(gazette, f"Titre {number}", url=url, image_url=f"{ADDRESS}?{number}")
    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(lambda _: fetch(newsroom, web), range(2))) == 20
    assert len(web.asked) == len(set(web.asked)) == 20


def test_no_transaction_is_open_while_the_network_is_waited_for(newsroom: Newsroom) -> None:
    article = newsroom.article(newsroom.newsletter(), image_url=ADDRESS)

    def web(_url: str) -> bytes:
        with newsroom.database.unit() as session:  # on SQLite there is one writer
            session.get_one(Article, article.id).author = "Afi"
        return png()

    assert fetch(newsroom, web) == 1


def test_a_picture_that_the_source_exchanges_is_exchanged(newsroom: Newsroom) -> None:
    article = newsroom.article(newsroom.newsletter(), image_url=ADDRESS)
    fetch(newsroom, Web())
    with newsroom.database.unit() as session:
        own = session.get_one(Article, article.id)
        assert editing.revise_article(session, own, draft(image_url=ADDRESS + "?new"), now=newsroom.now)
    assert ready(newsroom, article) == {}
    fetch(newsroom, Web(png(300, 200)))
    assert ready(newsroom, article)[article.id].width == 300
    with newsroom.database.reading() as session:
        assert len(session.scalars(select(Picture)).all()) == 2


def test_a_picture_comes_over_the_wire_from_public_servers_only() -> None:
    with scripted_server(answer(png(), content_type="image/png")) as server:
        assert pictures.fetcher(("127.0.0.1",))(server.url) == png()
    with scripted_server(answer(b"<html>", content_type="text/html")) as server, pytest.raises(FetchError):
        pictures.fetcher(("127.0.0.1",))(server.url)
    with scripted_server(answer(png(), content_type="image/png")) as server, pytest.raises(FetchError):
        pictures.fetcher(())(server.url)


def test_a_picture_in_hand_is_fetched_before_another_worker_may_take_it() -> None:
    assert timedelta(seconds=pictures.SECONDS) * pictures.AT_ONCE < pictures.LEASE
