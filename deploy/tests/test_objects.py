"""Rules that every rendered object keeps, and the shape of those that no published schema describes."""

import json
import re
import unittest

from render import CHARTS, ROOT, TIERS, TREE, component, objects, of_kind, one, parse

WORKLOADS = ["Deployment", "DaemonSet"]
# What a gateway does after SIGTERM: it says good-bye for 250 ms or twice the interval of status messages, and its
# publications linger a second (crates/runner, transport.publication_linger_timeout_ms).
EXIT_S = 2


def workloads():
    for name in CHARTS:
        for tier in TIERS:
            for kind in WORKLOADS:
                for document in of_kind(objects(name, tier), kind):
                    yield name, tier, document


def quantity_mib(text):
    number, unit = re.fullmatch(r"(\d+)(Mi|Gi)", text).groups()
    return int(number) * (1024 if unit == "Gi" else 1)


class Workloads(unittest.TestCase):
    def test_pods_are_confined(self):
        for name, tier, document in workloads():
            with self.subTest(chart=name, tier=tier, workload=document["metadata"]["name"]):
                pod = document["spec"]["template"]["spec"]
                self.assertTrue(pod["securityContext"]["runAsNonRoot"])
                self.assertGreater(pod["securityContext"]["runAsUser"], 0)
                self.assertIn(pod["securityContext"]["seccompProfile"]["type"], ["RuntimeDefault", "Localhost"])
                self.assertFalse(pod["automountServiceAccountToken"])
                for container in pod["containers"]:
                    context = container["securityContext"]
                    self.assertFalse(context["allowPrivilegeEscalation"])
                    self.assertFalse(context["privileged"])
                    self.assertTrue(context["readOnlyRootFilesystem"])
                    self.assertEqual(context["capabilities"], {"drop": ["ALL"]})
                    self.assertIn("memory", container["resources"]["limits"])
                    self.assertEqual(sorted(container["resources"]["requests"]), ["cpu", "memory"])
                    self.assertIn("readinessProbe", container)
                    self.assertNotRegex(container["image"], r":latest$|^[^:]*$")

    def test_only_relay_and_node_exporter_are_on_the_node(self):
        on_node = {d["metadata"]["name"] for _, _, d in workloads() if d["spec"]["template"]["spec"].get("hostNetwork")}
        self.assertEqual(on_node, {"vesta-spot-all", "vesta-node-exporter"})

    def test_selectors_select_their_own_pods(self):
        for _, _, document in workloads():
            labels = document["spec"]["template"]["metadata"]["labels"]
            self.assertLessEqual(document["spec"]["selector"]["matchLabels"].items(), labels.items())

    def test_shared_memory_fits_into_the_pod(self):
        for name, _, document in workloads():
            if name == "observability":
                continue
            pod = document["spec"]["template"]["spec"]
            [shm] = [v for v in pod["volumes"] if v["name"] == "shm"]
            self.assertEqual(shm["emptyDir"]["medium"], "Memory")
            limit = pod["containers"][0]["resources"]["limits"]["memory"]
            self.assertLess(2 * quantity_mib(shm["emptyDir"]["sizeLimit"]), quantity_mib(limit))


class Gateways(unittest.TestCase):
    def pods(self):
        for tier in TIERS:
            for extra in ((), ("values-autoscaled.yaml",)):
                for document in of_kind(objects("gateway", tier, extra), "Deployment"):
                    yield tier, document, document["spec"]["template"]["spec"]

    def test_they_have_time_to_end(self):
        for _, _, pod in self.pods():
            [container] = pod["containers"]
            # `sleep` is the kubelet's own: it needs no shell in the image.
            sleep_s = container["lifecycle"]["preStop"]["sleep"]["seconds"]
            self.assertGreaterEqual(sleep_s, 30, "the load balancer takes 30 s to deregister")
            self.assertGreaterEqual(pod["terminationGracePeriodSeconds"], sleep_s + 2 * EXIT_S)

    def test_a_pod_may_wait_for_its_address(self):
        for _, _, pod in self.pods():
            [container] = pod["containers"]
            probe = container["startupProbe"]
            # More than two starts in ten minutes are an alert (VestaGatewayRestarts).
            self.assertGreaterEqual(probe["periodSeconds"] * probe["failureThreshold"], 1800)
            self.assertLessEqual(probe["periodSeconds"] * probe["failureThreshold"], 3600)
            self.assertEqual(container["readinessProbe"]["httpGet"], {"path": "/healthz", "port": "metrics"})
            self.assertEqual(container["livenessProbe"]["httpGet"], {"path": "/livez", "port": "metrics"})
            [address] = [e for e in container["env"] if e["name"] == "POD_IP"]
            self.assertEqual(address["valueFrom"]["fieldRef"]["fieldPath"], "status.podIP")

    def test_they_spread(self):
        for tier, document, pod in self.pods():
            spread = {c["topologyKey"]: c for c in pod["topologySpreadConstraints"]}
            self.assertEqual(sorted(spread), ["kubernetes.io/hostname", "topology.kubernetes.io/zone"])
            for constraint in spread.values():
                self.assertEqual(constraint["maxSkew"], 1)
                self.assertEqual(constraint["labelSelector"]["matchLabels"], document["spec"]["selector"]["matchLabels"])
            strict = "DoNotSchedule" if tier in ("medium", "high") else "ScheduleAnyway"
            self.assertEqual(spread["topology.kubernetes.io/zone"]["whenUnsatisfiable"], strict)

    def test_each_front_has_a_budget(self):
        for tier in TIERS:
            for front in ("api", "websocket"):
                budget = one(objects("gateway", tier, ("values-autoscaled.yaml",)), "PodDisruptionBudget", f"-{front}")
                self.assertEqual(budget["spec"]["maxUnavailable"], 1)
                self.assertEqual(budget["spec"]["selector"]["matchLabels"]["app.kubernetes.io/component"], front)

    def test_a_fixed_shard_loses_no_gateway_to_a_drained_node(self):
        for tier in TIERS:
            self.assertEqual(one(objects("gateway", tier), "PodDisruptionBudget")["spec"]["maxUnavailable"], 0)

    def test_services_have_no_address_of_their_own(self):
        for service in of_kind(objects("gateway", "dev", ("values-autoscaled.yaml",)), "Service"):
            self.assertEqual(service["spec"]["clusterIP"], "None")
            ports = {p["name"]: (p["protocol"], p["port"]) for p in service["spec"]["ports"]}
            front = {"api": 7999, "websocket": 8080}[component(service)]
            self.assertEqual(ports, {"clients": ("UDP", 24001), component(service): ("TCP", front), "metrics": ("TCP", 9464)})


def selects(selector, labels):
    """Whether a label selector takes an object, as Kubernetes says it."""
    for expression in selector.get("matchExpressions", []):
        assert expression["operator"] == "In", expression
        if labels.get(expression["key"]) not in expression["values"]:
            return False
    return selector.get("matchLabels", {}).items() <= labels.items()


class CustomObjects(unittest.TestCase):
    def test_service_monitor_finds_the_services_port(self):
        manifests = objects("gateway", "dev")
        spec = one(manifests, "ServiceMonitor")["spec"]
        self.assertEqual([(e["port"], e["path"]) for e in spec["endpoints"]], [("metrics", "/metrics")])
        for service in of_kind(manifests, "Service"):
            self.assertLessEqual(spec["selector"]["matchLabels"].items(), service["metadata"]["labels"].items())
            self.assertIn("metrics", [p["name"] for p in service["spec"]["ports"]])
            for label in spec["targetLabels"]:
                self.assertIn(label, service["metadata"]["labels"])

    def test_pod_monitors_find_their_pods_port(self):
        for name in ("md-relay", "observability"):
            manifests = objects(name, "high")
            pods = [d["spec"]["template"] for kind in WORKLOADS for d in of_kind(manifests, kind)]
            monitors = of_kind(manifests, "PodMonitor")
            self.assertTrue(monitors)
            for monitor in monitors:
                wanted = monitor["spec"]["selector"]["matchLabels"].items()
                [pod] = [p for p in pods if wanted <= p["metadata"]["labels"].items()]
                ports = [p["name"] for c in pod["spec"]["containers"] for p in c["ports"]]
                self.assertIn(monitor["spec"]["podMetricsEndpoints"][0]["port"], ports)

    def test_prometheus_selects_what_the_charts_make(self):
        spec = one(objects("observability", "high"), "Prometheus")["spec"]
        for kind, selector in {"ServiceMonitor": "serviceMonitor", "PodMonitor": "podMonitor",
                               "ScrapeConfig": "scrapeConfig", "PrometheusRule": "rule"}.items():
            found = [d for name in CHARTS for d in of_kind(objects(name, "high"), kind)]
            self.assertTrue(found, kind)
            for document in found:
                self.assertTrue(selects(spec[f"{selector}Selector"], document["metadata"]["labels"]), document["metadata"]["name"])
            self.assertEqual(spec[f"{selector}NamespaceSelector"], {})

    def test_external_secrets_fill_what_pods_mount(self):
        for name in CHARTS:
            manifests = objects(name, "high")
            made = {d["spec"]["target"]["name"] for d in of_kind(manifests, "ExternalSecret")}
            used = set()
            for kind in WORKLOADS:
                for document in of_kind(manifests, kind):
                    pod = document["spec"]["template"]["spec"]
                    used |= {v["secret"]["secretName"] for v in pod.get("volumes", []) if "secret" in v}
                    used |= {e["secretRef"]["name"] for c in pod["containers"] for e in c.get("envFrom", [])}
            self.assertEqual(made, used)
            for document in of_kind(manifests, "ExternalSecret"):
                spec = document["spec"]
                self.assertEqual(document["apiVersion"], "external-secrets.io/v1")
                self.assertEqual(spec["secretStoreRef"]["kind"], "ClusterSecretStore")
                self.assertTrue(all(entry["remoteRef"]["key"] for entry in spec["data"]))
                for source in spec["target"].get("template", {}).get("templateFrom", []):
                    config = one(manifests, "ConfigMap")
                    self.assertEqual(source["configMap"]["name"], config["metadata"]["name"])
                    for item in source["configMap"]["items"]:
                        # Every word that the template wants is fetched.
                        wanted = set(re.findall(r"\{\{ \.(\w+)", config["data"][item["key"]]))
                        self.assertEqual(wanted, {entry["secretKey"] for entry in spec["data"]})

    def test_secrets_are_where_terraform_lets_them_be_read(self):
        """Its role external-secrets reads `vesta-TIER/*` of the secrets manager and `/vesta-TIER/*` of the parameters."""
        for name in CHARTS:
            for tier in TIERS:
                for document in of_kind(objects(name, tier), "ExternalSecret"):
                    for entry in document["spec"]["data"]:
                        self.assertRegex(entry["remoteRef"]["key"], rf"^/?vesta-{tier}/")

    def test_stores_are_those_of_the_cluster(self):
        stores = {d["metadata"]["name"]: d["spec"]["provider"]["aws"]["service"]
                  for d in parse((TREE / "cluster/secret-stores.yaml").read_text(encoding="utf-8"))}
        for name in CHARTS:
            for document in of_kind(objects(name, "high"), "ExternalSecret"):
                for entry in document["spec"]["data"]:
                    store = entry.get("sourceRef", {}).get("storeRef", document["spec"]["secretStoreRef"])
                    # Only the names of parameters begin with a stroke.
                    service = "ParameterStore" if entry["remoteRef"]["key"].startswith("/") else "SecretsManager"
                    self.assertEqual((store["kind"], stores[store["name"]]), ("ClusterSecretStore", service))

    def test_no_secret_is_in_a_chart(self):
        for name in CHARTS:
            for tier in TIERS:
                self.assertEqual(of_kind(objects(name, tier), "Secret"), [])

    def test_hosts_are_scraped_at_their_roles_ports(self):
        spec = one(objects("observability", "dev"), "ScrapeConfig")["spec"]
        targets = {(c["labels"]["vesta_shard"], c["labels"]["vesta_role"]): c["targets"] for c in spec["staticConfigs"]}
        self.assertEqual(targets[("spot-btc", "sequencer")], ["10.0.1.20:9465"])
        self.assertEqual(targets[("spot-btc", "engine")], ["10.0.1.20:9466"])
        self.assertEqual(targets[("futures-btc", "md-publisher")], ["10.0.1.10:9467"])
        self.assertEqual(spec["relabelings"], [{"targetLabel": "job", "replacement": "vesta-hosts"}])

    def test_prometheus_scrapes_what_the_operator_brings(self):
        """The kubelet's and kube-state-metrics' monitors carry the release that the operator is installed as."""
        text = (ROOT / "docs/deploying.md").read_text(encoding="utf-8")
        [operator] = re.findall(r"helm upgrade --install (\S+) prometheus-community/kube-prometheus-stack", text)
        spec = one(objects("observability", "medium"), "Prometheus")["spec"]
        for kind in ("serviceMonitor", "podMonitor", "scrapeConfig"):
            self.assertTrue(selects(spec[f"{kind}Selector"], {"release": operator}), kind)
            self.assertFalse(selects(spec[f"{kind}Selector"], {"release": "another"}), kind)
        self.assertFalse(selects(spec["ruleSelector"], {"release": operator}))

    def test_what_is_inhibited_has_the_labels_that_must_agree(self):
        """A label that an alert's `sum by` drops never equals that of the alert which explains it."""
        alerts = {rule["alert"]: rule["expr"] for document in of_kind(objects("observability", "medium"), "PrometheusRule")
                  for group in document["spec"]["groups"] for rule in group["rules"]}
        rules = one(objects("observability", "medium"), "AlertmanagerConfig")["spec"]["inhibitRules"]
        self.assertTrue(rules)
        for rule in rules:
            for match in (rule["sourceMatch"], rule["targetMatch"]):
                [matcher] = match
                named = [name for name in alerts if re.fullmatch(matcher["value"], name)]
                self.assertEqual(len(named), len(re.sub(r"[^|]", "", matcher["value"])) + 1, matcher)
                for name in named:
                    for kept in re.findall(r"\b(?:sum|count|max|min|avg)\b(?: by \(([^)]*)\))?", alerts[name]):
                        self.assertLessEqual(set(rule["equal"]), set(kept.split(", ")), f"{name}: {alerts[name]}")
        # Where the label comes from: hosts have it from the scrape configuration, pods from their objects.
        for scrape in one(objects("observability", "medium"), "ScrapeConfig")["spec"]["staticConfigs"]:
            self.assertIn("vesta_shard", scrape["labels"])
        self.assertIn("vesta/shard", one(objects("gateway", "medium"), "ServiceMonitor")["spec"]["targetLabels"])
        self.assertIn("vesta/shard", one(objects("md-relay", "medium"), "PodMonitor")["spec"]["podTargetLabels"])

    def test_each_severity_goes_to_its_topic(self):
        spec = one(objects("observability", "medium"), "AlertmanagerConfig")["spec"]
        routes = {route["matchers"][0]["value"]: route["receiver"] for route in spec["route"]["routes"]}
        self.assertEqual(routes, {level: level for level in ("critical", "warning", "info")})
        topics = {r["name"]: r["snsConfigs"][0]["topicARN"].rsplit("-", 1)[1] for r in spec["receivers"]}
        self.assertEqual(topics, {level: level for level in ("critical", "warning", "info")})

    def test_alertmanager_is_whom_terraform_trusts(self):
        account = one(objects("observability", "medium"), "Alertmanager")["spec"]["serviceAccountName"]
        text = (ROOT / "terraform/main.tf").read_text(encoding="utf-8")
        role = re.search(r"alertmanager = \{\s*namespace\s*= \"(.*?)\"\s*service_account = \"(.*?)\"", text).groups()
        self.assertEqual(role, ("monitoring", account))

    def test_dashboards_are_grafanas(self):
        boards = [c for c in of_kind(objects("observability", "dev"), "ConfigMap") if "grafana_dashboard" in c["metadata"]["labels"]]
        self.assertEqual(len(boards), 4)
        uids = set()
        for config in boards:
            [text] = config["data"].values()
            board = json.loads(text)
            uids.add(board["uid"])
            self.assertGreaterEqual(len(board["panels"]), 5)
            self.assertEqual(len({p["id"] for p in board["panels"]}), len(board["panels"]))
            places = [(p["gridPos"]["x"], p["gridPos"]["y"]) for p in board["panels"]]
            self.assertEqual(len(set(places)), len(places))
            for panel in board["panels"]:
                self.assertTrue(all(target["expr"] for target in panel["targets"]), panel["title"])
        self.assertEqual(len(uids), 4)

    def test_grafana_mounts_every_dashboard(self):
        manifests = objects("observability", "high")
        boards = {c["metadata"]["name"] for c in of_kind(manifests, "ConfigMap") if "grafana_dashboard" in c["metadata"]["labels"]}
        pod = one(manifests, "Deployment", "-grafana")["spec"]["template"]["spec"]
        [volume] = [v for v in pod["volumes"] if v["name"] == "dashboards"]
        self.assertEqual({s["configMap"]["name"] for s in volume["projected"]["sources"]}, boards)


class Relay(unittest.TestCase):
    def test_it_runs_on_every_node_at_the_nodes_address(self):
        spec = one(objects("md-relay", "high"), "DaemonSet")["spec"]
        pod = spec["template"]["spec"]
        self.assertEqual(pod["tolerations"], [{"operator": "Exists"}])
        self.assertEqual(pod["dnsPolicy"], "ClusterFirstWithHostNet")
        [container] = pod["containers"]
        self.assertEqual(container["args"], ["--config", "/etc/vesta/vesta.toml", "md", "relay", "--address", "$(HOST_IP)"])
        [host] = container["env"]
        self.assertEqual(host["valueFrom"]["fieldRef"]["fieldPath"], "status.hostIP")
        for port in container["ports"]:
            self.assertEqual(port["containerPort"], port["hostPort"])
        self.assertEqual(spec["updateStrategy"]["rollingUpdate"]["maxSurge"], 0)

    def test_consumers_reach_it_through_default_deny(self):
        spec = one(objects("md-relay", "dev"), "NetworkPolicy", "-consumers")["spec"]
        self.assertEqual([p["port"] for p in spec["egress"][0]["ports"]], [24340, 24341])
        self.assertEqual([p["port"] for p in spec["ingress"][0]["ports"]], [24240, 24241])
        self.assertEqual(spec["podSelector"]["matchLabels"], {"vesta/market-data": "true"})


if __name__ == "__main__":
    unittest.main()
