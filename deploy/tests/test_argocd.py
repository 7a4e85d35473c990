"""What Argo CD would make of the ApplicationSets: their templates, executed, and the charts, rendered with that."""

import json
import unittest

import yaml
from render import CHARTS, HERE, LOADER, ROOT, TIERS, TREE, chart, expected, fill, objects, of_kind, one, parse, render_text

REGISTRY = "123456789012.dkr.ecr.us-east-1.amazonaws.com/vesta"


def load(name):
    return parse((TREE / "argocd" / name).read_text(encoding="utf-8"))


def shards(name):
    return json.loads((TREE / "argocd/shards" / f"{name}.json").read_text(encoding="utf-8"))


def application(data, kind="vesta-shards"):
    """One Application of the set, as the controller would make it."""
    [applications] = [d for d in load("applicationset.yaml") if d["metadata"]["name"] == kind]
    spec = applications["spec"]
    patch = spec.get("templatePatch", "")
    texts = sorted({text for text in strings(spec["template"]) if "{{" in text}) + [patch]
    filled = dict(zip(texts, fill(texts, data), strict=True))
    made = replaced(spec["template"], filled)
    patched = yaml.load(filled[patch], Loader=LOADER) or {}
    made["spec"]["syncPolicy"] |= patched.get("spec", {}).get("syncPolicy", {})
    return made


def strings(part):
    if isinstance(part, str):
        yield part
    for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from strings(inner)


def replaced(part, filled):
    if isinstance(part, dict):
        return {key: replaced(value, filled) for key, value in part.items()}
    if isinstance(part, list):
        return [replaced(value, filled) for value in part]
    return filled.get(part, part) if isinstance(part, str) else part


def parameters(tier, file, entry, name):
    labels = {"vesta/tier": tier, "vesta/shards": file}
    annotations = {"vesta/registry": REGISTRY, "vesta/release": "0.1.0"}
    cluster = f"vesta-{file}"
    return {"name": cluster, "nameNormalized": cluster, "metadata": {"labels": labels, "annotations": annotations},
            "values": {"tier": tier}, "chart": name, **entry}


class ArgoCd(unittest.TestCase):
    def test_shards_are_those_that_terraform_makes(self):
        tiers = json.loads((ROOT / "terraform/tiers.json").read_text(encoding="utf-8"))["tiers"]
        for tier in TIERS:
            mine = {e["shard"]["name"]: (e["shard"]["id"], e["shard"]["market"]) for f in expected(tier)["clusters"] for e in shards(f)}
            theirs = {name: (s["id"], s["market"]) for name, s in tiers[tier]["shards"].items()}
            self.assertEqual(mine, theirs)
            markets = {market: sum(1 for _, m in mine.values() if m == market) for market in ("futures", "spot")}
            self.assertEqual(markets, expected(tier)["markets"])

    def test_relays_of_a_cluster_share_no_port(self):
        for tier in TIERS:
            for file in expected(tier)["clusters"]:
                ports = [port for entry in shards(file) for port in entry["relay"].values()]
                self.assertEqual(len(set(ports)), len(ports), file)
                udp = [p for entry in shards(file) for key, p in entry["relay"].items() if key != "metrics"]
                self.assertTrue(all(24001 <= p <= 24399 for p in udp), "security groups open no other")

    def test_every_application_renders(self):
        for tier in TIERS:
            for file in expected(tier)["clusters"]:
                # All shards of the tier differ in the same way: the last stands for the others.
                entry = shards(file)[-1]
                for name in ("gateway", "md-relay"):
                    with self.subTest(tier=tier, file=file, chart=name):
                        app = application(parameters(tier, file, entry, name))
                        source = app["spec"]["source"]
                        self.assertEqual(source["path"], f"deploy/charts/{name}")
                        self.assertEqual(app["metadata"]["name"], f"{name}-{tier}-{entry['shard']['name']}")
                        self.assertEqual(app["spec"]["destination"], {"name": f"vesta-{file}", "namespace": "vesta"})
                        files = [chart(name) / f for f in source["helm"]["valueFiles"] if (chart(name) / f).exists()]
                        values = yaml.load(source["helm"]["values"], Loader=LOADER)
                        manifests = parse(render_text(name, files, values, source["helm"]["releaseName"]))
                        kind = "Deployment" if name == "gateway" else "DaemonSet"
                        workload = one(manifests, kind)
                        self.assertEqual(workload["metadata"]["labels"]["vesta/shard"], entry["shard"]["name"])
                        image = workload["spec"]["template"]["spec"]["containers"][0]["image"]
                        self.assertEqual(image, f"{REGISTRY}/{name}:0.1.0")

    def test_shards_of_a_cluster_keep_apart(self):
        """All are in one namespace: no selector of one may mean another's pods, and no two objects share a name."""
        for name in ("gateway", "md-relay"):
            seen, pods, selectors = set(), [], []
            for entry in shards("medium")[:2]:
                helm = application(parameters("medium", "medium", entry, name))["spec"]["source"]["helm"]
                files = [chart(name) / f for f in helm["valueFiles"] if (chart(name) / f).exists()]
                manifests = parse(render_text(name, files, yaml.load(helm["values"], Loader=LOADER), helm["releaseName"]))
                names = {(d["kind"], d["metadata"]["name"]) for d in manifests}
                self.assertFalse(names & seen)
                seen |= names
                workloads = of_kind(manifests, "Deployment") + of_kind(manifests, "DaemonSet")
                pods.append([w["spec"]["template"]["metadata"]["labels"].items() for w in workloads])
                spec = [d["spec"] for d in manifests if "spec" in d]
                selectors.append([s["selector"].get("matchLabels", s["selector"]).items() for s in spec if "selector" in s])
            for mine, theirs in ((0, 1), (1, 0)):
                self.assertTrue(selectors[mine])
                for selector in selectors[mine]:
                    self.assertFalse(any(selector <= labels for labels in pods[theirs]), selector)

    def test_only_dev_changes_by_itself(self):
        for tier in TIERS:
            file = expected(tier)["clusters"][0]
            app = application(parameters(tier, file, shards(file)[0], "gateway"))
            self.assertEqual("automated" in app["spec"]["syncPolicy"], tier == "dev")

    def test_shards_of_today_have_fixed_gateways(self):
        app = application(parameters("medium", "medium", shards("medium")[0], "gateway"))
        self.assertEqual(app["spec"]["source"]["helm"]["valueFiles"], ["values-medium.yaml"])
        self.assertEqual(of_kind(objects("gateway", "medium"), "HorizontalPodAutoscaler"), [])

    def test_observability_renders(self):
        site = (HERE / "site/observability.yaml").read_text(encoding="utf-8")
        data = parameters("high", "high-spot", {}, "observability")
        data["metadata"]["annotations"]["vesta/observability"] = site
        app = application(data, "vesta-observability")
        values = yaml.load(app["spec"]["source"]["helm"]["values"], Loader=LOADER)
        files = [chart("observability") / f for f in app["spec"]["source"]["helm"]["valueFiles"]]
        manifests = parse(render_text("observability", files, values, namespace="monitoring"))
        self.assertEqual(len(of_kind(manifests, "Prometheus")), 1)

    def test_the_project_admits_what_the_charts_make_and_no_more(self):
        [project] = load("appproject.yaml")
        spec = project["spec"]
        repositories = {a["spec"]["template"]["spec"]["source"]["repoURL"] for a in load("applicationset.yaml")}
        self.assertEqual(repositories, set(spec["sourceRepos"]))
        self.assertEqual({d["namespace"] for d in spec["destinations"]}, {"vesta", "monitoring"})
        self.assertTrue(all(d["name"] == "vesta-*" for d in spec["destinations"]))
        made = set()
        manifests = [d for name in CHARTS for tier in ("dev", "high") for d in objects(name, tier)]
        manifests += parse(render_text("gateway", values={"fronts": {"api": {"targetGroupArn": "arn:aws:elasticloadbalancing:a"}}}))
        for document in manifests:
            group = document["apiVersion"].rpartition("/")[0]
            made.add((group, "*" if group == "monitoring.coreos.com" else document["kind"]))
        admitted = {(e["group"], e["kind"]) for key in ("clusterResourceWhitelist", "namespaceResourceWhitelist") for e in spec[key]}
        # CreateNamespace makes the namespaces.
        self.assertEqual(made | {("", "Namespace")}, admitted)

    def test_production_changes_in_a_window(self):
        [project] = load("appproject.yaml")
        [window] = project["spec"]["syncWindows"]
        self.assertEqual((window["kind"], window["clusters"]), ("allow", ["vesta-medium-*", "vesta-high-*"]))


if __name__ == "__main__":
    unittest.main()
