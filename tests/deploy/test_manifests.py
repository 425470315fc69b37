"""What an operator applies: valid for Kubernetes, hardened, whole; and the rules that say so can fail."""

import copy
import importlib
import json
import os
import re
import subprocess
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from prometheus_client import REGISTRY
from pydantic import ValidationError

import kith_chassis.telemetry  # noqa: F401 -- its metrics are in the registry then
from kith_chassis.settings import AppSettings
from kith_local.nats import binary
from kith_testkit.kustomize import build, identity, pod_spec

ROOT = Path(__file__).parents[2]
K8S = ROOT / "deploy" / "k8s"
SERVICES = sorted(path.name for path in (ROOT / "services").iterdir() if (path / "pyproject.toml").exists())
# Kinds of operators, whose schemas are not Kubernetes' own.
OTHERS = {"Cluster", "Database", "PodMonitor", "PrometheusRule"}
VERSION = "1.33"
FORGOTTEN_SECONDS = 5  # within which endpoints are updated, and clients let go of connections they do not use


def of_kind(resources, *kinds):
    return [each for each in resources if each["kind"] in kinds]


def pods(resources):
    return [(identity(each), each, spec) for each in resources if (spec := pod_spec(each)) is not None]


def labels_of(resource):
    return resource["spec"]["template"]["metadata"]["labels"]


def matches(selector, labels):
    wanted = selector.get("matchLabels", {}).items()
    within = selector.get("matchExpressions", [])
    assert all(each["operator"] == "In" for each in within)
    return wanted <= labels.items() and all(labels.get(each["key"]) in each["values"] for each in within)


# -- hard rules: each takes resources and names what breaks it ---------------------------------------------------------


def unconfined(resources):
    """Pods run as nobody in particular, with nothing they may write, and nothing they may become."""
    for name, _, spec in pods(resources):
        context = spec.get("securityContext", {})
        if not (context.get("runAsNonRoot") and context.get("seccompProfile") == {"type": "RuntimeDefault"}):
            yield name, "root, or without a seccomp profile"
        if spec.get("automountServiceAccountToken") is not False:
            yield name, "carries a token of the cluster"
        for container in spec["containers"] + spec.get("initContainers", []):
            context = container.get("securityContext", {})
            if (
                context.get("allowPrivilegeEscalation") is not False
                or context.get("readOnlyRootFilesystem") is not True
            ):
                yield name, "may escalate, or write to its root"
            if context.get("capabilities") != {"drop": ["ALL"]} or context.get("privileged"):
                yield name, "has capabilities"
        if any("hostPath" in each for each in spec.get("volumes", [])) or spec.get("hostNetwork"):
            yield name, "touches the node"


def unbounded(resources):
    """Every container says what it needs and how much memory it may have."""
    for name, _, spec in pods(resources):
        for container in spec["containers"]:
            amounts = container.get("resources", {})
            if not {"cpu", "memory"} <= amounts.get("requests", {}).keys() or "memory" not in amounts.get("limits", {}):
                yield name, "does not say what it needs"


def unprobed(resources):
    """What runs for ever is asked how it is, at a port that it declares."""
    for name, resource, spec in pods(resources):
        for container in spec["containers"] if resource["kind"] != "Job" else []:
            ports = {each["name"] for each in container.get("ports", [])}
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                if container.get(probe, {}).get("httpGet", {}).get("port") not in ports:
                    yield name, f"has no {probe}"


def cut_off(resources):
    """Kubernetes waits longer for a process to end than the process takes to finish its requests."""
    settings = {name: field.default for name, field in AppSettings.model_fields.items()}
    needed = settings["stop_grace_seconds"] + settings["stop_deadline_seconds"]
    for name, resource, spec in pods(resources):
        if resource["kind"] == "Deployment" and spec.get("terminationGracePeriodSeconds", 30) <= needed:
            yield name, f"is killed before {needed} s"


def interrupted(resources):
    """A new process is ready before an old one is told to end."""
    for each in of_kind(resources, "Deployment"):
        strategy = each["spec"].get("strategy", {})
        rolling = strategy.get("rollingUpdate", {})
        if strategy.get("type") != "RollingUpdate" or rolling.get("maxUnavailable") != 0 or not rolling.get("maxSurge"):
            yield identity(each), "is away while it is replaced"
        for container in pod_spec(each)["containers"]:
            if float(variables(container).get("KITH_STOP_GRACE_SECONDS", {}).get("value", "5")) < FORGOTTEN_SECONDS:
                yield identity(each), "ends before the gateway and the cluster have forgotten it"


def unselected(resources):
    """Budgets and services choose something, selectors choose their own pods, and every deployment has a budget."""
    made = [(name, labels_of(resource), spec) for name, resource, spec in pods(resources)]
    for each in of_kind(resources, "Deployment", "StatefulSet"):
        budgets = [
            b for b in of_kind(resources, "PodDisruptionBudget") if matches(b["spec"]["selector"], labels_of(each))
        ]
        if len(budgets) != 1:
            yield identity(each), f"has {len(budgets)} disruption budgets"
        chosen = [name for name, labels, _ in made if matches(each["spec"]["selector"], labels)]
        if chosen != [identity(each)]:
            yield identity(each), f"chooses {chosen}"
    for each in of_kind(resources, "Service"):
        chosen = [spec for _, labels, spec in made if matches({"matchLabels": each["spec"]["selector"]}, labels)]
        ports = {port["name"] for spec in chosen for c in spec["containers"] for port in c.get("ports", [])}
        if not chosen or any(port["targetPort"] not in ports for port in each["spec"]["ports"]):
            yield identity(each), "leads to nothing"


def unreferenced(resources):
    """Whatever is named is there."""
    there = {identity(each) for each in resources}
    for each in of_kind(resources, "HorizontalPodAutoscaler"):
        target = each["spec"]["scaleTargetRef"]
        if (target["kind"], target["name"]) not in there:
            yield identity(each), "scales nothing"
    for each in of_kind(resources, "Ingress"):
        for rule in each["spec"]["rules"]:
            for path in rule["http"]["paths"]:
                if ("Service", path["backend"]["service"]["name"]) not in there:
                    yield identity(each), "leads to nothing"
    for name, _, spec in pods(resources):
        for volume in spec.get("volumes", []):
            if "configMap" in volume and ("ConfigMap", volume["configMap"]["name"]) not in there:
                yield name, "mounts nothing"


RULES = (unconfined, unbounded, unprobed, cut_off, interrupted, unselected, unreferenced)


def broken(resources):
    return [(rule.__name__, *each) for rule in RULES for each in rule(resources)]


def test_every_kustomization_obeys_the_rules(rendered):
    assert broken(rendered) == []


def test_every_component_obeys_the_rules(component):
    assert broken(component) == []


def _container(resource):
    return pod_spec(resource)["containers"][0]


PLANTS = {
    "root": ("unconfined", lambda r: pod_spec(r)["securityContext"].pop("runAsNonRoot")),
    "token": ("unconfined", lambda r: pod_spec(r).pop("automountServiceAccountToken")),
    "writable": ("unconfined", lambda r: _container(r)["securityContext"].pop("readOnlyRootFilesystem")),
    "capable": ("unconfined", lambda r: _container(r)["securityContext"].update(capabilities={"add": ["NET_ADMIN"]})),
    "node": ("unconfined", lambda r: pod_spec(r)["volumes"].append({"name": "x", "hostPath": {"path": "/"}})),
    "greedy": ("unbounded", lambda r: _container(r)["resources"].pop("limits")),
    "silent": ("unprobed", lambda r: _container(r).pop("readinessProbe")),
    "impatient": ("cut_off", lambda r: pod_spec(r).update(terminationGracePeriodSeconds=30)),
    "all at once": ("interrupted", lambda r: r["spec"].update(strategy={"type": "Recreate"})),
    "one less": ("interrupted", lambda r: r["spec"]["strategy"]["rollingUpdate"].update(maxUnavailable=1)),
    "abrupt": ("interrupted", lambda r: _container(r)["env"].append({"name": "KITH_STOP_GRACE_SECONDS", "value": "1"})),
    "elsewhere": ("unselected", lambda r: labels_of(r).update({"app.kubernetes.io/name": "else"})),
    "renamed": ("unreferenced", lambda r: r["metadata"].update(name="else")),
}


@pytest.mark.parametrize("plant", PLANTS)
def test_a_planted_fault_is_found(production, plant):
    rule, spoil = PLANTS[plant]
    resources = copy.deepcopy(production)
    spoil(next(each for each in resources if identity(each) == ("Deployment", "groups-api")))
    assert rule in {each[0] for each in broken(resources)}


# -- validity ------------------------------------------------------------------------------------------------------


def invalid(resources):
    for each in resources:
        if each["kind"] not in OTHERS:
            try:
                kubernetes_validate.validate(each, VERSION, strict=True)
            except kubernetes_validate.ValidationError as error:
                yield identity(each), error.message


def test_kubernetes_knows_every_field(rendered):
    assert list(invalid(rendered)) == []


def test_kubernetes_knows_every_field_of_a_component(component):
    assert list(invalid(component)) == []


def test_an_unknown_field_is_found(production):
    resources = copy.deepcopy(of_kind(production, "Deployment")[:1])
    pod_spec(resources[0])["restartPolicies"] = "Always"
    assert len(list(invalid(resources))) == 1


# -- wholeness -----------------------------------------------------------------------------------------------------


def test_every_deployable_on_disk_is_deployed(rendered):
    names = {identity(each) for each in rendered}
    wanted = {("Deployment", f"{service}-{role}") for service in SERVICES for role in ("api", "worker")}
    wanted |= {("Job", f"{service}-migration") for service in SERVICES} | {("Deployment", "gateway")}
    assert wanted <= names
    assert {name for name in names if name[0] in {"Deployment", "Job"}} == wanted


def test_the_gateway_knows_every_service_and_every_api_scales(production):
    [gateway] = [each for each in production if identity(each) == ("Deployment", "gateway")]
    addresses = {f"KITH_{service.upper()}_URL" for service in SERVICES}
    assert addresses == {name for name in variables(_container(gateway)) if name.endswith("_URL")} - {
        "KITH_JWKS_URL",
        "KITH_NATS_URL",
    }
    scaled = {each["spec"]["scaleTargetRef"]["name"] for each in of_kind(production, "HorizontalPodAutoscaler")}
    assert scaled == {f"{service}-api" for service in SERVICES} | {"gateway"}


def test_production_has_two_of_everything_and_says_which_version(production):
    assert {identity(each)[1]: each["spec"]["replicas"] for each in of_kind(production, "Deployment")} == {
        name: 2 for kind, name in map(identity, production) if kind == "Deployment"
    }
    for _, _, spec in pods(production):
        for container in spec["containers"]:
            assert re.fullmatch(r"[\w./-]+:v?\d+\.\d+\.\d+[\w.-]*", container["image"]), container["image"]


def variables(container):
    return {each["name"]: each for each in container.get("env", [])}


def test_every_variable_is_a_setting_and_every_needed_setting_is_there(rendered):
    for resource in of_kind(rendered, "Deployment"):
        container = _container(resource)
        package = container["args"][2].partition(".")[0]
        settings = importlib.import_module(f"{package}.main").app.state.settings_type
        given = variables(container)
        known = {f"KITH_{name.upper()}" for name in settings.model_fields}
        assert given.keys() <= known, identity(resource)
        missing = {f"KITH_{name.upper()}" for name, field in settings.model_fields.items() if field.is_required()}
        assert missing <= given.keys(), identity(resource)
        values = {
            name.removeprefix("KITH_").lower(): each.get("value", "postgresql://a:b@c/d")
            for name, each in given.items()
        }
        try:
            settings(**values)
        except ValidationError as error:  # pragma: no cover -- says which, when it fails
            pytest.fail(f"{identity(resource)}: {error}")


def test_the_secrets_that_are_named_are_the_secrets_that_are_made(production):
    printed = subprocess.run(["sh", K8S / "secrets.sh"], check=True, capture_output=True, text=True).stdout
    made = {each["metadata"]["name"]: each["stringData"] for each in yaml.safe_load_all(printed)}
    named = {
        (each["valueFrom"]["secretKeyRef"]["name"], each["valueFrom"]["secretKeyRef"]["key"])
        for _, _, spec in pods(production)
        for container in spec["containers"]
        for each in container.get("env", [])
        if "secretKeyRef" in each.get("valueFrom", {})
    }
    [cluster] = of_kind(production, "Cluster")
    roles = {each["name"]: each["passwordSecret"]["name"] for each in cluster["spec"]["managed"]["roles"]}
    named |= {(secret, key) for secret in roles.values() for key in ("username", "password")}
    assert named == {(name, key) for name, pairs in made.items() for key in pairs}
    for role, secret in roles.items():
        service, _, kind = role.rpartition("_")
        assert made[secret]["username"] == role
        url = f"postgresql://{role}:{made[secret]['password']}@postgres-rw:5432/kith_{service}"
        assert made[f"{service}-database"][f"{kind}-url"] == url
    assert len({json.dumps(each) for each in made.values()}) == len(made)
    databases = {each["spec"]["name"]: each["spec"]["owner"] for each in of_kind(production, "Database")}
    assert databases == {f"kith_{service}": f"{service}_owner" for service in SERVICES}


def test_the_api_never_holds_the_logins_that_see_every_community(production):
    for resource in of_kind(production, "Deployment"):
        keys = {
            each["valueFrom"]["secretKeyRef"]["key"]
            for each in variables(_container(resource)).values()
            if "valueFrom" in each
        }
        assert "owner-url" not in keys
        assert ("worker-url" in keys) == (labels_of(resource)["app.kubernetes.io/component"] == "worker")


def test_nats_takes_its_configuration(production, tmp_path):
    [config] = of_kind(production, "ConfigMap")
    path = tmp_path / "nats.conf"
    path.write_text(config["data"]["nats.conf"].replace("/data", str(tmp_path)))
    given = {"SERVER_NAME": "nats-0", "CLIENT_PASSWORD": "k12", "GATEWAY_PASSWORD": "k56", "PEER_PASSWORD": "k34"}
    [servers] = of_kind(production, "StatefulSet")
    assert given.keys() == variables(_container(servers)).keys()
    result = subprocess.run(
        [binary(), "-t", "-c", path], capture_output=True, text=True, env=os.environ | given, check=False
    )
    assert result.returncode == 0, result.stderr
    assert "nats: configuration file" in result.stderr or "is valid" in result.stderr


def test_alerts_ask_for_metrics_that_exist_and_name_a_page_that_helps(production):
    known = {
        f"{family.name}{suffix}"
        for family in REGISTRY.collect()
        for suffix in ("", "_total", "_count", "_bucket", "_sum")
    }
    headings = {
        re.sub(r"[^\w -]", "", line.lstrip("# ").strip().lower()).replace(" ", "-")
        for line in (ROOT / "docs" / "operations.md").read_text().splitlines()
        if line.startswith("#")
    }
    [rules] = of_kind(production, "PrometheusRule")
    for rule in rules["spec"]["groups"][0]["rules"]:
        asked = set(re.findall(r"[a-z][a-z_]+(?=\[|\{|\)|$)", re.sub(r"(by|on) \([^)]*\)", "", rule["expr"])))
        asked -= {"namespace", "status", "up"}  # `up` is Prometheus' own
        assert asked, rule["alert"]
        assert asked <= known, rule["alert"]
        page, _, anchor = rule["annotations"]["runbook"].partition("#")
        assert page == "docs/operations.md"
        assert anchor in headings, rule["alert"]


# -- the renderer refuses what it does not know ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kustomization", "reason"),
    [
        ({"namePrefix": "x-"}, "more than this renderer knows"),
        ({"resources": ["a.yaml", "a.yaml"]}, "there twice"),
        ({"resources": ["nowhere.yaml"]}, "nowhere.yaml"),
        ({"kind": "Component"}, "used as a Kustomization"),
        ({"resources": ["a.yaml"], "patches": [{"path": "a.yaml", "target": {"kind": "Job"}}]}, "patches nothing"),
        ({"resources": ["a.yaml"], "images": [{"name": "x", "newTag": "1"}]}, "no container has the image"),
    ],
)
def test_what_the_renderer_does_not_know_is_refused(tmp_path, kustomization, reason):
    (tmp_path / "a.yaml").write_text(yaml.safe_dump({"kind": "Service", "metadata": {"name": "a"}, "spec": {}}))
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump({"kind": "Kustomization"} | kustomization))
    with pytest.raises(Exception, match=re.escape(reason)):
        build(tmp_path)
