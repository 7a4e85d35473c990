"""The rows of the requirements, read from rendered manifests and compared with expected/*.json."""

import re
import unittest

from render import CHARTS, TIERS, component, expected, objects, of_kind, one, parse, render_text

COMMON = expected("common")
# The rows ask for autoscaling; it is there for who asks for it.
AUTOSCALED = ("values-autoscaled.yaml",)


def policies_in_words(manifests):
    """{name without release and shard: [what it opens]} of the gateways' network policies."""
    words = {}
    for policy in of_kind(manifests, "NetworkPolicy"):
        name = policy["metadata"]["name"].removeprefix("vesta-spot-all-")
        said = []
        for way, peers, rules in (("in", "from", "ingress"), ("out", "to", "egress")):
            for rule in policy["spec"].get(rules, []):
                who = " ".join(map(peer_in_words, rule[peers]))
                for port in rule["ports"]:
                    ports = f"{port['port']}-{port['endPort']}" if "endPort" in port else port["port"]
                    said.append(f"{way} {port['protocol']} {ports} {peers} {who}")
        words[name] = sorted(said)
    return words


def peer_in_words(peer):
    if "ipBlock" in peer:
        return peer["ipBlock"]["cidr"]
    if "namespaceSelector" in peer:
        return peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
    return peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"]


def scaler(manifests, front):
    spec = one(manifests, "HorizontalPodAutoscaler", f"-{front}")["spec"]
    uses = {metric["resource"]["name"]: metric["resource"]["target"]["averageUtilization"] for metric in spec["metrics"]}
    steps = {}
    for way, key in (("up", "scaleUp"), ("down", "scaleDown")):
        behaviour = spec["behavior"][key]
        assert behaviour["selectPolicy"] == "Min", behaviour
        steps[way] = [f"{p['type']} {p['value']} in {p['periodSeconds']}" for p in behaviour["policies"]]
    replicas = [spec["minReplicas"], spec["maxReplicas"]]
    return {"replicas": replicas, "cpu": uses["cpu"], "memory": uses["memory"], **steps}


class Tiers(unittest.TestCase):
    maxDiff = None

    def test_api_and_websocket_scale_as_the_rows_say(self):
        for tier in TIERS:
            with self.subTest(tier):
                rows = {"replicas": expected(tier)["api_replicas"], **COMMON["hpa"]["api"]}
                self.assertEqual(scaler(objects("gateway", tier, AUTOSCALED), "api"), rows)
                self.assertEqual(scaler(objects("gateway", tier, AUTOSCALED), "websocket"), COMMON["hpa"]["websocket"])

    def test_without_a_tier_the_general_row_holds(self):
        manifests = parse(render_text("gateway", values={"autoscaled": True}))
        self.assertEqual(scaler(manifests, "api")["replicas"], COMMON["api_replicas_without_tier"])

    def test_autoscalers_scale_deployments_that_there_are(self):
        for tier in TIERS:
            manifests = objects("gateway", tier, AUTOSCALED)
            deployments = {d["metadata"]["name"]: d["spec"] for d in of_kind(manifests, "Deployment")}
            for autoscaler in of_kind(manifests, "HorizontalPodAutoscaler"):
                target = autoscaler["spec"]["scaleTargetRef"]
                self.assertEqual((target["apiVersion"], target["kind"]), ("apps/v1", "Deployment"))
                # A number of its own would undo the autoscaler's at every deployment.
                self.assertNotIn("replicas", deployments[target["name"]])

    def test_nothing_scales_that_is_not_asked_to(self):
        """A shard of today ends with any of its gateways: without the opt-in a tier has its least of them, for good."""
        for tier in TIERS:
            with self.subTest(tier):
                manifests = objects("gateway", tier)
                self.assertEqual(of_kind(manifests, "HorizontalPodAutoscaler"), [])
                deployment = one(manifests, "Deployment")
                self.assertEqual(component(deployment), "api")
                self.assertEqual(deployment["spec"]["replicas"], expected(tier)["api_replicas"][0])
                self.assertEqual(deployment["spec"]["strategy"], {"type": "Recreate"})

    def test_nothing_is_let_in_or_out_but_what_the_rows_say(self):
        for tier in TIERS:
            with self.subTest(tier):
                words = policies_in_words(objects("gateway", tier, AUTOSCALED))
                self.assertEqual(words.pop("default-deny"), [])
                self.assertEqual(words, COMMON["allows"])
                fixed = policies_in_words(objects("gateway", tier))
                fixed.pop("default-deny")
                self.assertEqual(fixed, {name: rows for name, rows in COMMON["allows"].items() if "websocket" not in name})
                deny = one(objects("gateway", tier), "NetworkPolicy", "-default-deny")["spec"]
                self.assertEqual({"pods": deny["podSelector"], "types": deny["policyTypes"]}, COMMON["default_deny"])

    def test_policies_name_the_pods_that_they_mean(self):
        policies = of_kind(objects("gateway", "dev", AUTOSCALED), "NetworkPolicy")
        for name, front in {"api-to-database": "api", "api-to-redis": "api", "websocket-to-api": "websocket",
                            "api-from-websocket": "api"}.items():
            [policy] = [p for p in policies if p["metadata"]["name"] == f"vesta-spot-all-{name}"]
            self.assertEqual(policy["spec"]["podSelector"]["matchLabels"]["app.kubernetes.io/component"], front)

    def test_observability_is_what_the_tier_has(self):
        for tier in TIERS:
            with self.subTest(tier):
                manifests = objects("observability", tier)
                there = {component(d) or d["spec"]["selector"]["matchLabels"]["app.kubernetes.io/component"]
                         for kind in ("Deployment", "DaemonSet") for d in of_kind(manifests, kind)}
                there |= {kind.lower() for kind in ("Prometheus", "Alertmanager") if of_kind(manifests, kind)}
                self.assertEqual(sorted(there), expected(tier)["observability"])
                for prometheus in of_kind(manifests, "Prometheus"):
                    self.assertEqual(prometheus["spec"]["retention"], COMMON["prometheus_retention"])

    def test_alerts_have_the_severities_and_triggers_of_the_rows(self):
        rules = [rule for document in of_kind(objects("observability", "dev"), "PrometheusRule")
                 for group in document["spec"]["groups"] for rule in group["rules"]]
        self.assertEqual(sorted({rule["labels"]["severity"] for rule in rules}), COMMON["severities"])
        alerts = {rule["alert"]: rule["expr"] for rule in rules}
        self.assertEqual(len(alerts), len(rules), "two alerts share a name")
        for alert, bound in COMMON["triggers"].items():
            self.assertTrue(alerts[alert].strip().endswith(bound), f"{alert}: {alerts[alert]}")

    def test_what_waits_is_not_there(self):
        """Rows that belong to services which do not exist yet. One that appears has to leave the list."""
        for tier in TIERS:
            names = [f"{d['kind']} {d['metadata']['name']}" for name in CHARTS for d in objects(name, tier)]
            for waiting in COMMON["waiting"]:
                found = [name for name in names if re.search(rf"\b{waiting.rstrip('s')}s?\b", name, re.IGNORECASE)]
                self.assertEqual(found, [], f"{waiting} is here: assert its rows")
        for waiting, rows in COMMON["waiting"].items():
            print(f"\nwaits: {waiting}: {'; '.join(rows)}", flush=True)

    def test_workers_of_each_tier_are_written_down(self):
        for tier in TIERS:
            self.assertEqual(sorted(expected(tier)["worker_replicas"]), ["futures", "spot"])


if __name__ == "__main__":
    unittest.main()
