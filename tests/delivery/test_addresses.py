"""No way into the private network."""

import asyncio
import socket

import pytest
from aiohttp import AsyncResolver, ClientConnectorError

from kith_delivery.addresses import is_allowed
from kith_delivery.attempts import Target, attempt
from kith_delivery.connections import AddressRefused, CheckedResolver, check_url, open_client
from kith_delivery.settings import Settings

INSIDE = [
    "0.0.0.1", "10.1.2.3", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.0.9", "168.63.129.16",
    "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.88.99.1", "192.168.0.1",
    "198.18.0.1", "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::127.0.0.1", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "100::1", "2001::1", "2001:0:7f00:1::", "2001:db8::1", "2002:7f00:1::",
    "2002:a9fe:a9fe::", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0",
    "2606:4700::1%eth0", "fec0::1", "ff02::1", "", "localhost", "127.1", "0x7f000001", "2130706433", "1.1.1.1.1",
]  # fmt: skip
OUTSIDE = ["1.1.1.1", "93.184.215.14", "172.15.0.1", "172.32.0.1", "100.63.0.1", "2606:4700:4700::1111", "2a00:1450::1"]


@pytest.mark.unit
@pytest.mark.parametrize("address", INSIDE)
def test_what_is_not_public_may_not_be_reached(address):
    assert not is_allowed(address)


@pytest.mark.unit
@pytest.mark.parametrize("address", OUTSIDE)
def test_what_is_public_may_be_reached(address):
    assert is_allowed(address)


@pytest.mark.unit
def test_allowing_loopback_allows_nothing_else():
    allowed = [each for each in INSIDE if is_allowed(each, allow_loopback=True)]
    assert allowed == ["127.0.0.1", "127.255.0.9", "::1"]


@pytest.mark.unit
def test_loopback_cannot_be_allowed_in_production():
    with pytest.raises(ValueError, match="KITH_ALLOW_LOOPBACK_WEBHOOKS"):
        Settings(database_url="postgresql://x@127.0.0.1/x", environment="production", allow_loopback_webhooks=True)


@pytest.fixture
def strict():
    return Settings(database_url="postgresql://x@127.0.0.1/x", environment="test")


@pytest.mark.integration
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
async def test_a_connection_inside_is_refused_whatever_was_checked_before(strict, receiver, host):
    url = receiver.url.replace("127.0.0.1", host)
    async with open_client(strict) as client:
        with pytest.raises(ClientConnectorError) as refused:
            await client.post(url, data=b"")
        assert isinstance(refused.value.os_error, AddressRefused)
        outcome = await attempt(client, Target(None, None, url, (bytes(32),)), webhook_id="x", body=b"")
    assert (outcome.error, outcome.status_code) == ("address_refused", None)
    assert receiver.requests == []


class NameServer(asyncio.DatagramProtocol):
    """Answers 93.184.215.14 for `app.example`, and nothing at all for any other name."""

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, address):
        question = data[12:]
        if question.startswith(b"\x03app\x07example\0\0\x01"):  # type A
            answer = b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04" + bytes((93, 184, 215, 14))
            end = question.index(b"\0") + 5
            header = data[:2] + b"\x81\x80\0\x01\0\x01\0\0\0\0"
            self.transport.sendto(header + question[:end] + answer, address)


@pytest.mark.integration
async def test_names_whose_servers_are_silent_keep_no_other_waiting():
    resolver = CheckedResolver(allow_loopback=False)
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(NameServer, local_addr=("127.0.0.1", 0))
    resolver._inner = AsyncResolver(nameservers=[f"127.0.0.1:{transport.get_extra_info('sockname')[1]}"])
    silent = [asyncio.create_task(resolver.resolve(f"silent{n}.example", 443, socket.AF_INET)) for n in range(100)]
    await asyncio.sleep(0)
    async with asyncio.timeout(1):
        found = await resolver.resolve("app.example", 443, socket.AF_INET)
    assert [each["host"] for each in found] == ["93.184.215.14"]
    assert not any(each.done() for each in silent)
    await resolver.close()
    await asyncio.gather(*silent, return_exceptions=True)
    transport.close()


@pytest.mark.unit
async def test_nothing_is_looked_up_in_threads(monkeypatch):
    async def looked_up(*_, **__):
        raise AssertionError("threads are few")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", looked_up)
    resolver = CheckedResolver(allow_loopback=True)
    assert {each["host"] for each in await resolver.resolve("localhost", 80)} <= {"127.0.0.1", "::1"}
    await resolver.close()
    await check_url("http://localhost/", allow_loopback=True)


@pytest.mark.unit
async def test_a_name_with_one_address_inside_is_refused_as_a_whole():
    resolver = CheckedResolver(allow_loopback=False)

    class Rebinding:
        async def resolve(self, host, port, family):
            return [{"host": each, "hostname": host, "port": port, "family": family} for each in answers]

    resolver._inner = Rebinding()
    answers = ["1.1.1.1"]
    assert len(await resolver.resolve("app.example", 443, socket.AF_INET)) == 1
    answers = ["1.1.1.1", "10.0.0.1"]
    with pytest.raises(AddressRefused):
        await resolver.resolve("app.example", 443, socket.AF_INET)
