"""Who may talk to whom, by the network policies of production."""

from ipaddress import ip_address, ip_network

import pytest

from kith_testkit.contracts import services
from kith_testkit.kustomize import pod_spec

NAMESPACE = {"kubernetes.io/metadata.name": "kith"}


class Pod:
    def __init__(self, labels, ports, namespace=NAMESPACE):
        self.labels, self.ports, self.namespace = labels, ports, namespace


def chosen(selector, labels):
    if selector is None:
        return False
    equal = all(labels.get(name) == value for name, value in selector.get("matchLabels", {}).items())
    return equal and all(labels.get(e["key"]) in e["values"] for e in selector.get("matchExpressions", []))


def is_peer(peer, other):
    if isinstance(other, str):
        if "ipBlock" not in peer:
            return False
        block, address = peer["ipBlock"], ip_address(other)
        inside = address in ip_network(block["cidr"])
        return inside and not any(address in ip_network(each) for each in block.get("except", []))
    if "ipBlock" in peer:
        return False
    space = peer.get("namespaceSelector")
    there = other.namespace == NAMESPACE if space is None else chosen(space, other.namespace)
    return there and (chosen(peer["podSelector"], other.labels) if "podSelector" in peer else True)


def allows(rules, peers, other, port, ports):
    """Whether one of the rules lets this port and other side through; `ports` are the names at the receiving end."""
    for rule in rules:
        numbers = [ports.get(each["port"], each["port"]) for each in rule.get("ports", [])]
        wanted = not numbers or port in numbers
        if wanted and (peers not in rule or any(is_peer(each, other) for each in rule[peers])):
            return True
    return False


def may(policies, source, target, port):
    """As Kubernetes decides: a side that no policy of that direction chooses is open, otherwise one must allow it."""
    ports = target.ports if isinstance(target, Pod) else {}
    for one, other, direction, peers in ((source, target, "Egress", "to"), (target, source, "Ingress", "from")):
        if not isinstance(one, Pod) or one.namespace != NAMESPACE:
            continue
        choosing = [p for p in policies if direction in p["policyTypes"] and chosen(p["podSelector"], one.labels)]
        rules = [rule for policy in choosing for rule in policy.get(direction.lower(), [])]
        if choosing and not allows(rules, peers, other, port, ports):
            return False
    return True


@pytest.fixture
def policies(production):
    return [each["spec"] for each in production if each["kind"] == "NetworkPolicy"]


@pytest.fixture
def pods(production):
    found = {}
    for each in production:
        if spec := pod_spec(each):
            ports = {p["name"]: p["containerPort"] for c in spec["containers"] for p in c.get("ports", [])}
            found[each["metadata"]["name"]] = Pod(each["spec"]["template"]["metadata"]["labels"], ports)
    found["postgres"] = Pod({"cnpg.io/cluster": "postgres"}, {})
    found["intruder"] = Pod({"app": "intruder"}, {})
    found["prometheus"] = Pod({}, {}, {"kubernetes.io/metadata.name": "monitoring"})
    found["controller"] = Pod({}, {}, {"kubernetes.io/metadata.name": "ingress"})
    found["dns"] = Pod({"k8s-app": "kube-dns"}, {}, {"kubernetes.io/metadata.name": "kube-system"})
    return found


def reaches(policies, pods, port, source=None, target=None):
    others = set(pods) - {source, target}
    if source is not None:
        return {name for name in others if may(policies, pods[source], pods[name], port)}
    return {name for name in others if may(policies, pods[name], pods[target], port)}


HTTP = 8000
SERVICES = services()
APIS = {f"{each}-api" for each in SERVICES}
WORKERS = {f"{each}-worker" for each in SERVICES}
MIGRATIONS = {f"{each}-migration" for each in SERVICES}


def test_the_gateway_asks_the_services_listens_to_the_bus_and_does_nothing_else(policies, pods):
    assert reaches(policies, pods, HTTP, source="gateway") - {"controller", "prometheus", "dns"} == APIS
    for port in (5432, 443):
        assert reaches(policies, pods, port, source="gateway") == set()
    assert reaches(policies, pods, 4222, source="gateway") - {"controller", "prometheus", "dns"} == {"nats"}


def test_the_gateway_is_the_way_in(policies, pods):
    assert "controller" in reaches(policies, pods, HTTP, target="gateway")
    for name in APIS | WORKERS:
        assert not may(policies, pods["controller"], pods[name], HTTP)


def test_a_service_answers_the_gateway_and_monitoring_alone(policies, pods):
    for name in APIS - {"identity-api"}:
        assert reaches(policies, pods, HTTP, target=name) == {"gateway", "prometheus"}
    for name in WORKERS:
        assert reaches(policies, pods, HTTP, target=name) == {"prometheus"}


def test_everyone_reads_the_keys_of_access_tokens(policies, pods):
    readers = reaches(policies, pods, HTTP, target="identity-api")
    assert readers >= {"gateway", "prometheus"} | APIS - {"identity-api"} | WORKERS
    assert "intruder" not in readers


def test_only_services_reach_the_database_and_only_running_ones_the_bus(policies, pods):
    for name in pods.keys() - {"postgres", "intruder", "prometheus", "controller", "dns"}:
        assert may(policies, pods[name], pods["postgres"], 5432) == (name in APIS | WORKERS | MIGRATIONS), name
    assert reaches(policies, pods, 4222, target="nats") == APIS | WORKERS | {"gateway"}
    assert reaches(policies, pods, 6222, target="nats") == set()
    assert may(policies, pods["nats"], pods["nats"], 6222)


@pytest.mark.parametrize(
    ("address", "port", "allowed"),
    [
        ("93.184.215.14", 443, True),
        ("93.184.215.14", 8443, True),
        ("2606:4700::1111", 443, True),
        ("10.96.0.1", 443, False),
        ("169.254.169.254", 80, False),
        ("192.168.1.1", 443, False),
        ("fd00::1", 443, False),
        ("::1", 443, False),
    ],
)
def test_only_the_sender_of_webhooks_reaches_the_world_and_not_the_private_part_of_it(
    policies, pods, address, port, allowed
):
    inside = {name: pod for name, pod in pods.items() if pod.namespace == NAMESPACE and name != "postgres"}
    leaving = {name for name, pod in inside.items() if may(policies, pod, address, port)}
    assert leaving == ({"delivery-worker"} if allowed else set())


def test_everyone_asks_for_names(policies, pods):
    for name in APIS | WORKERS | MIGRATIONS | {"gateway", "nats"}:
        assert may(policies, pods[name], pods["dns"], 53), name


def test_who_is_not_named_has_no_network(policies, pods):
    assert reaches(policies, pods, 443, source="intruder") == set()
    assert not may(policies, pods["intruder"], pods["nats"], 4222)
