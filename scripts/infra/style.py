#!/usr/bin/env python3
"""Holds terraform/ to its rules, and names each place that breaks one.

Modules: main, variables, outputs and versions; every variable typed, described and validated (a bool is by its
type); every output described; `create` and `tags`; an example. Everywhere: no provider but aws ~> 5.100.
Tests: assertions never read a variable or the table of tiers, and the chain from a row of the inventory to
an attribute of a resource has no gap: inventory -> output of a module -> resource.
"""

import pathlib
import re
import sys

TERRAFORM = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parents[2] / "terraform")
BLOCK = re.compile(r'^(variable|output) "(\w+)" \{\n(.*?)^\}', re.M | re.S)
MODULES = (
    "network engine standby multicast mdc eks edge database cache kafka storage security observability dr budgets"
).split()

# Outputs that are computed from a local: each says why that is as good as the resource.
COMPUTED = {
    ("edge", "zone_id"): "the hosted zone that was made, or the one that was named",
}
problems = []


def wrong(path, what):
    problems.append(f"{path.relative_to(TERRAFORM.parent)}: {what}")


def blocks(text, kind):
    return [(m[2], m[3]) for m in BLOCK.finditer(text) if m[1] == kind]


def expressions(pattern, text):
    """The text of each attribute that `pattern` begins, to the end of its expression."""
    for match in re.finditer(pattern, text, re.M):
        depth, end = 0, match.end()
        while end < len(text):
            char = text[end]
            depth += char in "([{"
            depth -= char in ")]}"
            if depth < 0 or (char == "\n" and depth == 0):
                break
            end += 1
        yield text[match.end() : end]


def check_variables(path, validated=True):
    for name, body in blocks(path.read_text(), "variable"):
        for need in ("type", "description"):
            if not re.search(rf"^  {need}\s*=", body, re.M):
                wrong(path, f"variable {name} has no {need}")
        boolean = re.search(r"^  type\s*= bool$", body, re.M)
        if validated and not boolean and "validation {" not in body:
            wrong(path, f"variable {name} is not validated")


def check_module(module):
    for file in ("main.tf", "variables.tf", "outputs.tf", "versions.tf", "README.md", "examples/basic/main.tf"):
        if not (module / file).exists():
            wrong(module, f"has no {file}")
            return
    check_variables(module / "variables.tf")
    names = [name for name, _ in blocks((module / "variables.tf").read_text(), "variable")]
    for need in ("create", "tags"):
        if need not in names:
            wrong(module / "variables.tf", f"has no variable {need}")
    for name, body in blocks((module / "outputs.tf").read_text(), "output"):
        if not re.search(r"^  description\s*=", body, re.M):
            wrong(module / "outputs.tf", f"output {name} has no description")
        value = body.split("value", 1)[1]
        if re.search(r"\bvar\.", value):
            wrong(module / "outputs.tf", f"output {name} reads a variable")
        if not re.search(r"\baws_\w+\.|\bmodule\.\w+\.", value) and (module.name, name) not in COMPUTED:
            wrong(module / "outputs.tf", f"output {name} reads no resource")


def check_providers():
    for path in TERRAFORM.rglob("*.tf"):
        if ".terraform" in path.parts:
            continue
        text = path.read_text()
        for source, version in re.findall(r'source\s+= "([a-z]+/[a-z]+)"\s+version = "([^"]+)"', text):
            if (source, version) != ("hashicorp/aws", "~> 5.100"):
                wrong(path, f"asks for the provider {source} {version}")
        for kind in re.findall(r'^(?:resource|data) "([a-z]+)_', text, re.M):
            if kind not in ("aws", "terraform"):
                wrong(path, f"has a resource of the provider {kind}")


def check_tests():
    for path in sorted((TERRAFORM / "tests").glob("*.tftest.hcl")):
        for condition in expressions(r"^\s+condition\s*=", path.read_text()):
            if re.search(r"\b(var|local)\.|tiers\.json", condition):
                wrong(path, f"an assertion reads a variable or the table: {condition.strip()[:80]}")
    inventory = TERRAFORM / "inventory.tf"
    text = inventory.read_text()
    if re.search(r"\bvar\.|local\.(tier|table|shards|standby_shards|clusters|zones)\b", text):
        wrong(inventory, "reads a variable or the table of tiers")
    for module, output in set(re.findall(r"\bmodule\.(\w+)\.(\w+)", text)):
        outputs = (TERRAFORM / "modules" / module / "outputs.tf").read_text()
        if output not in [name for name, _ in blocks(outputs, "output")]:
            wrong(inventory, f"names module.{module}.{output}, which is not there")
    expected = TERRAFORM / "tests/expected/main.tf"
    if "../" in expected.read_text() or "modules" in expected.read_text():
        wrong(expected, "reads something beside its own files")


def main():
    present = sorted(path.name for path in (TERRAFORM / "modules").iterdir() if path.is_dir())
    if present != sorted(MODULES):
        wrong(TERRAFORM / "modules", f"modules differ from those required: {set(present) ^ set(MODULES)}")
    for name in present:
        check_module(TERRAFORM / "modules" / name)
        if not (TERRAFORM / "tests" / f"module_{name}.tftest.hcl").exists():
            wrong(TERRAFORM / "tests", f"no test of the module {name}")
    check_variables(TERRAFORM / "variables.tf")
    main_text = (TERRAFORM / "main.tf").read_text()
    for name in MODULES:
        if f'source   = "./modules/{name}"' not in main_text and f'source = "./modules/{name}"' not in main_text:
            wrong(TERRAFORM / "main.tf", f"does not use the module {name}")
    check_providers()
    check_tests()
    print("\n".join(problems) if problems else f"{len(MODULES)} modules keep the rules")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
