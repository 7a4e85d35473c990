#!/usr/bin/env python3
"""Reads `terraform show -json` of a plan made right after an apply, and exits 1 if it would change anything.

moto answers three things otherwise than AWS does. Each is named here with what it does; whatever else
differs fails.
"""

import json
import re
import sys

MOTO_DEVIATES = [
    (r"aws_launch_template\.", "tag_specifications", "moto repeats the template's own tags among them"),
    (r"aws_network_interface\.hot", "security_groups", "moto adds the host's group when an interface is attached"),
    (r"aws_vpc_security_group_(in|e)gress_rule\.", "description", "moto forgets it where a rule names a group"),
]

# They follow from the attribute above, and are only known after an apply.
FOLLOWS = {"default_version", "latest_version", "tags_all"}


def main():
    plan = json.load(sys.stdin)
    if len(plan.get("resource_changes", [])) < 50:
        sys.exit("the plan holds less than 50 resources: was anything applied?")
    bad, excused = [], []
    for resource in plan.get("resource_changes", []):
        change = resource["change"]
        if change["actions"] == ["no-op"]:
            continue
        if change["actions"] != ["update"]:
            bad.append(f"{resource['address']}: {change['actions']}")
            continue
        before, after = change["before"], change["after"]
        unknown = change.get("after_unknown") or {}
        for name in sorted(set(before) | set(after) | {key for key, value in unknown.items() if value is True}):
            if name in FOLLOWS or before.get(name) == after.get(name):
                continue
            if name == "description" and not before.get("referenced_security_group_id"):
                bad.append(f"{resource['address']} {name}: {before.get(name)!r} -> {after.get(name)!r}")
                continue
            known = [why for pattern, attribute, why in MOTO_DEVIATES if attribute == name and re.search(pattern, resource["address"])]
            if known:
                excused.append(f"{resource['address']} {name}: {known[0]}")
            else:
                bad.append(f"{resource['address']} {name}: {before.get(name)!r} -> {after.get(name)!r}")
    for line in excused:
        print(f"moto, not a change: {line}")
    for line in bad:
        print(f"would change: {line}")
    print(f"{len(bad)} changes, {len(excused)} deviations of moto")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
