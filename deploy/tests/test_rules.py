"""Alerts and dashboards: their syntax, the metrics that they use, and when they fire. By promtool."""

import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

import yaml
from render import HERE, ROOT, objects, of_kind

PROMTOOL = os.environ.get("VESTA_PROMTOOL", str(ROOT / "target/tools/bin/promtool"))
SUFFIXES = {"histogram": ["_bucket", "_sum", "_count"]}
# Of others' exporters: kube-state-metrics, the kubelet, node, Redis and PostgreSQL exporters.
FOREIGN = re.compile(r"^(up|(kube|container|node|redis|pg)_\w+)$")


def promtool(*arguments):
    return subprocess.run([PROMTOOL, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False)


def rule_documents():
    return of_kind(objects("observability", "dev"), "PrometheusRule")


def expressions():
    """(where, expression) of every alert and every panel."""
    for document in rule_documents():
        for group in document["spec"]["groups"]:
            for rule in group["rules"]:
                yield rule["alert"], rule["expr"]
    for config in of_kind(objects("observability", "dev"), "ConfigMap"):
        if "grafana_dashboard" not in config["metadata"]["labels"]:
            continue
        [text] = config["data"].values()
        board = json.loads(text)
        for panel in board["panels"]:
            for target in panel["targets"]:
                # Grafana puts the chosen shards in.
                yield f"{board['title']}: {panel['title']}", target["expr"].replace("$shard", "1|2")


def exported():
    """The table in docs/operating.md, which a test of the product holds to what it serves."""
    text = (ROOT / "docs/operating.md").read_text(encoding="utf-8")
    names = set()
    for name, kind in re.findall(r"^\| `(vesta_\w+)` \| (\w+) \|", text, re.MULTILINE):
        names |= {name + suffix for suffix in SUFFIXES.get(kind, [""])}
    return names


class Rules(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = pathlib.Path(self.folder.name)

    def write_rules(self):
        files = []
        for document in rule_documents():
            files.append(self.path / f"{document['metadata']['name']}.yaml")
            files[-1].write_text(yaml.safe_dump(document["spec"]), encoding="utf-8")
        return files

    def test_rules_are_rules(self):
        done = promtool("check", "rules", "--lint=all", "--lint-fatal", *self.write_rules())
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_dashboards_ask_what_prometheus_understands(self):
        rules = [{"record": f"panel_{i}", "expr": expression} for i, (_, expression) in enumerate(expressions())]
        file = self.path / "panels.yaml"
        file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}), encoding="utf-8")
        done = promtool("check", "rules", "--lint=none", file)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_only_what_is_exported_is_asked_for(self):
        known = exported()
        for where, expression in expressions():
            bare = re.sub(r'"[^"]*"', "", expression)
            for name in re.findall(r"\b[a-z][a-z0-9_]*_[a-z0-9_]+\b", re.sub(r"\b(by|on) \([^)]*\)", "", bare)):
                if name in ("histogram_quantile", "stream_id", "max_over_time") or re.search(rf"\b{name}\s*(=|!)", bare):
                    continue
                self.assertTrue(name in known or FOREIGN.match(name), f"{where}: nobody exports {name}")

    def test_alerts_fire_when_they_should(self):
        self.write_rules()
        file = self.path / "test.yaml"
        text = (HERE / "rules_test.yaml").read_text(encoding="utf-8")
        file.write_text(text.replace("RULES", str(self.path)).replace("/*.yaml", "/vesta-*.yaml"), encoding="utf-8")
        done = promtool("test", "rules", file)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_prometheus_takes_the_scrape_configuration(self):
        """The operator's ScrapeConfig, written as the configuration that it becomes."""
        [scrape] = of_kind(objects("observability", "dev"), "ScrapeConfig")
        spec = scrape["spec"]
        relabel = [{"target_label": r["targetLabel"], "replacement": r["replacement"]} for r in spec["relabelings"]]
        job = {
            "job_name": spec["jobName"], "metrics_path": spec["metricsPath"], "scheme": spec["scheme"].lower(),
            "scrape_interval": spec["scrapeInterval"], "scrape_timeout": spec["scrapeTimeout"],
            "static_configs": spec["staticConfigs"], "relabel_configs": relabel,
        }
        config = {"rule_files": [str(f) for f in self.write_rules()], "scrape_configs": [job]}
        file = self.path / "prometheus.yml"
        file.write_text(yaml.safe_dump(config), encoding="utf-8")
        done = promtool("check", "config", file)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_whoever_is_called_learns_what_to_do(self):
        for document in rule_documents():
            for group in document["spec"]["groups"]:
                for rule in group["rules"]:
                    with self.subTest(rule["alert"]):
                        self.assertTrue(rule["annotations"]["summary"])
                        self.assertRegex(rule["alert"], r"^Vesta[A-Z]\w+$")


if __name__ == "__main__":
    unittest.main()
