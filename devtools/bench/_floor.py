"""What check-in is measured against: the bare service (`_bare`) behind a gateway of its own."""

from devtools.bench import _bare
from devtools.bench._client import start_beside
from devtools.children import free_port
from devtools.servers import admin_connection, plain_url
from devtools.supervisor import System


def start_floor(system: System) -> int:
    """A second gateway in front of the bare service; its port."""
    place = system.installation
    with admin_connection(place.admin_url, place.database("checkin")) as connection:
        connection.execute(_bare.TABLE)
    url = plain_url(place.admin_url, database=place.database("checkin"))
    bare_port, gateway_port = free_port(), free_port()
    start_beside(
        system, "bare", "checkin", bare_port,
        target="devtools.bench._bare:create_app", environment={"HUZHU_BENCH_DATABASE_URL": url},
    )  # fmt: skip
    start_beside(
        system, "floor", "gateway", gateway_port, environment={"HUZHU_CHECKIN_URL": f"http://127.0.0.1:{bare_port}"}
    )
    return gateway_port
