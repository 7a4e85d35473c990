"""A shard as it is deployed, between network namespaces: the host has what terraform writes, gateway, relay and consumer
what the charts write, and around the pod nothing is let through but what its network policies open.

Needs root, nftables and the built binaries.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import unittest
from contextlib import ExitStack

from product import BINARIES, VESTA, is_built
from render import ROOT, TREE, fill, objects, of_kind
from test_config import config_of, terraform_streams

HOST, POD, NODE = "10.0.1.10", "10.0.2.17", "10.0.2.3"
WAIT_MAX_S = 90
GATEWAYS = f"""[[gateway]]
id = 7
listen = "{POD}:24001"
back_endpoint = "{POD}:24011"
receive_buffer_bytes = 212992

[[session]]
first = 1
count = 10
gateway = 7
accounts = [0, 1001, 1002]
stp_groups = [11, 12]
"""


def host_settings():
    """What terraform's module engine writes on a host, but for spinning and [cores]: the tests' machine has few cores."""
    text = (ROOT / "terraform/modules/engine/templates/vesta.toml.tftpl").read_text(encoding="utf-8")
    text = re.sub(r"%\{ if more.*?%\{ endif ~\}\n", "", text, flags=re.DOTALL)
    for name, value in {"shard_id": "101", "transport_mode": "mdc", "hot_address": HOST,
                        **{f"cores.{role}": "" for role in ("sequencer", "engine", "md_publisher")}}.items():
        text = text.replace("${" + name + "}", value)
    assert "${" not in text, text
    return text.replace('idle = "spin"', 'idle = "backoff"') + "\n" + terraform_streams(HOST) + "\n" + GATEWAYS


def run(*command, **options):
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=WAIT_MAX_S, check=True, **options)


class Network:
    """Three hosts on one bridge, in namespaces of our own."""

    def __init__(self, stack):
        self.prefix = f"vdep{os.getpid()}"
        self.wire = self.space("wire", stack)
        run("ip", "-n", self.wire, "link", "add", "br0", "type", "bridge")
        run("ip", "-n", self.wire, "link", "set", "br0", "up")
        for number, (name, address) in enumerate({"host": HOST, "pod": POD, "node": NODE}.items()):
            space = self.space(name, stack)
            port = f"{self.prefix}{number}"
            run("ip", "-n", self.wire, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", space)
            run("ip", "-n", self.wire, "link", "set", port, "master", "br0", "up")
            run("ip", "-n", space, "address", "add", f"{address}/16", "dev", "eth0")
            run("ip", "-n", space, "link", "set", "eth0", "up")

    def space(self, name, stack):
        space = f"{self.prefix}-{name}"
        run("ip", "netns", "add", space)
        stack.callback(run, "ip", "netns", "delete", space)
        run("ip", "-n", space, "link", "set", "lo", "up")
        return space

    def inside(self, name):
        return ["ip", "netns", "exec", f"{self.prefix}-{name}"]


def nft_rules(policies):
    """Network policies as a node would enforce them around a pod, answers to what was let through included."""
    lines = {"Ingress": [], "Egress": []}
    for policy in policies:
        for way, rules, peers, side in (("Ingress", "ingress", "from", "saddr"), ("Egress", "egress", "to", "daddr")):
            for rule in policy["spec"].get(rules, []):
                for peer in rule[peers]:
                    if "ipBlock" not in peer:
                        continue
                    for port in rule["ports"]:
                        ports = f"{port['port']}-{port['endPort']}" if "endPort" in port else port["port"]
                        lines[way].append(f"ip {side} {peer['ipBlock']['cidr']} {port['protocol'].lower()} dport {ports} accept")
    out = ["table ip policies {"]
    for way, hook, device in (("Ingress", "input", "iif"), ("Egress", "output", "oif")):
        out.append(f"chain {hook} {{ type filter hook {hook} priority 0; policy drop;")
        out += [f"{device} lo accept", "ct state established,related accept", *lines[way], "counter name refused drop", "}"]
    return "\n".join([out[0], "counter refused { }", *out[1:], "}"])


class Process:
    def __init__(self, name, folder, command, environment=None):
        self.name = name
        self.log = folder / f"{name}.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(list(map(str, command)), stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                            env={**os.environ, **(environment or {})})

    def text(self):
        return self.log.read_text(encoding="utf-8", errors="replace")

    def until(self, words):
        end = time.monotonic() + WAIT_MAX_S
        while words not in self.text():
            if self.process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"{self.name} did not say '{words}', exit {self.process.poll()}:\n{self.text()}")
            time.sleep(0.05)

    def end(self):
        self.process.terminate()
        return self.process.wait(WAIT_MAX_S)

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)


@unittest.skipUnless(is_built, f"{VESTA} is not built")
@unittest.skipUnless(os.geteuid() == 0, "network namespaces need root")
class Shard(unittest.TestCase):
    def setUp(self):
        stack = ExitStack()
        self.addCleanup(stack.close)
        self.stack = stack
        self.folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        self.network = Network(stack)

    def start(self, name, where, *command, **environment):
        process = Process(name, self.folder, [*self.network.inside(where), *command], environment)
        self.stack.callback(process.close)
        return process

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def test_it_trades_as_it_is_deployed(self):
        data = {"streams": terraform_streams(HOST), "gateways": GATEWAYS}
        [gateway, relay] = fill([config_of("gateway", "dev"), config_of("md-relay", "dev")], data)
        host = self.write("host.toml", host_settings())
        pod = self.write("gateway.toml", gateway)
        node = self.write("relay.toml", relay)
        client = self.write("client.toml", f'{gateway}\n[demo]\nclient_bind = "{NODE}:0"\n')

        # One pod stands for a gateway's and a consumer's.
        policies = [p for p in of_kind(objects("gateway", "dev"), "NetworkPolicy") if p["metadata"]["name"].endswith(("-shard", "-clients"))]
        policies += of_kind(objects("md-relay", "dev"), "NetworkPolicy")
        run(*self.network.inside("pod"), "nft", "-f", "-", input=nft_rules(policies))

        entry = self.start("gateway", "pod", TREE / "docker/gateway-entry.sh", VESTA_CONFIG=str(pod), POD_IP=POD,
                           PATH=f"{BINARIES}:{os.environ['PATH']}")
        roles = [self.start(role, "host", BINARIES / f"vesta-{role}", "--config", host) for role in ("md-publisher", "engine", "sequencer")]
        relayed = self.start("relay", "node", VESTA, "--config", node, "md", "relay", "--address", NODE)
        for process in [entry, *roles]:
            process.until(": ready")
        consumer = self.start("consumer", "pod", VESTA, "--config", pod, "md", "--relay", NODE, "--json")

        flow = self.start("flow", "node", VESTA, "--config", client, "flow", "--orders", "2000", "--rate", "2000", "--json")
        self.assertEqual(flow.process.wait(WAIT_MAX_S), 0, flow.text())
        report = json.loads(flow.text().splitlines()[-1])
        self.assertEqual((report["orders"], report["answered"], report["lost"]), (2000, 2000, 0))

        # What the probes see; and the books, by way of the relay.
        for where, address in (("pod", f"{POD}:9464"), ("node", f"{NODE}:9469")):
            ask = f"import urllib.request as r; print(r.urlopen('http://{address}/healthz', timeout=10).read().decode())"
            probe = run(*self.network.inside(where), sys.executable, "-c", ask)
            self.assertEqual(probe.stdout.strip(), "ready", relayed.text())
        consumer.until("live")

        # A gateway that ends in order takes the shard along (decision 0006), and the relay stays.
        self.assertEqual(entry.end(), 0, entry.text())
        for role in roles:
            self.assertEqual(role.process.wait(WAIT_MAX_S), 1, role.text())
        self.assertIsNone(relayed.process.poll(), relayed.text())


if __name__ == "__main__":
    unittest.main()
