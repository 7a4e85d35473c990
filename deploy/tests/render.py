"""Renders the charts as helm does, for the tests: what they look at is manifests, never values.

VESTA_DEPLOY_TREE names another copy of deploy/ (the mutations), VESTA_HELM another helm.
"""

import functools
import json
import os
import pathlib
import subprocess
import tempfile

import yaml

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TREE = pathlib.Path(os.environ.get("VESTA_DEPLOY_TREE", HERE.parent)).resolve()
HELM = os.environ.get("VESTA_HELM", str(ROOT / "target/tools/bin/helm"))

TIERS = ["dev", "low", "medium", "high"]
CHARTS = ["gateway", "md-relay", "observability"]
# The loader in C: a dashboard has a thousand lines.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def chart(name):
    return TREE / "charts" / name


def expected(name):
    with open(HERE / "expected" / f"{name}.json", encoding="utf-8") as file:
        return json.load(file)


def values_files(name, tier, extra=()):
    """Of a chart in a tier: the tier's, what only a site knows, and then others by their name in the chart."""
    files = [chart(name) / f"values-{tier}.yaml"]
    site = HERE / "site" / f"{name}.yaml"
    if site.exists():
        files.append(site)
    return files + [chart(name) / file for file in extra]


def helm(*arguments, values=None):
    """Runs helm; values given as an object come last. Returns the finished process."""
    command = [HELM, *map(str, arguments)]
    environment = {**os.environ, "HELM_CACHE_HOME": tempfile.gettempdir(), "HELM_NO_PLUGINS": "1"}
    stdin = None
    if values is not None:
        command += ["-f", "-"]
        stdin = json.dumps(values)
    return subprocess.run(command, input=stdin, capture_output=True, text=True, env=environment, timeout=60, check=False)


def render_text(name, files=(), values=None, release="vesta", namespace="vesta"):
    options = [option for file in files for option in ("-f", file)]
    done = helm("template", release, chart(name), "--namespace", namespace, *options, values=values)
    if done.returncode != 0:
        raise AssertionError(f"helm template {name} {[str(f) for f in files]}: {done.stderr.strip()}")
    return done.stdout


def parse(text):
    return [document for document in yaml.load_all(text, Loader=LOADER) if document]


@functools.cache
def objects(name, tier, extra=()):
    return parse(render_text(name, values_files(name, tier, extra)))


def of_kind(manifests, kind):
    return [document for document in manifests if document["kind"] == kind]


def one(manifests, kind, ending=""):
    found = [document for document in of_kind(manifests, kind) if document["metadata"]["name"].endswith(ending)]
    if len(found) != 1:
        raise AssertionError(f"{len(found)} objects are {kind} *{ending}, not one")
    return found[0]


def component(document):
    return document["metadata"]["labels"].get("app.kubernetes.io/component")


def fill(texts, data):
    """Go templates as external-secrets and Argo CD execute them: by helm, whose functions are the same."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder)
        (path / "templates").mkdir()
        (path / "Chart.yaml").write_text("apiVersion: v2\nname: fill\nversion: 0.0.1\n", encoding="utf-8")
        (path / "templates/out.yaml").write_text(
            "out:\n{{- range .Values.texts }}\n- {{ tpl . (merge (dict \"Template\" $.Template) $.Values.data) | toJson }}\n{{- end }}\n",
            encoding="utf-8",
        )
        done = helm("template", "fill", path, values={"texts": texts, "data": data})
        if done.returncode != 0:
            raise AssertionError(f"the template can not be filled in: {done.stderr.strip()}")
        return yaml.load(done.stdout, Loader=LOADER)["out"] or []
