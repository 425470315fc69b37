"""What `kubectl kustomize DIRECTORY` prints, for the part of kustomize that deploy/ uses.

        python -m kith_testkit.kustomize deploy/k8s/overlays/production

Resources, components, strategic merge patches with a target, images, namespace. Anything else is refused, never
guessed, and so is a patch or an image that changes nothing, which kustomize itself lets pass. Order and meaning are
those of https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/.
"""

import copy
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

Resource = dict[str, Any]

_KEYS = {"apiVersion", "kind", "resources", "components", "patches", "images", "namespace"}
# Lists that a strategic merge patch merges by key; all others it replaces.
_MERGE_KEYS = {
    "containers": "name",
    "initContainers": "name",
    "env": "name",
    "volumes": "name",
    "volumeMounts": "mountPath",
    "ports": "containerPort",
    "topologySpreadConstraints": "topologyKey",
}
_CLUSTER_WIDE = {"Namespace"}


class KustomizeError(Exception):
    """What a kustomization asks for cannot be done, or not here."""


def build(directory: Path, *, components: tuple[Path, ...] = ()) -> list[Resource]:
    """The resources of a kustomization, and of further components on top. Raises KustomizeError."""
    resources = _accumulate(directory, "Kustomization", [])
    for each in components:
        resources = _accumulate(each, "Component", resources)
    return resources


def _accumulate(directory: Path, kind: str, resources: list[Resource]) -> list[Resource]:
    path = directory / "kustomization.yaml"
    [asked] = _documents(path)
    if unknown := asked.keys() - _KEYS:
        raise KustomizeError(f"{path}: {sorted(unknown)} is more than this renderer knows")
    if asked["kind"] != kind:
        raise KustomizeError(f"{path}: is a {asked['kind']}, used as a {kind}")
    for name in asked.get("resources", []):
        place = (directory / name).resolve()
        resources = resources + (_accumulate(place, "Kustomization", []) if place.is_dir() else [*_documents(place)])
    seen: set[tuple[str, str]] = set()
    for each in resources:
        if identity(each) in seen:
            raise KustomizeError(f"{path}: {identity(each)} is there twice")
        seen.add(identity(each))
    for name in asked.get("components", []):
        resources = _accumulate((directory / name).resolve(), "Component", resources)
    for patch in asked.get("patches", []):
        resources = _patched(resources, patch, directory)
    if namespace := asked.get("namespace"):
        resources = [_placed(each, namespace) for each in resources]
    for image in asked.get("images", []):
        resources = _renamed(resources, image)
    return resources


def identity(resource: Resource) -> tuple[str, str]:
    """Kind and name."""
    return resource["kind"], resource["metadata"]["name"]


def pod_spec(resource: Resource) -> dict[str, Any] | None:
    """The specification of the pods that a resource makes, if it makes any."""
    found: dict[str, Any] | None = resource.get("spec", {}).get("template", {}).get("spec")
    return found


def selects(selector: str, labels: dict[str, str]) -> bool:
    """Whether a selector as kubectl takes it (`a=b, c in (d, e)`) chooses these labels. Raises KustomizeError."""
    for part in re.split(r",(?![^(]*\))", selector):
        if found := re.fullmatch(r"\s*([\w./-]+)\s*={1,2}\s*([\w./-]+)\s*", part):
            wanted = {found[2]}
        elif found := re.fullmatch(r"\s*([\w./-]+)\s+in\s+\(([^)]*)\)\s*", part):
            wanted = {each.strip() for each in found[2].split(",")}
        else:
            raise KustomizeError(f"cannot read the selector {selector!r}")
        if labels.get(found[1]) not in wanted:
            return False
    return True


def _documents(path: Path) -> Iterator[Resource]:
    try:
        yield from (each for each in yaml.safe_load_all(path.read_text()) if each is not None)
    except (OSError, yaml.YAMLError) as error:
        raise KustomizeError(f"{path}: {error}") from error


def _patched(resources: list[Resource], asked: dict[str, Any], directory: Path) -> list[Resource]:
    if asked.keys() != {"path", "target"} or asked["target"].keys() - {"kind", "name", "labelSelector"}:
        raise KustomizeError(f"{directory}: a patch has a path and a target of kind, name, labelSelector; not {asked}")
    [patch] = _documents(directory / asked["path"])
    target = asked["target"]

    def chosen(each: Resource) -> bool:
        kind, name = identity(each)
        named = re.fullmatch(target.get("kind", ".*"), kind) and re.fullmatch(target.get("name", ".*"), name)
        labels = each["metadata"].get("labels", {})
        return bool(named) and ("labelSelector" not in target or selects(target["labelSelector"], labels))

    if not any(map(chosen, resources)):
        raise KustomizeError(f"{directory / asked['path']}: patches nothing")
    body = {name: value for name, value in patch.items() if name not in {"apiVersion", "kind"}}
    body["metadata"] = {name: value for name, value in body["metadata"].items() if name != "name"}
    return [_merged(each, body) if chosen(each) else each for each in resources]


def _merged(base: Any, patch: Any, key: str | None = None) -> Any:
    if isinstance(patch, dict) and isinstance(base, dict):
        if any(name.startswith("$") for name in patch):
            raise KustomizeError(f"patch directives are more than this renderer knows: {patch}")
        result = dict(base)
        for name, value in patch.items():
            if value is None:
                result.pop(name, None)
            else:
                result[name] = _merged(base.get(name), value, _MERGE_KEYS.get(name))
        return result
    if isinstance(patch, list) and isinstance(base, list) and key:
        old = {each[key]: each for each in base}
        new = {each[key]: each for each in patch}
        return [
            _merged(old.get(name), each) if (each := new.get(name)) is not None else old[name] for name in old | new
        ]
    return copy.deepcopy(patch)


def _placed(resource: Resource, namespace: str) -> Resource:
    if resource["kind"] in _CLUSTER_WIDE:
        return resource
    return resource | {"metadata": resource["metadata"] | {"namespace": namespace}}


def _renamed(resources: list[Resource], asked: dict[str, str]) -> list[Resource]:
    if asked.keys() - {"name", "newName", "newTag"}:
        raise KustomizeError(f"an image has name, newName, newTag; not {asked}")
    resources = copy.deepcopy(resources)
    found = False
    for each in resources:
        for container in (pod_spec(each) or {}).get("containers", []):
            name, _, tag = container["image"].partition(":")
            if name == asked["name"]:
                found = True
                tag = asked.get("newTag", tag)
                container["image"] = asked.get("newName", name) + (f":{tag}" if tag else "")
    if not found:
        raise KustomizeError(f"no container has the image {asked['name']}")
    return resources


if __name__ == "__main__":
    yaml.safe_dump_all(build(Path(sys.argv[1])), sys.stdout, sort_keys=False, width=120)
