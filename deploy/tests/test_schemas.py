"""values.schema.json refuses what no chart knows, and what could not be right."""

import concurrent.futures
import functools
import json
import re
import unittest

import jsonschema
import yaml
from render import CHARTS, LOADER, TIERS, chart, helm, values_files

# Each is refused, and helm names the value: (chart, path, value).
REFUSED = [
    ("gateway", "nonsense", 1),
    ("gateway", "image.digest", "sha256:0"),
    ("gateway", "image.tag", "latest"),
    ("gateway", "image.pullPolicy", "Sometimes"),
    ("gateway", "shard.id", "101"),
    ("gateway", "shard.id", 0),
    ("gateway", "shard.market", "options"),
    ("gateway", "fronts.api.port", "7999"),
    ("gateway", "fronts.api.port", 80),
    ("gateway", "fronts.grpc", {"enabled": True}),
    ("gateway", "fronts.api.autoscaling.maxReplicas", "ten"),
    ("gateway", "fronts.api.autoscaling.maxReplicas", 0),
    ("gateway", "fronts.api.autoscaling.cpuPercent", 170),
    ("gateway", "fronts.api.autoscaling.cpuPercents", 70),
    ("gateway", "fronts.api.resources.limits.memory", "lots"),
    ("gateway", "fronts.api.resources.limits.gpu", 1),
    ("gateway", "fronts.api.targetGroupArn", "tg-1"),
    ("gateway", "autoscaled", "no"),
    ("gateway", "config.idle", "sleep"),
    ("gateway", "config.mtuBytes", 1400),
    ("gateway", "externalSecret.enabled", "yes"),
    ("gateway", "network.shardCidrs", ["10.0.1.0"]),
    ("gateway", "network.shardCidrs", []),
    ("gateway", "seccomp.profile", "unconfined"),
    ("gateway", "ending.exitSeconds", 1),
    ("gateway", "spread.zone", "Maybe"),
    ("gateway", "sharedMemory", "64MB"),
    ("gateway", "tolerations", [{"key": "a", "effect": "Never"}]),
    ("md-relay", "config.mode", "broadcast"),
    ("md-relay", "ports.marketData", 70000),
    ("md-relay", "ports.market_data", 24340),
    ("md-relay", "networkPolicy.consumerLabel", {"one": "more"}),
    ("md-relay", "resources.requests.cpu", "half"),
    ("md-relay", "maxUnavailable", "1"),
    ("observability", "hosts.roles", ["relayer"]),
    ("observability", "hosts.shards", {"spot-btc": {"market": "spot", "addresses": ["host"]}}),
    ("observability", "prometheus.retention", "a month"),
    ("observability", "prometheus.replicas", 0),
    ("observability", "prometheus.alsoScraped", "operator"),
    ("observability", "alertmanager.topics", {"critical": "", "warning": "", "info": "", "debug": ""}),
    ("observability", "exporters.redis.address", "http://redis"),
    ("observability", "grafana.image", "grafana/grafana"),
]


WHOLE = {"labels", "nodeSelector", "tolerations", "resources", "consumerLabel", "selector", "ports", "topics"}


def nested(path, value):
    for key in reversed(path.split(".")):
        value = {key: value}
    return value


@functools.cache
def validator(name):
    schema = json.loads((chart(name) / "values.schema.json").read_text(encoding="utf-8"))
    # `$defs` is younger than what helm says it reads; both find it.
    return jsonschema.Draft7Validator(schema)


@functools.cache
def defaults(name):
    return yaml.load((chart(name) / "values.yaml").read_text(encoding="utf-8"), Loader=LOADER)


def merged(base, over):
    """As helm merges values: objects key by key, all else as a whole."""
    if not (isinstance(base, dict) and isinstance(over, dict)):
        return over
    return {key: merged(base.get(key), over[key]) if key in over else base[key] for key in {**base, **over}}


def lint(run):
    name, files = run
    return helm("lint", "--strict", chart(name), *[option for file in files for option in ("-f", file)])


def leaves(value, path=()):
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    else:
        yield path, value


class Schemas(unittest.TestCase):
    def test_what_is_wrong_is_refused(self):
        for name, path, value in REFUSED:
            with self.subTest(chart=name, path=path, value=value):
                errors = list(validator(name).iter_errors(merged(defaults(name), nested(path, value))))
                self.assertTrue(errors, "it was taken")
                # Nothing else is wrong: the message is about this value, or about the one that it is in.
                at = [".".join(map(str, error.absolute_path)) for error in errors]
                self.assertTrue(all(path.startswith(place) or place.startswith(path) for place in at), at)

    def test_helm_refuses_it_too(self):
        for name in CHARTS:
            path, value = next((p, v) for c, p, v in REFUSED if c == name)
            done = helm("template", "vesta", chart(name), values=nested(path, value))
            self.assertNotEqual(done.returncode, 0, "it was taken")
            self.assertIn("values don't meet the specifications of the schema", done.stderr)
            self.assertIn(path.split(".")[0], done.stderr)

    def test_defaults_are_taken(self):
        for name in CHARTS:
            self.assertEqual([e.message for e in validator(name).iter_errors(defaults(name))], [])

    def test_every_tier_is_taken_strictly(self):
        runs = [(name, values_files(name, tier)) for name in CHARTS for tier in TIERS]
        runs.append(("gateway", values_files("gateway", "medium", ("values-autoscaled.yaml",))))
        with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
            for run, done in zip(runs, pool.map(lint, runs), strict=True):
                self.assertEqual(done.returncode, 0, f"{run}: {done.stdout}{done.stderr}")

    def test_every_object_is_closed(self):
        for name in CHARTS:
            schema = json.loads((chart(name) / "values.schema.json").read_text(encoding="utf-8"))
            for part in self.objects_of(schema):
                self.assertIn("additionalProperties", part, f"{name}: {json.dumps(part)[:120]}")
                self.assertNotEqual(part["additionalProperties"], True)

    def objects_of(self, part):
        if isinstance(part, dict):
            # `global` is helm's own, handed to every chart.
            if part.get("type") == "object" and part != {"type": "object"}:
                yield part
            for inner in part.values():
                yield from self.objects_of(inner)
        elif isinstance(part, list):
            for inner in part:
                yield from self.objects_of(inner)

    def test_every_value_is_used(self):
        """One that no template reads is a promise that nobody keeps."""
        for name in CHARTS:
            text = "".join(p.read_text(encoding="utf-8") for p in sorted((chart(name) / "templates").iterdir()))
            for path, _ in leaves(defaults(name)):
                # Labels, resources, tolerations and the like are handed on whole, or looked up by their key.
                names = [path[-1], *(key for key in path if key in WHOLE)]
                self.assertTrue(any(re.search(rf"\.{re.escape(key)}\b", text) for key in names), f"{name}: {'.'.join(path)}")

    def test_without_streams_the_chart_says_what_it_wants(self):
        for name in ("gateway", "md-relay"):
            done = helm("template", "vesta", chart(name), values={"externalSecret": {"enabled": False}})
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("config.streams", done.stderr)


if __name__ == "__main__":
    unittest.main()
