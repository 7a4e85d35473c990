"""What runs in a gateway's pod, run here: the entry waits for its address, the probes answer, SIGTERM ends it."""

import os
import pathlib
import signal
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.request

from product import BINARIES, needs_binaries
from render import TREE, fill, objects, one
from test_config import config_of, terraform_streams
from test_rules import expressions

ENTRY = TREE / "docker/gateway-entry.sh"
# Busy machines are slow; nothing here waits that long when all is well.
WAIT_MAX_S = 60


def free_ports(count):
    import socket

    sockets = [socket.socket(socket.AF_INET, kind) for kind in [socket.SOCK_DGRAM] * (count - 1) + [socket.SOCK_STREAM]]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


class Pod:
    """The entry point with a configuration of its own, as a pod has it."""

    def __init__(self, folder, address="127.0.0.1"):
        self.config = pathlib.Path(folder) / "vesta.toml"
        self.log = pathlib.Path(folder) / "log"
        self.address = address
        self.process = None

    def start(self, **environment):
        path = f"{BINARIES}:{os.environ['PATH']}"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [str(ENTRY)], stderr=log, stdout=log, stdin=subprocess.DEVNULL,
                env={"PATH": path, "VESTA_CONFIG": str(self.config), "POD_IP": self.address, **environment},
            )

    def write(self, text):
        """As the kubelet renews a mounted file: all at once."""
        new = self.config.with_suffix(".new")
        new.write_text(text, encoding="utf-8")
        new.rename(self.config)

    def text(self):
        return self.log.read_text(encoding="utf-8")

    def until(self, condition):
        end = time.monotonic() + WAIT_MAX_S
        while not condition():
            if self.process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"exit {self.process.poll()}:\n{self.text()}")
            time.sleep(0.05)

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.wait(WAIT_MAX_S)


def get(port, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


class Gateway(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.pod = Pod(folder.name)
        self.addCleanup(lambda: self.pod.process and self.pod.process.poll() is None and self.pod.process.kill())

    def gateways(self, clients, back):
        # A comment, another gateway before, and keys in another order: it must not be fooled.
        room = "receive_buffer_bytes = 212992\n"
        return (
            f'# [[gateway]]\n# back_endpoint = "127.0.0.1:1"\n[[gateway]]\nid = 6\nlisten = "127.0.0.2:{clients}"\n'
            f'back_endpoint = "127.0.0.10:{back}"\n{room}[[gateway]]\nback_endpoint = "127.0.0.1:{back}" # here\n'
            f'id = 7 # ours\nlisten = "127.0.0.1:{clients}"\n{room}[[session]]\nid = 1\ngateway = 7\n'
        )

    @needs_binaries
    def test_it_waits_serves_and_ends(self):
        clients, back, event_log, metrics = free_ports(4)
        [text] = fill([config_of("gateway", "dev")], {"streams": terraform_streams("127.0.0.1"), "gateways": ""})
        text = text.replace("gateway_port = 9464", f"gateway_port = {metrics}").replace("0.0.0.0:24230", f"127.0.0.1:{event_log}")
        text = text.replace('allowed_sources = ["10.0.1.0/24","10.0.2.0/24","10.0.3.0/24"]', "allowed_sources = []")
        self.pod.write(text)
        self.pod.start()
        self.pod.until(lambda: "waiting for one" in self.pod.text())
        # Only the entry waits: the gateway itself has not begun.
        self.assertNotIn("vesta-gateway:", self.pod.text())

        self.pod.write(text + self.gateways(clients, back))
        self.pod.until(lambda: "streams are open" in self.pod.text())
        self.assertIn("gateway-entry: gateway 7", self.pod.text())
        self.pod.until(lambda: get(metrics, "/livez")[0] == 200)
        # No shard is there, so it may not be sent to.
        self.assertEqual(get(metrics, "/healthz")[0], 503)

        status, body = get(metrics, "/metrics")
        self.assertEqual(status, 200)
        served = {line.split("{")[0].split(" ")[0] for line in body.splitlines() if not line.startswith("#")}
        for metric in ("vesta_ready", "vesta_build_info", "vesta_counters_age_seconds", "vesta_hop_seconds_bucket",
                       "vesta_duty_cycles_total", "vesta_dropped_total", "vesta_reports_waiting", "vesta_forwarded_total"):
            self.assertIn(metric, served)
            self.assertTrue(any(metric in e for _, e in expressions()), f"nobody looks at {metric}")

        # What Kubernetes grants after preStop is enough.
        pod = one(objects("gateway", "dev"), "Deployment", "-api")["spec"]["template"]["spec"]
        grace_s = pod["terminationGracePeriodSeconds"] - pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
        begin = time.monotonic()
        self.assertEqual(self.pod.end(), 0, self.pod.text())
        self.assertLess(time.monotonic() - begin, grace_s)

    def test_it_ends_while_it_waits(self):
        self.pod.write("")
        self.pod.start()
        self.pod.until(lambda: "waiting for one" in self.pod.text())
        self.assertEqual(self.pod.end(), 0)

    def test_without_an_address_it_says_so(self):
        self.pod.address = ""
        self.pod.start()
        self.assertEqual(self.pod.process.wait(WAIT_MAX_S), 2)
        self.assertIn("POD_IP", self.pod.text())


if __name__ == "__main__":
    unittest.main()
