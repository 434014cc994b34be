"""v2 beside keys: the activity log, thin events, event destinations."""

from collections.abc import Iterator

import pytest
from stripe.v2.core import Event, EventDestination

from ir.drill.twin import StripeTwin
from tests.worlds.twin_rig import PREVIEW, START, StillClock, app_client, client, error_of, missing_fields

pytestmark = pytest.mark.server
KEYS = "/v2/iam/api_keys"
DAY = 86_400


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def twin(clock: StillClock) -> Iterator[StripeTwin]:
    with StripeTwin(seed=13, clock=clock) as twin:
        yield twin


def test_activity_log_and_v2_events_tell_the_story(twin: StripeTwin, clock: StillClock) -> None:
    leaked, sdk = twin.create_secret_key("leaked"), app_client(twin, twin.create_app_key())
    made = sdk.raw_request("post", KEYS, type="secret_key", name="n", permissions=["balance_read"]).data
    clock.forward(1)
    twin.rotate_in_dashboard(leaked)
    sdk.raw_request("post", f"{KEYS}/{made['id']}/expire")
    reader = client(twin, twin.create_restricted_key(("activity_log_read", "event_read")), stripe_version=PREVIEW)
    rows = reader.raw_request("get", "/v2/iam/activity_logs", action_groups=["api_key"], limit=3).data
    assert rows["next_page_url"] is not None
    assert [row["type"] for row in rows["data"]][1:] == ["api_key_deleted", "api_key_updated"]
    assert rows["data"][1]["actor"]["type"] == "api_key"
    assert rows["data"][2]["actor"]["user"]["email"] == twin.user
    assert rows["data"][2]["details"]["api_key"]["new_key"].startswith("mk_")
    rest = reader.raw_request("get", rows["next_page_url"]).data["data"]
    assert {row["type"] for row in rest} == {"api_key_created"}
    only = reader.raw_request("get", "/v2/iam/activity_logs", actions=["api_key_deleted"]).data["data"]
    assert [row["type"] for row in only] == ["api_key_deleted"]
    assert reader.raw_request("get", f"/v2/iam/activity_logs/{only[0]['id']}").data == only[0]
    events = reader.raw_request("get", "/v2/core/events", object_id=made["id"]).data["data"]
    assert [event["type"] for event in events] == ["v2.iam.api_key.expired", "v2.iam.api_key.created"]
    assert events[0]["reason"]["request"]["id"].startswith("req_")


def test_the_activity_log_needs_a_preview_version_and_a_permission(twin: StripeTwin) -> None:
    key, narrow = twin.create_secret_key(), twin.create_restricted_key(("charge_read",))
    assert error_of(lambda: client(twin, key).raw_request("get", "/v2/iam/activity_logs"))[0] == 404
    assert error_of(lambda: client(twin, narrow, stripe_version=PREVIEW).raw_request("get", "/v2/iam/activity_logs"))[0] == 403
    assert client(twin, key).v2.core.events.list().data == []


def test_thin_events_go_back_thirty_days_and_take_filters(twin: StripeTwin) -> None:
    now = START.timestamp()
    for days in (31, 3, 2, 1):
        twin.plant_thin_event(f"v2.core.account.{days}", {}, created=now - days * DAY, request_id=f"req_{days}")
    sdk = client(twin, twin.create_secret_key())
    found = sdk.v2.core.events.list({"limit": 1}).auto_paging_iter()
    assert [event.type[-2:] for event in found] == [".1", ".2", ".3"]
    assert [event.type[-2:] for event in sdk.v2.core.events.list({"types": ["v2.core.account.2"]}).data] == [".2"]
    window = sdk.v2.core.events.list({"created": {"gte": "2026-11-17T10:00:00Z", "lt": "2026-11-18T10:00:00.000Z"}})
    assert [event.type[-2:] for event in window.data] == [".3"]
    assert missing_fields(Event, window.data[0].to_dict()) == []
    assert error_of(lambda: sdk.raw_request("get", "/v2/core/events", created={"gte": "soon"}))[0] == 400


def test_event_destinations_hide_their_address_unless_asked(twin: StripeTwin) -> None:
    twin.plant_destination("https://evil.example/hook", created=START.timestamp() - DAY)
    destinations = client(twin, twin.create_secret_key()).v2.core.event_destinations
    hidden, shown = destinations.list().data[0], destinations.list({"include": ["webhook_endpoint.url"]}).data[0]
    assert hidden.webhook_endpoint is not None
    assert hidden.webhook_endpoint.url is None
    assert shown.webhook_endpoint is not None
    assert shown.webhook_endpoint.url == "https://evil.example/hook"
    assert missing_fields(EventDestination, shown.to_dict()) == []
    assert shown.created == "2026-11-19T10:00:00.000Z"
