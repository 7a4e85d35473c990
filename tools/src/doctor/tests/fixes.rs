//! What doctor has its user run: commands whose programs there are.

use super::*;
use std::process::Command;

/// Every fix that can be printed.
fn all_fixes() -> Vec<Fix> {
    let text = APPLIANCE.replace("\"2\"", "\"0\"").replace("\"3\"", "\"2\"");
    let mut missing = bad_host();
    missing.interface = Err(NoInterface { wanted: String::new(), found: String::new() });
    let mut findings = Vec::new();
    for host in [&bad_host(), &missing] {
        findings.extend(examine_on(&config(&text), host, &bad_places()));
    }
    findings.into_iter().filter_map(|finding| finding.fix).collect()
}

/// The programs of all fixes, and Debian's packages that have them.
const PROGRAMS: [(&str, &str); 13] = [
    ("apt-get", "apt"),
    ("cat", "coreutils"),
    ("cpupower", "linux-cpupower"),
    ("ethtool", "ethtool"),
    ("ip", "iproute2"),
    ("lscpu", "util-linux"),
    ("mkdir", "coreutils"),
    ("mount", "mount"),
    ("prlimit", "util-linux"),
    ("sh", "dash"),
    ("swapoff", "mount"),
    ("sysctl", "procps"),
    ("update-grub", "grub2-common"),
];

/// A user who copies a fix must have its program, or be told where it comes from: a program of another
/// name is on no list. Where dpkg knows the program, the package must be the right one.
#[test]
fn the_program_of_each_fix_is_known_and_its_package_is_named() {
    let fixes = all_fixes();
    assert!(fixes.len() > 15, "{fixes:#?}");
    let named: BTreeSet<(&str, &str)> = fixes
        .iter()
        .map(|fix| (fix.command.split(' ').next().expect("a first word"), fix.package))
        .collect();
    assert_eq!(named, BTreeSet::from(PROGRAMS));
    let mut found = 0;
    for (program, package) in named {
        let folders = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];
        let there = folders.iter().map(|f| Path::new(f).join(program)).find(|path| path.exists());
        let Some(path) = there else {
            println!("{program} is not here; the fix names package {package}");
            continue;
        };
        found += 1;
        // Some are found by one name and owned by another: /bin is a link to /usr/bin.
        let owners = |path: &Path| {
            let output = Command::new("dpkg").arg("-S").arg(path).output().ok()?;
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            output.status.success().then_some(text)
        };
        let plain = Path::new("/").join(path.strip_prefix("/usr").unwrap_or(&path));
        if let Some(owners) = owners(&path).or_else(|| owners(&plain)) {
            let is_named = owners.lines().any(|line| {
                line.split(':')
                    .next()
                    .is_some_and(|packages| packages.split(", ").any(|owner| owner == package))
            });
            assert!(is_named, "{program} is of {owners}, and the fix says {package}");
        }
    }
    assert!(found > 0, "no program of any fix is on this machine");
}
