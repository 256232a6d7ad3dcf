"""A fleet is several servers on one port of several loopback addresses, each with its own mode."""

import httpx
import pytest

from meshlib.testing.server import Fleet, Mode


def test_servers_share_a_port_and_differ_in_mode_and_counts():
    with Fleet(3) as fleet, httpx.Client(trust_env=False) as client:
        fleet[1].mode = Mode.fail(500)
        fleet[2].mode = Mode.refuse()
        assert fleet.addresses == [f"127.0.0.{last}:{fleet.port}" for last in (2, 3, 4)]
        answers = [client.get(fleet[n].url, headers={"X-Request-Id": "x"}).status_code for n in (0, 1, 0)]
        with pytest.raises(httpx.ConnectError):
            client.get(fleet[2].url)
        assert answers == [200, 500, 200]
        assert [server.requests for server in fleet.servers] == [2, 1, 0]
        assert (len(fleet), fleet.requests, fleet.executions) == (3, 3, {"x": 3})


def test_two_fleets_run_beside_each_other():
    with Fleet(2) as one, Fleet(2) as other:
        assert one.port != other.port


@pytest.mark.parametrize(("size", "first"), [(0, 2), (254, 2), (3, 0)])
def test_addresses_outside_the_loopback_net_are_refused(size, first):
    with pytest.raises(ValueError, match=r"127\.0\.0\.254"):
        Fleet(size, first=first)
