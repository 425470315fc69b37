import functools
from pathlib import Path

import pytest

from kith_testkit.kustomize import build

K8S = Path(__file__).parents[2] / "deploy" / "k8s"


@functools.cache
def _built(name):
    if name.startswith("components/"):
        return build(K8S / "base", components=(K8S / name,))
    return build(K8S / name)


@pytest.fixture(params=["base", "overlays/local", "overlays/production"])
def rendered(request):
    """Each kustomization an operator applies, or builds upon, as resources."""
    return _built(request.param)


@pytest.fixture
def production():
    return _built("overlays/production")


@pytest.fixture(params=sorted(f"components/{each.name}" for each in (K8S / "components").iterdir()))
def component(request):
    """The base with one component on top."""
    return _built(request.param)
