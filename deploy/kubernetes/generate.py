"""PrometheusRule from deploy/prometheus/rules: `python deploy/kubernetes/generate.py` (a test tells when)."""

from __future__ import annotations

from pathlib import Path

import yaml

HERE = Path(__file__).parent
RULES = HERE.parent / "prometheus/rules"


def build() -> str:
    """The PrometheusRule as YAML: the groups of all rule files, as they are."""
    groups = [group for path in sorted(RULES.glob("*.yml")) for group in yaml.safe_load(path.read_text())["groups"]]
    resource = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {
            "name": "newsloom",
            "labels": {"app.kubernetes.io/name": "newsloom", "app.kubernetes.io/part-of": "newsloom"},
        },
        "spec": {"groups": groups},
    }
    header = "# Generated from deploy/prometheus/rules by generate.py; change it there.\n"
    return header + yaml.safe_dump(resource, sort_keys=False, width=120, allow_unicode=True)


if __name__ == "__main__":
    (HERE / "prometheusrule.yaml").write_text(build(), encoding="utf-8")
