"""The configuration that pods read, as the product judges it: raw from the ConfigMap, and filled in by the stores.

And the commands of docs/deploying.md, as far as they can be judged where there is no cloud."""

import json
import re
import subprocess
import tempfile
import tomllib
import unittest

from product import VESTA, needs_binaries
from render import CHARTS, ROOT, TIERS, chart, fill, objects, one, parse, render_text, values_files

# As terraform's module mdc has them by default: control port, reader port, flow control.
STREAMS = {
    "event_log": (24130, 24230, "slowest"),
    "input_log": (24120, 24220, "slowest"),
    "market_data": (24140, 24240, "fastest"),
    "snapshots": (24141, 24241, "fastest"),
}
GATEWAYS = """[[gateway]]
id = 7
listen = "0.0.0.0:24001"
back_endpoint = "10.0.2.17:24011"
receive_buffer_bytes = 212992

[[session]]
first = 1
count = 10
gateway = 7
"""


def terraform_streams(address="10.0.1.10"):
    """What terraform puts into the parameter: its own template, filled in."""
    text = (ROOT / "terraform/modules/mdc/templates/streams.toml.tftpl").read_text(encoding="utf-8")
    head, body = re.fullmatch(r"(.*)%\{ for name, stream in streams ~\}\n(.*)%\{ endfor ~\}\n", text, re.DOTALL).groups()
    out = head.replace("${orders_port}", "24010")
    for name, (control, reader, flow) in STREAMS.items():
        part = body.replace("${name}", name).replace("${stream.control_port}", str(control))
        out += part.replace("${stream.reader_port}", str(reader)).replace("${stream.flow_control}", flow)
    out = out.replace("${address}", address)
    assert "${" not in out, out
    return out


def resolved(toml):
    """`vesta inspect config` of a text, as data."""
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
        file.write(toml)
        file.flush()
        done = subprocess.run([VESTA, "inspect", "config", "--config", file.name], capture_output=True, text=True,
                              timeout=30, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{done.stderr.strip()}\n----\n{toml}")
    return tomllib.loads(done.stdout)


def config_of(name, tier):
    return one(objects(name, tier), "ConfigMap")["data"]["vesta.toml"]


@needs_binaries
class Config(unittest.TestCase):
    def test_config_maps_are_taken_as_they_are(self):
        for name in ("gateway", "md-relay"):
            for tier in TIERS:
                with self.subTest(chart=name, tier=tier):
                    config = resolved(config_of(name, tier))
                    self.assertEqual(config["shard"]["id"], 101)
                    self.assertEqual(config["transport"]["mode"], "mdc")
                    # A runtime's own profile blocks io_uring: nothing should be tried in vain.
                    self.assertEqual(config["transport"]["datapath"], "socket")

    def test_what_the_stores_fill_in_is_taken(self):
        data = {"streams": terraform_streams(), "gateways": GATEWAYS}
        [text] = fill([config_of("gateway", "medium")], data)
        config = resolved(text)
        self.assertEqual(config["streams"]["orders"]["endpoint"], "10.0.1.10:24010")
        self.assertEqual(config["streams"]["event_log"]["control"], "10.0.1.10:24130")
        self.assertEqual([(g["id"], g["back_endpoint"]) for g in config["gateway"]], [(7, "10.0.2.17:24011")])

    def test_ports_are_those_of_containers_and_policies(self):
        [text] = fill([config_of("gateway", "dev")], {"streams": terraform_streams(), "gateways": GATEWAYS})
        config = resolved(text)
        [container] = one(objects("gateway", "dev"), "Deployment", "-api")["spec"]["template"]["spec"]["containers"]
        ports = {p["name"]: p["containerPort"] for p in container["ports"]}
        self.assertEqual(config["metrics"]["gateway_port"], ports["metrics"])
        self.assertEqual(config["metrics"]["address"], "0.0.0.0")
        self.assertEqual(config["streams"]["event_log"]["reader_endpoint"], f"0.0.0.0:{ports['event-log']}")
        self.assertEqual(config["gateway"][0]["listen"], f"0.0.0.0:{ports['clients']}")
        self.assertTrue(config["gateway"][0]["back_endpoint"].endswith(f":{ports['back']}"))
        shard = one(objects("gateway", "dev"), "NetworkPolicy", "-shard")["spec"]["egress"][0]["ports"]
        wanted = {int(config["streams"][s][key].rsplit(":", 1)[1]) for s, key in (("orders", "endpoint"), ("event_log", "control"))}
        self.assertEqual({p["port"] for p in shard}, wanted)

    def test_a_second_relay_on_a_node_has_ports_of_its_own(self):
        second = json.loads((ROOT / "deploy/argocd/shards/medium.json").read_text(encoding="utf-8"))[1]
        manifests = parse(render_text("md-relay", values_files("md-relay", "medium"), {"ports": second["relay"]}))
        [text] = fill([one(manifests, "ConfigMap")["data"]["vesta.toml"]], {"streams": terraform_streams()})
        config = resolved(text)
        self.assertEqual(config["streams"]["market_data"]["reader_endpoint"], "0.0.0.0:24242")
        self.assertEqual(config["streams"]["snapshots"]["reader_endpoint"], "0.0.0.0:24243")
        self.assertEqual((config["md_relay"]["market_data_port"], config["md_relay"]["snapshots_port"]), (24342, 24343))
        self.assertEqual(config["metrics"]["md_relay_port"], 9481)

    def test_without_stores_the_values_are_enough(self):
        values = {
            "externalSecret": {"enabled": False},
            "config": {"streams": terraform_streams(), "gateways": GATEWAYS, "shard": "[sessions]\nwindow = 64\n"},
            "seccomp": {"profile": "uring"},
        }
        manifests = parse(render_text("gateway", (), values))
        config = resolved(one(manifests, "ConfigMap")["data"]["vesta.toml"])
        self.assertEqual(config["sessions"]["window"], 64)
        self.assertEqual(config["transport"]["datapath"], "auto")
        pod = one(manifests, "Deployment", "-api")["spec"]["template"]["spec"]
        self.assertEqual(pod["securityContext"]["seccompProfile"], {"type": "Localhost", "localhostProfile": "profiles/vesta.json"})
        [volume] = [v for v in pod["volumes"] if v["name"] == "config"]
        self.assertEqual(volume["configMap"]["name"], "vesta-spot-all")

    def test_flags_are_those_of_the_binaries(self):
        [container] = one(objects("md-relay", "dev"), "DaemonSet")["spec"]["template"]["spec"]["containers"]
        text = subprocess.run([VESTA, "md", "relay", "--help"], capture_output=True, text=True, timeout=30, check=False).stdout
        for flag in ("--config", "--address"):
            self.assertIn(flag, container["args"])
            self.assertIn(flag, text)

    def test_charts_are_of_this_version(self):
        version = re.search(r'^version = "(.*)"$', (ROOT / "Cargo.toml").read_text(encoding="utf-8"), re.MULTILINE).group(1)
        for name in CHARTS:
            self.assertIn(f"appVersion: {version}\n", (chart(name) / "Chart.yaml").read_text(encoding="utf-8"))


DEPLOYING = (ROOT / "docs/deploying.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```bash\n(.*?)^```", DEPLOYING, re.MULTILINE | re.DOTALL)


class Deploying(unittest.TestCase):
    def test_commands_are_shell(self):
        self.assertGreater(len(BLOCKS), 20)
        for block in BLOCKS:
            done = subprocess.run(["bash", "-n"], input=block, capture_output=True, text=True, timeout=30, check=False)
            self.assertEqual(done.returncode, 0, f"{done.stderr}----\n{block}")

    def test_commands_stay_in_the_checkout(self):
        """One after the other, from its root: what they name is there, or made by one before."""
        text = "".join(BLOCKS)
        self.assertEqual(re.findall(r"^\s*(?:cd|pushd) .*", text, re.MULTILINE), [])
        self.assertEqual(re.findall(r"(?<![=/])\bterraform (?!-chdir=terraform |\{).*", text), [])
        for path in re.findall(r"(?<![\w./-])((?:deploy|terraform|tuning)/[\w./-]+)", text.replace("$TIER", "dev")):
            made = path in ("terraform/dev.tfvars", "terraform/backend.tf")
            self.assertTrue(made or (ROOT / path).exists(), path)

    def test_images_are_pushed_to_repositories_that_there_are(self):
        main = (ROOT / "terraform/main.tf").read_text(encoding="utf-8")
        self.assertIn('bucket_prefix = "${var.bucket_prefix}-${var.tier}"', main)
        repositories = (ROOT / "terraform/modules/storage/repositories.tf").read_text(encoding="utf-8")
        self.assertRegex(repositories, r'name\s+= "\$\{var.bucket_prefix\}/\$\{each.key\}"')
        self.assertIn("amazonaws.com/$PREFIX-$TIER RELEASE=", "".join(BLOCKS))

    def test_units_are_of_the_shard(self):
        units = re.findall(r"vesta-(?:sequencer|engine|md-publisher|gateway|\*)@(\S+)", "".join(BLOCKS))
        aws, servers = DEPLOYING.split("## Servers of your own\n")
        self.assertEqual({u for u in units if u[0] != "$"}, {"1", "1.service'"})
        self.assertNotRegex(aws, r"@1\b")
        self.assertIn('\n[shard]\nid = 1\n', servers)

    @needs_binaries
    def test_programs_know_what_they_are_told(self):
        asked = re.findall(r"^(?:sudo )?vesta((?: [^\s#|`]+)+)", "".join(BLOCKS), re.MULTILINE)
        asked += re.findall(r"`vesta( [^`\\]+)`", DEPLOYING)
        self.assertGreater(len(asked), 10)
        for line in asked:
            words, flags = line.split(), re.findall(r"(?<= )--[a-z-]+", line)
            while words and words[0] == "--config":
                words = words[2:]
            command = words[: next((i for i, word in enumerate(words) if word[0] == "-"), len(words))]
            done = subprocess.run([VESTA, *command, "--help"], capture_output=True, text=True, timeout=30, check=False)
            self.assertEqual(done.returncode, 0, f"vesta{line}: {done.stderr}")
            for flag in flags:
                self.assertIn(flag, done.stdout, f"vesta{line}")

    @needs_binaries
    def test_a_servers_settings_are_taken(self):
        [text] = re.findall(r"tee /etc/vesta/vesta\.toml <<EOF\n(.*?)^EOF", DEPLOYING, re.MULTILINE | re.DOTALL)
        config = resolved(text.replace("$HOT_ADDRESS", "10.20.0.5"))
        self.assertEqual((config["shard"]["id"], config["cores"]["engine"]), (1, "3"))


if __name__ == "__main__":
    unittest.main()
