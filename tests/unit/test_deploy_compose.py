"""docker-compose.yml holds what the compose specification asks, and names only what exists."""

from __future__ import annotations

import json
import re
import shlex
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import typer.main
import yaml

from schemas.topics import ALL_TOPICS, SERVICES
from services.cli import app
from services.runtime.settings import RuntimeSettings
from tests.deployment import DEPLOY, REPOSITORY, compose, interpolated, project, properties

CONTAINERS: dict[str, dict[str, Any]] = compose()["services"]
WORKERS = [name for name, container in CONTAINERS.items() if container.get("expose") == ["8080"]]
PROFILES = ("core", "observe")


def test_the_file_is_what_the_compose_specification_allows() -> None:
    # the specification's own schema lies in this package; importing it would ask for another click than Faust's
    package = find_spec("check_jsonschema")
    assert package is not None
    assert package.origin is not None
    schema = json.loads((Path(package.origin).parent / "builtin_schemas/vendor/compose-spec.json").read_text())
    validator = jsonschema.validators.validator_for(schema)(schema)
    assert [error.message for error in validator.iter_errors(compose())] == []
    # the schema was seen to say no: a misspelt key is no extension
    broken = {**compose(), "services": {**CONTAINERS, "kafka": {**CONTAINERS["kafka"], "imagine": "x"}}}
    assert [error.message for error in validator.iter_errors(broken)] != []


def test_it_runs_the_whole_suite() -> None:
    assert set(CONTAINERS) == {"kafka", "redis", "topics", *SERVICES, "observer", "prometheus", "grafana", "jaeger"}
    assert set(WORKERS) == {*SERVICES, "observer"}


def test_up_alone_gives_everything_and_each_profile_what_it_needs() -> None:
    [line] = [line for line in (REPOSITORY / ".env").read_text().splitlines() if line.startswith("COMPOSE_PROFILES=")]
    assert line.removeprefix("COMPOSE_PROFILES=").split(",") == list(PROFILES)
    assert {name for name, container in CONTAINERS.items() if "traces" in container["profiles"]} == {"jaeger"}
    for profile in PROFILES:
        enabled = {name for name, container in CONTAINERS.items() if profile in container["profiles"]}
        for name in enabled:
            assert set(CONTAINERS[name].get("depends_on", {})) <= enabled, f"{name} in profile {profile}"
    core = {name for name, container in CONTAINERS.items() if "core" in container["profiles"]}
    assert core == {"kafka", "redis", "topics", *SERVICES}


def test_a_container_waits_for_what_it_needs_until_that_is_healthy_or_done() -> None:
    for name, container in CONTAINERS.items():
        for other, condition in container.get("depends_on", {}).items():
            if condition["condition"] == "service_healthy":
                assert "test" in CONTAINERS[other]["healthcheck"], f"{name} waits for {other}"
            else:
                assert condition["condition"] == "service_completed_successfully"
                assert CONTAINERS[other]["restart"].startswith("on-failure"), "one that is always restarted never ends"
    for worker in WORKERS:
        assert set(CONTAINERS[worker]["depends_on"]) == {"kafka", "redis", "topics"}
    assert "redis" not in CONTAINERS["topics"]["depends_on"]


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_container_is_hardened_limited_and_pinned(name: str) -> None:
    container = CONTAINERS[name]
    assert container["read_only"] is True
    assert container["cap_drop"] == ["ALL"]
    assert container["security_opt"] == ["no-new-privileges:true"]
    assert container["user"].split(":")[0] not in ("", "0", "root")
    assert set(container["deploy"]["resources"]["limits"]) == {"cpus", "memory"}
    assert "healthcheck" in container
    image = interpolated(container["image"], {})
    assert re.fullmatch(r"[a-z0-9/-]+:(local|v?\d+\.\d+\.\d+(-[a-z]+)?)", image), image
    assert ("build" in container) == image.endswith(":local")
    for port in container.get("ports", ()):
        assert port.startswith("127.0.0.1:"), "reachable from this machine alone"


def test_what_may_be_seen_from_this_machine_has_a_network_that_leads_out_and_the_workers_have_none() -> None:
    assert compose()["networks"]["suite"] == {"internal": True}
    for name, container in CONTAINERS.items():
        assert set(container["networks"]) == ({"suite", "host"} if "ports" in container else {"suite"}), name


def test_every_variable_is_a_field_of_the_settings() -> None:
    fields = {f"NEWSLOOM_{name.upper()}" for name in RuntimeSettings.model_fields}
    for name in (*WORKERS, "topics"):
        environment = {key: interpolated(value, {}) for key, value in CONTAINERS[name]["environment"].items()}
        assert set(environment) <= fields, name
        settings = RuntimeSettings(
            **{key.removeprefix("NEWSLOOM_").lower(): value for key, value in environment.items()}
        )
        assert settings.kafka_bootstrap.split(":")[0] in CONTAINERS
        assert settings.redis_url.get_secret_value().removeprefix("redis://").split(":")[0] in CONTAINERS
        assert settings.http_host == "0.0.0.0"
    # interpolated names are ours alone and documented where they are used
    used = set(re.findall(r"\$\{(\w+)", (REPOSITORY / "docker-compose.yml").read_text()))
    documented = (DEPLOY / "README.md").read_text()
    assert [name for name in sorted(used) if name not in documented] == []


def test_the_status_port_is_one_number_everywhere() -> None:
    dockerfile = (DEPLOY / "Dockerfile").read_text()
    prometheus = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text())
    [suite] = [job for job in prometheus["scrape_configs"] if job["job_name"] == "newsloom"]
    [discovery] = suite["dns_sd_configs"]
    assert sorted(discovery["names"]) == sorted(WORKERS)
    ports = {
        str(discovery["port"]),
        *(CONTAINERS[name]["environment"]["NEWSLOOM_HTTP_PORT"] for name in WORKERS),
        *(port for name in WORKERS for port in CONTAINERS[name]["expose"]),
        *re.findall(r"^EXPOSE (\d+)", dockerfile, re.M),
        *re.findall(r"NEWSLOOM_HTTP_PORT=(\d+)", dockerfile),
    }
    assert ports == {"8080"}


def test_a_worker_is_asked_for_readiness_by_python_alone() -> None:
    for name in WORKERS:
        command = CONTAINERS[name]["healthcheck"]["test"]
        assert command[:3] == ["CMD", "python", "-c"]
        compile(command[3], name, "exec")
        assert "/readyz" in command[3]
    assert CONTAINERS["kafka"]["healthcheck"]["test"][1].endswith("/kafka-broker-api-versions.sh")
    assert "redis-cli ping" in CONTAINERS["redis"]["healthcheck"]["test"][1]


def test_every_built_image_has_an_extra_and_a_console_script() -> None:
    extras, scripts = project()["project"]["optional-dependencies"], project()["project"]["scripts"]
    for name, container in CONTAINERS.items():
        if build := container.get("build"):
            service = build["args"]["SERVICE"]
            assert service in extras
            assert f"newsloom-{service}" in scripts
            assert interpolated(container["image"], {}) == f"newsloom-{service}:local", name
            assert (REPOSITORY / build["context"] / build["dockerfile"]).is_file()
            module = scripts[f"newsloom-{service}"].split(":")[0]
            assert (REPOSITORY / f"{module.replace('.', '/')}.py").is_file(), module


def test_the_one_shot_command_is_one_of_the_command_line() -> None:
    program, *words = CONTAINERS["topics"]["command"]
    assert program in project()["project"]["scripts"]
    command: Any = typer.main.get_command(app)
    for word in words:
        command = command.commands[word]


def test_every_mounted_file_exists_and_every_volume_is_declared() -> None:
    for name, container in CONTAINERS.items():
        for mount in container.get("volumes", ()):
            place, _, rest = mount.partition(":")
            if place.startswith("."):
                assert (REPOSITORY / place).exists(), f"{name}: {place}"
                assert rest.endswith(":ro"), f"{name}: {mount}"
            else:
                assert place in compose()["volumes"], f"{name}: {place}"
    declared = set(compose()["volumes"])
    used = {mount.split(":")[0] for container in CONTAINERS.values() for mount in container.get("volumes", ())}
    assert declared <= used


def test_kafka_is_the_version_of_the_tests_and_takes_the_largest_record() -> None:
    jars = (REPOSITORY / "services/local/kafka-jars.txt").read_text()
    [version] = re.findall(r"^org\.apache\.kafka:kafka_2\.13:(\S+)", jars, re.M)
    assert CONTAINERS["kafka"]["image"] == f"apache/kafka:{version}"
    config = properties(DEPLOY / "kafka/server.properties")
    largest = max(topic.max_message_bytes for topic in ALL_TOPICS)
    assert int(config["message.max.bytes"]) >= largest
    assert int(config["replica.fetch.max.bytes"]) >= largest
    assert config["auto.create.topics.enable"] == "false"
    advertised = dict(re.findall(r"(\w+)://([\w.-]+:\d+)", config["advertised.listeners"]))
    assert advertised["INTERNAL"] == CONTAINERS["cleaner"]["environment"]["NEWSLOOM_KAFKA_BOOTSTRAP"]
    assert CONTAINERS["kafka"]["ports"] == [f"127.0.0.1:{advertised['HOST'].split(':')[1]}:9092"]
    assert config["log.dirs"] in [mount.split(":")[1] for mount in CONTAINERS["kafka"]["volumes"]]


def test_grafana_reads_the_provisioning_and_the_dashboards_that_are_there() -> None:
    mounts = dict(mount.split(":")[:2][::-1] for mount in CONTAINERS["grafana"]["volumes"])
    provider = yaml.safe_load((DEPLOY / "grafana/provisioning/dashboards/newsloom.yml").read_text())["providers"][0]
    assert provider["options"]["path"] in mounts
    sources = yaml.safe_load((DEPLOY / "grafana/provisioning/datasources/prometheus.yml").read_text())["datasources"]
    for source in sources:
        host, port = source["url"].removeprefix("http://").split(":")
        assert host in CONTAINERS
        assert CONTAINERS[host]["ports"][0].endswith(f":{port}")
    [link] = sources[0]["jsonData"]["exemplarTraceIdDestinations"]
    assert link == {"name": "trace_id", "datasourceUid": sources[1]["uid"]}
    assert '"newsloom-prometheus"' in (DEPLOY / "grafana/dashboards/newsloom-overview.json").read_text()
    assert sources[0]["uid"] == "newsloom-prometheus"
    home = Path(CONTAINERS["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert (REPOSITORY / mounts[str(home.parent)] / home.name).is_file()


# -- the image


def _instructions() -> list[tuple[str, str]]:
    text = re.sub(r"^\s*#.*\n", "", (DEPLOY / "Dockerfile").read_text(), flags=re.M).replace("\\\n", " ")
    return [tuple(line.split(None, 1)) for line in text.splitlines() if line.strip()]  # type: ignore[misc]


def test_the_image_copies_only_what_exists_and_is_not_ignored() -> None:
    allowed = [line[1:] for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for word, rest in _instructions():
        if word == "COPY" and not rest.startswith("--from"):
            *sources, _ = shlex.split(rest)
            for source in sources:
                assert source in allowed, f"{source} is kept out by .dockerignore"
                assert (REPOSITORY / source).exists(), source


def test_the_image_installs_pinned_hashed_packages_of_one_service_and_runs_it_as_nobody() -> None:
    instructions = _instructions()
    bases = [rest for word, rest in instructions if word == "FROM"]
    assert len(bases) == 2, "what builds is not in the image"
    [version] = re.findall(r"ARG PYTHON=(\S+)", (DEPLOY / "Dockerfile").read_text())
    assert re.match(r"3\.\d+\.\d+-slim-", version)
    runs = [rest for word, rest in instructions if word == "RUN"]
    [install] = [run for run in runs if "--extra" in run]
    assert "--require-hashes" in install
    assert "--constraint requirements.lock" in install
    last = max(index for index, (word, _) in enumerate(instructions) if word == "FROM")
    final = instructions[last:]
    assert install.endswith("${EXTRAS:+--extra ${EXTRAS}}"), "traces are an extra, left out unless asked for"
    assert ("USER", "10001:10001") in final
    assert [rest for word, rest in final if word == "CMD"] == ['["service"]']
    assert "hatchling" in " ".join(project()["dependency-groups"]["build"])
