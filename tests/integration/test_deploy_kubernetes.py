"""deploy/kubernetes, rendered by kubectl and held against Kubernetes' own schemas and against the code."""

from __future__ import annotations

import importlib.util
import re
import subprocess
from functools import cache
from typing import Any

import kubernetes_validate
import pytest
import yaml

from schemas.topics import ALL_TOPICS, SERVICES
from services.runtime.settings import RuntimeSettings
from tests.deployment import DEPLOY, REPOSITORY, project
from tests.observed import tool

FOLDER = DEPLOY / "kubernetes"
CUSTOM = {"ScaledObject", "ServiceMonitor", "PrometheusRule"}


@cache
def rendered() -> tuple[dict[str, Any], ...]:
    """The resources that `kubectl apply --kustomize` would send."""
    done = subprocess.run(
        [tool("kubectl"), "kustomize", str(FOLDER)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return tuple(yaml.safe_load_all(done.stdout))


def of(kind: str) -> dict[str, dict[str, Any]]:
    """The resources of a kind, by name."""
    return {each["metadata"]["name"]: each for each in rendered() if each["kind"] == kind}


@pytest.mark.parametrize("version", ["1.29", "1.34"])
def test_every_resource_is_what_kubernetes_knows(version: str) -> None:
    for resource in rendered():
        if resource["kind"] not in CUSTOM:
            kubernetes_validate.validate(resource, version, strict=True)
    broken = {**of("Deployment")["newsloom-cleaner"], "spec": {"replicaz": 1}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, version, strict=True)


def test_the_whole_suite_is_there_in_one_namespace() -> None:
    assert set(of("Deployment")) == {f"newsloom-{name}" for name in (*SERVICES, "observer")}
    assert {each["metadata"].get("namespace") for each in rendered() if each["kind"] != "Namespace"} == {"newsloom"}
    files = {path.name for path in FOLDER.glob("*.yaml")} - {"kustomization.yaml"}
    assert files == set(yaml.safe_load((FOLDER / "kustomization.yaml").read_text())["resources"])


def test_pods_are_hardened_and_probed_where_the_services_answer() -> None:
    answers = set(re.findall(r'"(/\w+)"', (REPOSITORY / "services/runtime/http.py").read_text()))
    scripts = project()["project"]["scripts"]
    for name, resource in {**of("Deployment"), **of("Job")}.items():
        pod = resource["spec"]["template"]["spec"]
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        [container] = pod["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert "memory" in container["resources"]["limits"]
        image, tag = container["image"].split(":")
        assert image in scripts, image
        assert tag == project()["project"]["version"]
        if resource["kind"] == "Deployment":
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                assert container[probe]["httpGet"]["path"] in answers, name
            assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"


def test_every_variable_is_a_setting_and_the_port_is_the_one_that_is_probed() -> None:
    data = of("ConfigMap")["newsloom"]["data"]
    assert set(data) <= {f"NEWSLOOM_{name.upper()}" for name in RuntimeSettings.model_fields}
    settings = RuntimeSettings(**{key.removeprefix("NEWSLOOM_").lower(): value for key, value in data.items()})
    for resource in of("Deployment").values():
        [container] = resource["spec"]["template"]["spec"]["containers"]
        assert container["ports"] == [{"name": "status", "containerPort": settings.http_port}]
        assert {"configMapRef": {"name": "newsloom"}} in container["envFrom"]
    [policy] = of("NetworkPolicy").values()
    assert policy["spec"]["ingress"][0]["ports"] == [{"protocol": "TCP", "port": settings.http_port}]
    open_ports = {port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]}
    assert int(settings.kafka_bootstrap.split(":")[1]) in open_ports
    assert int(re.findall(r":(\d+)/", settings.redis_url.get_secret_value())[0]) in open_ports


def test_scaling_follows_the_lag_of_the_services_group_up_to_the_partitions() -> None:
    partitions = {topic.name: topic.partitions for topic in ALL_TOPICS}
    known = {
        "bootstrapServersFromEnv", "consumerGroup", "topic", "lagThreshold", "activationLagThreshold",
        "offsetResetPolicy", "allowIdleConsumers", "limitToPartitionsWithLag",
    }  # fmt: skip
    inputs = {"cleaner": "raw-articles", "entities": "clean-articles", "duplicates": "clean-articles"}
    scaled = of("ScaledObject")
    assert set(scaled) == {f"newsloom-{name}" for name in SERVICES}
    for service in SERVICES:
        spec = scaled[f"newsloom-{service}"]["spec"]
        assert spec["scaleTargetRef"] == {"name": f"newsloom-{service}"}
        [trigger] = spec["triggers"]
        metadata = trigger["metadata"]
        assert (trigger["type"], set(metadata)) == ("kafka", known)
        assert all(isinstance(value, str) for value in metadata.values()), "KEDA reads strings"
        assert metadata["consumerGroup"] == RuntimeSettings().group(service)
        assert metadata["topic"] == inputs[service]
        assert spec["maxReplicaCount"] == partitions[inputs[service]]
        assert metadata["bootstrapServersFromEnv"] in of("ConfigMap")["newsloom"]["data"]
        assert "replicas" not in of("Deployment")[f"newsloom-{service}"]["spec"], "KEDA's number would be overwritten"
        assert of("PodDisruptionBudget")[f"newsloom-{service}"]["spec"]["maxUnavailable"] == 1
    assert of("Deployment")["newsloom-observer"]["spec"]["replicas"] == 1


def test_selectors_select_what_is_there() -> None:
    pods = [each["spec"]["template"]["metadata"]["labels"] for each in of("Deployment").values()]
    [service], [monitor], [policy] = of("Service").values(), of("ServiceMonitor").values(), of("NetworkPolicy").values()
    for labels in pods:
        assert service["spec"]["selector"].items() <= labels.items()
        assert policy["spec"]["podSelector"]["matchLabels"].items() <= labels.items()
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert {each["port"] for each in monitor["spec"]["endpoints"]} <= {
        port["name"] for port in service["spec"]["ports"]
    }
    for name, budget in of("PodDisruptionBudget").items():
        labels = of("Deployment")[name]["spec"]["template"]["metadata"]["labels"]
        assert budget["spec"]["selector"]["matchLabels"].items() <= labels.items()
    [relabeling] = monitor["spec"]["endpoints"][0]["relabelings"]
    assert relabeling["targetLabel"] == "service", "rules and dashboards ask by service"


def test_the_rules_are_those_of_prometheus() -> None:
    spec = importlib.util.spec_from_file_location("generate_rule", FOLDER / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (FOLDER / "prometheusrule.yaml").read_text() == module.build(), "stale: run deploy/kubernetes/generate.py"
    [rule] = of("PrometheusRule").values()
    alerts = [each for group in rule["spec"]["groups"] for each in group["rules"] if "alert" in each]
    assert len(alerts) >= 20
