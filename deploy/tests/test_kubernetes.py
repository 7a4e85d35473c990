"""Every rendered manifest against the published schemas of the Kubernetes version that terraform asks for."""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

from render import CHARTS, ROOT, TIERS, render_text, values_files

VALIDATE = os.environ.get("VESTA_KUBERNETES_VALIDATE", str(pathlib.Path(sys.executable).with_name("kubernetes-validate")))
# Objects of others: nobody publishes their schemas there, and test_objects.py looks at them.
CUSTOM = {"Alertmanager", "AlertmanagerConfig", "ExternalSecret", "PodMonitor", "Prometheus", "PrometheusRule",
          "ScrapeConfig", "ServiceMonitor"}


def cluster_version():
    text = (ROOT / "terraform/variables.tf").read_text(encoding="utf-8")
    return re.search(r'variable "cluster_version" \{.*?default\s*=\s*"([0-9.]+)"', text, re.DOTALL).group(1)


def validate(*files):
    command = [VALIDATE, "--strict", "--kubernetes-version", cluster_version(), *files]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


class Kubernetes(unittest.TestCase):
    def test_every_chart_of_every_tier(self):
        with tempfile.TemporaryDirectory() as folder:
            files = []
            for name in CHARTS:
                for tier in TIERS:
                    for extra in [(), ("values-autoscaled.yaml",)] if name == "gateway" else [()]:
                        files.append(pathlib.Path(folder) / f"{name}-{tier}{len(extra)}.yaml")
                        files[-1].write_text(render_text(name, values_files(name, tier, extra)), encoding="utf-8")
            done = validate(*files)
        said = done.stdout + done.stderr
        self.assertEqual(done.returncode, 0, said)
        self.assertNotIn("ERROR", said)
        self.assertEqual(set(re.findall(r"find schema for kind (\w+)", said)), CUSTOM)

    def test_it_would_notice(self):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "wrong.yaml"
            text = render_text("gateway", values_files("gateway", "dev"))
            file.write_text(text.replace("topologySpreadConstraints:", "topologySpreadConstraint:"), encoding="utf-8")
            done = validate(file)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("topologySpreadConstraint", done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
