"""Dashboards, rules and alerts name only what exists, say what an operator needs, and are not stale."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY

from services.observer.metrics import OutletCollector
from services.observer.outlets import OutletBoard
from tests.deployment import DEPLOY
from tests.integration.test_deploy_observed import generator

RULES = {path.name: yaml.safe_load(path.read_text()) for path in sorted((DEPLOY / "prometheus/rules").glob("*.yml"))}
ALERTS: list[dict[str, Any]] = [rule for group in RULES["alerts.yml"]["groups"] for rule in group["rules"]]
RECORDED = {rule["record"] for group in RULES["recording.yml"]["groups"] for rule in group["rules"]}
DASHBOARDS = {path.stem: path for path in sorted((DEPLOY / "grafana/dashboards").glob("*.json"))}
METRIC_MODULES = ("runtime", "cleaner", "entities", "duplicates", "observer")


def exported() -> set[str]:
    """The names of all series that the code can export."""
    for name in METRIC_MODULES:
        importlib.import_module(f"services.{name}.metrics")
    families = [*REGISTRY.collect(), *OutletCollector(lambda: OutletBoard(), lambda: OutletBoard()).collect()]
    names: set[str] = set()
    for family in families:
        suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "summary": ("_count", "_sum")}
        names |= {family.name + suffix for suffix in suffixes.get(family.type, ("",))}
    return names


def named(expression: str) -> set[str]:
    """The newsloom metrics and recorded series that an expression names."""
    without_strings = re.sub(r'"[^"]*"', '""', expression)
    return set(re.findall(r"\b(?:[a-z_]+:)?newsloom_[a-z0-9_]+(?::[a-z0-9_]+)?", without_strings))


def expressions(dashboard: dict[str, Any]) -> list[str]:
    found = [target["expr"] for panel in panels(dashboard) for target in panel.get("targets", ())]
    return found + [each["expr"] for each in dashboard["annotations"]["list"] if "expr" in each]


def panels(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def load(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text())


def test_no_dashboard_is_stale() -> None:
    made = {uid: content for uid, (content, _) in generator().build().items()}
    assert set(made) == set(DASHBOARDS)
    for uid, path in DASHBOARDS.items():
        assert path.read_text() == made[uid], f"{uid} is stale: run deploy/grafana/generate.py"


def test_every_metric_that_a_rule_or_a_panel_names_is_exported_or_recorded() -> None:
    known = exported() | RECORDED
    for name, content in RULES.items():
        for group in content["groups"]:
            for rule in group["rules"]:
                assert named(rule["expr"]) <= known, f"{name}: {rule}"
    for uid, path in DASHBOARDS.items():
        for expression in expressions(load(path)):
            assert named(expression) <= known, f"{uid}: {expression}"
            assert named(expression) or re.search(r"ALERTS|process_|\bup\b", expression), expression
    # the check can say no
    assert not named("rate(newsloom_recordz_total[5m])") <= known


def test_every_metric_that_the_code_exports_is_seen_on_a_dashboard_or_in_a_rule() -> None:
    used = {
        name for path in DASHBOARDS.values() for expression in expressions(load(path)) for name in named(expression)
    }
    used |= {
        name
        for content in RULES.values()
        for group in content["groups"]
        for r in group["rules"]
        for name in named(r["expr"])
    }
    stems = {re.sub(r"_(total|bucket|count|sum)$", "", name) for name in used}
    # told elsewhere: the same memory as the observer sees it
    unseen = {"newsloom_duplicate_redis_used_bytes", "newsloom_duplicate_reindexed", "newsloom_entities_mentions"}
    every = {re.sub(r"_(total|bucket|count|sum)$", "", name) for name in exported() if name.startswith("newsloom_")}
    assert every - stems <= unseen, sorted(every - stems - unseen)


def test_dashboards_have_stable_ids_units_descriptions_and_links_to_one_another() -> None:
    for uid, path in DASHBOARDS.items():
        dashboard = load(path)
        assert dashboard["uid"] == uid
        assert dashboard["description"]
        assert {link["url"].removeprefix("/d/") for link in dashboard["links"]} == set(DASHBOARDS) - {uid}
        identities = [panel["id"] for panel in panels(dashboard)]
        assert len(identities) == len(set(identities))
        text = path.read_text()
        for variable in dashboard["templating"].get("list", ()):
            assert f"${variable['name']}" in text, f"{uid}: unused variable {variable['name']}"
        for panel in panels(dashboard):
            position = panel["gridPos"]
            assert 0 <= position["x"] < position["x"] + position["w"] <= 24, panel["title"]
            if panel["type"] in ("timeseries", "stat", "bargauge"):
                assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
            assert panel["title"], uid
            assert panel["type"] == "text" or panel.get("description"), f"{uid}: {panel['title']} has no description"


def test_panels_do_not_overlap() -> None:
    for uid, path in DASHBOARDS.items():
        taken: dict[tuple[int, int], str] = {}
        for panel in load(path)["panels"]:
            place = panel["gridPos"]
            for x in range(place["x"], place["x"] + place["w"]):
                for y in range(place["y"], place["y"] + place["h"]):
                    assert (x, y) not in taken, f"{uid}: {panel['title']} over {taken[x, y]}"
                    taken[x, y] = panel["title"]


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_an_alert_says_what_it_is_what_to_do_and_where_to_look(alert: dict[str, Any]) -> None:
    annotations = alert["annotations"]
    assert set(annotations) == {"summary", "description", "runbook_url", "dashboard_uid"}
    assert alert["labels"]["severity"] in ("page", "ticket")
    assert annotations["dashboard_uid"] in DASHBOARDS
    path, anchor = annotations["runbook_url"].split("#")
    assert (DEPLOY.parent / path).is_file()
    runbook = (DEPLOY.parent / path).read_text()
    headings = {
        re.sub(r"[^a-z0-9 -]", "", line.lstrip("# ").lower()).replace(" ", "-")
        for line in runbook.splitlines()
        if line.startswith("#")
    }
    assert anchor == alert["alert"].lower()
    assert anchor in headings, f"{path} has no section {alert['alert']}"
    section = runbook.split(f"### {alert['alert']}\n")[1].split("\n#")[0]
    for part in ("Means", "Look", "Do", "Wake"):
        assert f"**{part}**" in section, f"{alert['alert']}: {part}"


def test_the_runbook_has_no_section_for_an_alert_that_is_gone() -> None:
    headings = re.findall(r"^### (Newsloom\w+)", (DEPLOY / "README.md").read_text(), re.M)
    assert sorted(headings) == sorted(alert["alert"] for alert in ALERTS)


def test_every_alert_has_a_test_that_fires_and_one_that_stays_silent() -> None:
    names = [
        test["name"]
        for path in (DEPLOY / "prometheus/tests").glob("*.yml")
        for test in yaml.safe_load(path.read_text())["tests"]
    ]
    for alert in ALERTS:
        assert any(name.startswith(f"{alert['alert']} fires") for name in names), alert["alert"]
        assert any(name.startswith(f"{alert['alert']} stays silent") for name in names), alert["alert"]


def test_every_command_of_the_runbook_exists() -> None:
    import typer.main

    from services.cli import app

    text = (DEPLOY / "README.md").read_text()
    for line in re.findall(r"^ *(?:\$ )?(?:[A-Z_]+=\S+ )*newsloom ((?:[a-z][a-z-]+ ?)+)", text, re.M) + re.findall(
        r"`newsloom ((?:[a-z][a-z-]+ ?)+)", text
    ):
        command: Any = typer.main.get_command(app)
        for word in line.split():
            if not hasattr(command, "commands"):
                break
            assert word in command.commands, f"newsloom {line}"
            command = command.commands[word]


def test_every_variable_of_the_runbook_is_a_setting_or_composes() -> None:
    from services.cleaner.service import CleanerSettings
    from services.local.settings import LocalSettings
    from services.observer.service import ObserverSettings
    from services.runtime.settings import RuntimeSettings

    known = {
        f"{kind.model_config.get('env_prefix')}{field.upper()}"
        for kind in (RuntimeSettings, CleanerSettings, LocalSettings, ObserverSettings)
        for field in kind.model_fields
    }
    known |= set(re.findall(r"\$\{(\w+)", (DEPLOY.parent / "docker-compose.yml").read_text()))
    for name in re.findall(r"\bNEWSLOOM_[A-Z_]+[A-Z]\b", (DEPLOY / "README.md").read_text()):
        assert name in known or name.startswith(("NEWSLOOM_DUPLICATES_", "NEWSLOOM_ENTITIES_")), name
