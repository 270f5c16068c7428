"""Each story is told twice: on one machine by `newsletter up`, and on PostgreSQL and Valkey with a process a role, two
for digests.

The parts are real and are started once for all stories of a shape; each test has a newsletter of its own in them.
"""

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.functional.stories.people import Newsroom
from tests.support.service import MANY_PROCESSES, ONE_MACHINE, Service
from tests.support.valkey import valkey

NUMBERS = itertools.count(1)
# One test process tells all stories of a shape, so that each service is started once.
SHAPES = [
    pytest.param(name, id=name, marks=[pytest.mark.xdist_group(f"stories-{name}")])
    for name in ("embedded", "production")
]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "travels: the service lives at another hour afterwards")


@pytest.hookimpl(tryfirst=True)  # before the tests of one shape are brought together
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Travel last: a worker whose clock was set sleeps through wake-ups, and its sweep does the work."""
    items.sort(key=lambda item: item.get_closest_marker("travels") is not None)


@pytest.fixture(scope="session", params=SHAPES)
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A running service of one of the two shapes."""
    directory = tmp_path_factory.mktemp("service")
    with ExitStack() as stack:
        if request.param == "embedded":
            made = Service(directory, ONE_MACHINE)
        else:
            new_database: Callable[[str], str] = request.getfixturevalue("new_postgres_database")
            settings = {"DATABASE_URL": new_database("stories"), "BROKER_URL": stack.enter_context(valkey())}
            made = Service(directory, MANY_PROCESSES, settings)
        stack.callback(made.close)
        yield made.start()
        assert set(made.stop()) == {0}
        assert "Traceback" not in made.log


@pytest.fixture
def newsroom(service: Service, tmp_path: Path) -> Iterator[Newsroom]:
    """A newsletter that nobody else uses, made by command, with three articles."""
    made = Newsroom(service, slug=f"n{next(NUMBERS)}", directory=tmp_path)
    made.file_article(
        "Le pont sur le Zio rouvre", "Le pont rouvre lundi après six mois de travaux. Les camions y passent."
    )
    made.file_article(
        "Le marché change de jour", "Le marché de Tsévié se tient désormais le jeudi, à partir de six heures."
    )
    made.file_article(
        "La pluie est revenue", "Les premières pluies ont touché la région maritime dans la nuit de mardi."
    )
    yield made
    service.relay.hurry()
    service.relay.down = False
