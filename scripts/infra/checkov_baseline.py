#!/usr/bin/env python3
"""Compares checkov's findings (JSON on stdin) with terraform/checkov-baseline.txt.

Exits 1 on a finding without a line, on a line without a reason, and on a line that matches no finding any
more, so that the list can only shrink with the findings.
"""

import fnmatch
import json
import pathlib
import re
import sys

BASELINE = pathlib.Path(__file__).resolve().parents[2] / "terraform/checkov-baseline.txt"


def main():
    lines, problems = [], []
    for number, line in enumerate(BASELINE.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        parts = [part.strip() for part in line.split("|", 2)]
        if len(parts) != 3 or not parts[2]:
            problems.append(f"{BASELINE.name}:{number}: wants check | resource | reason")
            continue
        lines.append({"number": number, "check": parts[0], "resource": parts[1], "matches": 0})

    report = json.load(sys.stdin)
    summary = report["summary"]
    if summary["parsing_errors"]:
        problems.append(f"checkov could not read {summary['parsing_errors']} files")
    if summary["passed"] < 500:
        problems.append(f"only {summary['passed']} checks passed: did checkov see the modules?")
    for finding in report["results"]["failed_checks"]:
        # As if each resource were in a module, with [brackets] as themselves.
        resource = "m." + re.sub(r"[\[\]\"]", "_", finding["resource"])
        found = [line for line in lines if line["check"] == finding["check_id"] and fnmatch.fnmatch(resource, line["resource"])]
        for line in found:
            line["matches"] += 1
        if not found:
            problems.append(f"{finding['check_id']} {finding['resource']} ({finding['file_path']}): {finding['check_name']}")
    problems += [f"{BASELINE.name}:{line['number']}: {line['check']} matches nothing any more" for line in lines if not line["matches"]]
    print("\n".join(problems) if problems else f"{summary['passed']} passed, {summary['failed']} kept for {len(lines)} reasons")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
