"""The stream and its consumers are made as docs/events.md says; every server we ship syncs before it acknowledges."""

from pathlib import Path

import pytest
import yaml
from nats.js import api

from kith_local.nats import Nats

ROOT = Path(__file__).parents[2]


@pytest.mark.integration
async def test_the_stream_keeps_its_events_on_disk_and_refuses_rather_than_forgets(start):
    live = await start("metrics")
    config = (await live.bus.js.stream_info(live.bus.stream)).config
    assert (config.storage, config.retention, config.discard) == (
        api.StorageType.FILE,
        api.RetentionPolicy.LIMITS,
        api.DiscardPolicy.NEW,
    )
    assert (config.max_age, config.duplicate_window, config.allow_atomic) == (3650 * 86_400, 120, True)
    assert (config.max_msgs, config.max_bytes, config.subjects) == (-1, -1, ["kith.>"])


@pytest.mark.integration
async def test_a_consumer_pulls_and_is_asked_until_it_has_answered(start, story):
    live = await start("metrics")
    await live.tell(story("metrics", seed=1).events(3))
    config = (await live.bus.js.consumer_info(live.bus.stream, "metrics")).config
    assert config.deliver_subject is None
    assert (config.ack_policy, config.max_deliver, config.max_ack_pending) == (api.AckPolicy.EXPLICIT, -1, 10_000)
    assert config.ack_wait == 60


@pytest.mark.unit
def test_every_server_we_ship_syncs_before_it_acknowledges(tmp_path):
    server = Nats(tmp_path / "nats", 4222)
    server.configure()
    assert "sync_interval: always" in (tmp_path / "nats" / "server.conf").read_text()
    [config] = yaml.safe_load_all((ROOT / "deploy/k8s/components/nats/config.yaml").read_text())
    assert "sync_interval: always" in config["data"]["nats.conf"]
    replicas = yaml.safe_load((ROOT / "deploy/k8s/components/nats/replicas.yaml").read_text())
    [container] = replicas["spec"]["template"]["spec"]["containers"]
    assert container["env"] == [{"name": "KITH_STREAM_REPLICAS", "value": "3"}]
