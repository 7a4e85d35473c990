#!/usr/bin/env python3
"""Breaks deploy/ on purpose, one way at a time, in copies, and wants a test to turn red each time.

    mutations.py [NAME...] | --list

A line for each, `red NAME TEST` or `FAILED NAME WHY`; exit status 0 when every mutation was noticed.
"""

import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
GATEWAY, RELAY, LOOK = "charts/gateway", "charts/md-relay", "charts/observability"


def cut(text, head, tail):
    """Without what lies from `head` up to `tail`."""
    start = text.index(head)
    return text[:start] + text[text.index(tail, start + len(head)):]


def swap(old, new):
    return lambda text: text.replace(old, new, 1)


# name: (the test that has to notice, file, what is done to it)
MUTATIONS = {
    "policy-removed": ("test_tiers.Tiers.test_nothing_is_let_in_or_out_but_what_the_rows_say", f"{GATEWAY}/templates/networkpolicy.yaml",
                       lambda text: cut(text, '{{ include "gateway.policy" (dict "root" . "what" "api-to-redis"', "{{- end }}\n{{- if and")),
    "deny-only-inward": ("test_tiers.Tiers.test_nothing_is_let_in_or_out_but_what_the_rows_say", f"{GATEWAY}/templates/networkpolicy.yaml",
                         swap("podSelector: {}\n  policyTypes: [Ingress, Egress]", "podSelector: {}\n  policyTypes: [Ingress]")),
    "autoscaler-number": ("test_tiers.Tiers.test_api_and_websocket_scale_as_the_rows_say", f"{GATEWAY}/values-medium.yaml",
                          swap("maxReplicas: 5", "maxReplicas: 6")),
    "autoscaled-unasked": ("test_tiers.Tiers.test_nothing_scales_that_is_not_asked_to", f"{GATEWAY}/values.yaml",
                           swap("autoscaled: false", "autoscaled: true")),
    "autoscaler-hasty": ("test_tiers.Tiers.test_api_and_websocket_scale_as_the_rows_say", f"{GATEWAY}/templates/scaling.yaml",
                         swap("periodSeconds: {{ $step.periodSeconds }}", "periodSeconds: 60")),
    "alert-removed": ("test_rules.Rules.test_alerts_fire_when_they_should", f"{LOOK}/files/rules/market-data.yaml",
                      lambda text: cut(text, "      - alert: VestaFeedSilent", "      - alert: VestaRelayLostPublisher")),
    "alert-blunt": ("test_rules.Rules.test_alerts_fire_when_they_should", f"{LOOK}/files/rules/shard.yaml",
                    swap("> 0.010", "> 0.100")),
    "metric-unknown": ("test_rules.Rules.test_only_what_is_exported_is_asked_for", f"{LOOK}/files/dashboards/shards.yaml",
                       swap("vesta_orders_resting", "vesta_orders_open")),
    "retention-shorter": ("test_tiers.Tiers.test_observability_is_what_the_tier_has", f"{LOOK}/values.yaml",
                          swap("retention: 30d", "retention: 15d")),
    "pod-as-root": ("test_objects.Workloads.test_pods_are_confined", f"{GATEWAY}/templates/deployment.yaml",
                    swap("runAsNonRoot: true", "runAsNonRoot: false")),
    "no-time-to-end": ("test_objects.Gateways.test_they_have_time_to_end", f"{GATEWAY}/templates/deployment.yaml",
                         swap("{{ add $.Values.ending.preStopSeconds $.Values.ending.exitSeconds }}", "30")),
    "monitor-blind": ("test_objects.CustomObjects.test_service_monitor_finds_the_services_port", f"{GATEWAY}/templates/service.yaml",
                      swap("- port: metrics", "- port: http-metrics")),
    "operator-unheard": ("test_objects.CustomObjects.test_prometheus_scrapes_what_the_operator_brings", f"{LOOK}/values.yaml",
                         swap("alsoScraped: [operator]", "alsoScraped: []")),
    "inhibition-in-vain": ("test_objects.CustomObjects.test_what_is_inhibited_has_the_labels_that_must_agree",
                           f"{LOOK}/files/rules/market-data.yaml", swap("sum by (shard, vesta_shard)", "sum by (shard)")),
    "schema-open": ("test_schemas.Schemas.test_what_is_wrong_is_refused", f"{GATEWAY}/values.schema.json",
                    swap('"additionalProperties": false', '"additionalProperties": true')),
    "relay-in-a-pod-network": ("test_objects.Workloads.test_only_relay_and_node_exporter_are_on_the_node",
                               f"{RELAY}/templates/daemonset.yaml", swap("hostNetwork: true", "hostNetwork: false")),
    "relays-collide": ("test_argocd.ArgoCd.test_relays_of_a_cluster_share_no_port", "argocd/shards/medium.json", swap("24342", "24340")),
    "shards-mixed": ("test_argocd.ArgoCd.test_shards_of_a_cluster_keep_apart", f"{GATEWAY}/templates/_helpers.tpl",
                     swap("vesta/shard: {{ .Values.shard.name }}\n", "")),
    "production-by-itself": ("test_argocd.ArgoCd.test_only_dev_changes_by_itself", "argocd/applicationset.yaml",
                             swap('{{- if eq .values.tier "dev" }}', '{{- if ne .values.tier "dev" }}')),
    "project-admits-more": ("test_argocd.ArgoCd.test_the_project_admits_what_the_charts_make_and_no_more", "argocd/appproject.yaml",
                            swap("- { group: policy, kind: PodDisruptionBudget }", "- { group: policy, kind: '*' }")),
    "no-io-uring": ("test_docker.Seccomp.test_it_allows_io_uring_and_forbids_by_default", "docker/seccomp/vesta.json",
                    swap('"io_uring_setup"', '"io_setup"')),
    "image-floats": ("test_docker.Dockerfile.test_images_are_pinned_and_run_as_nobody", "docker/Dockerfile",
                     swap("debian:12.11-slim", "debian:stable-slim")),
    "copy-of-nothing": ("test_docker.Dockerfile.test_what_is_copied_is_there_and_in_git", "docker/Dockerfile",
                        swap("COPY schema schema", "COPY schemas schemas")),
}


def one(name):
    test, file, change = MUTATIONS[name]
    with tempfile.TemporaryDirectory() as folder:
        tree = pathlib.Path(folder) / "deploy"
        shutil.copytree(HERE.parent, tree, ignore=shutil.ignore_patterns("tests", "__pycache__"))
        path = tree / file
        before = path.read_text(encoding="utf-8")
        after = change(before)
        if after == before:
            return False, f"it changes nothing in {file}"
        path.write_text(after, encoding="utf-8")
        done = subprocess.run([sys.executable, "-m", "unittest", test], cwd=HERE, capture_output=True, text=True, timeout=120,
                              check=False, env={**os.environ, "VESTA_DEPLOY_TREE": str(tree)})
    if done.returncode == 0:
        return False, f"{test} stays green"
    # Red for another reason than the mutation would prove nothing.
    if not re.search(r"^FAIL: ", done.stderr, re.MULTILINE) or re.search(r"^ERROR: ", done.stderr, re.MULTILINE):
        return False, f"{test} is red for another reason: {done.stderr.strip().splitlines()[-4:]}"
    return True, test


def main(arguments):
    if arguments == ["--list"]:
        print("\n".join(MUTATIONS))
        return 0
    wanted = arguments or list(MUTATIONS)
    unknown = [name for name in wanted if name not in MUTATIONS]
    if unknown:
        print(f"no mutation is called {unknown[0]}", file=sys.stderr)
        return 2
    good = True
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        for name, (noticed, why) in zip(wanted, pool.map(one, wanted), strict=True):
            print(f"{'red   ' if noticed else 'FAILED'} {name:24} {why}", flush=True)
            good = good and noticed
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
