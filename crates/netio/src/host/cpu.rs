//! CPUs: which there are, which are kept free, how fast they may go, and by what clock.

use std::fmt;

use super::files::Files;

/// What there is to know of the CPUs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CpuReport {
    /// Those that are switched on.
    pub online: Vec<usize>,
    /// Those that this process may use.
    pub allowed: Vec<usize>,
    /// Those that the scheduler gives to nobody who does not ask (`isolcpus=`).
    pub isolated: Vec<usize>,
    /// Those without a tick while one thread runs (`nohz_full=`).
    pub nohz_full: Vec<usize>,
    /// The frequency governor, where there is one; "mixed" where CPUs differ.
    pub governor: Option<String>,
    /// What the kernel tells time by.
    pub clock_source: Option<String>,
    /// What it could tell time by.
    pub clock_sources: Vec<String>,
    /// True when the TSC runs at one speed and never stops.
    pub is_tsc_steady: bool,
}

impl CpuReport {
    pub(super) fn probe(files: &Files) -> Self {
        let list = |name: &str| {
            let text = files.text(&format!("/sys/devices/system/cpu/{name}"));
            text.map_or_else(Vec::new, |text| cpu_list(&text))
        };
        let online = list("online");
        let governors: Vec<_> = online
            .iter()
            .filter_map(|cpu| {
                files.text(&format!("/sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_governor"))
            })
            .collect();
        let clock = "/sys/devices/system/clocksource/clocksource0";
        let flags = files.text("/proc/cpuinfo").unwrap_or_default();
        let flags = flags.lines().find(|line| line.starts_with("flags")).unwrap_or("").to_owned();
        let has = |flag: &str| flags.split_whitespace().any(|word| word == flag);
        Self {
            allowed: crate::core::allowed_cores().unwrap_or_else(|_| online.clone()),
            online,
            isolated: list("isolated"),
            nohz_full: list("nohz_full"),
            governor: match governors.split_first() {
                None => None,
                Some((first, rest)) if rest.iter().all(|other| other == first) => {
                    Some(first.clone())
                }
                Some(_) => Some("mixed".to_owned()),
            },
            clock_source: files.text(&format!("{clock}/current_clocksource")),
            clock_sources: files
                .text(&format!("{clock}/available_clocksource"))
                .map_or_else(Vec::new, |text| text.split_whitespace().map(str::to_owned).collect()),
            is_tsc_steady: has("constant_tsc") && has("nonstop_tsc"),
        }
    }
}

impl fmt::Display for CpuReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let isolated = if self.isolated.is_empty() {
            "none".to_owned()
        } else {
            self.isolated.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
        };
        write!(f, "{} CPUs, isolated {isolated}, ", self.online.len())?;
        write!(f, "governor {}, ", self.governor.as_deref().unwrap_or("none"))?;
        write!(f, "clock {}", self.clock_source.as_deref().unwrap_or("unknown"))
    }
}

/// The CPUs of a list as the kernel writes it: `0-2,5`. What is no list is an empty one.
#[must_use]
pub fn cpu_list(text: &str) -> Vec<usize> {
    let mut cpus = Vec::new();
    for part in text.trim().split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let range = first.trim().parse::<usize>().ok().zip(last.trim().parse::<usize>().ok());
        if let Some((first, last)) = range.filter(|(_, last)| *last < 1 << 16) {
            cpus.extend(first..=last);
        }
    }
    cpus
}

#[cfg(test)]
mod tests {
    use super::super::files::tests::Made;
    use super::*;

    #[test]
    fn a_tuned_host() {
        let cpu = "sys/devices/system/cpu";
        let made = Made::new(
            "tuned",
            &[
                (&format!("{cpu}/online"), "0-3\n"),
                (&format!("{cpu}/isolated"), "2-3\n"),
                (&format!("{cpu}/nohz_full"), "2,3\n"),
                (&format!("{cpu}/cpu0/cpufreq/scaling_governor"), "powersave\n"),
                (&format!("{cpu}/cpu1/cpufreq/scaling_governor"), "performance\n"),
                ("sys/devices/system/clocksource/clocksource0/current_clocksource", "hpet\n"),
                (
                    "sys/devices/system/clocksource/clocksource0/available_clocksource",
                    "tsc hpet \n",
                ),
                ("proc/cpuinfo", "model : x\nflags\t\t: fpu constant_tsc nonstop_tsc\n"),
            ],
        );
        let report = CpuReport::probe(&made.files());
        assert_eq!(report.online, [0, 1, 2, 3]);
        assert_eq!((&report.isolated, &report.nohz_full), (&vec![2, 3], &vec![2, 3]));
        assert_eq!(report.governor.as_deref(), Some("mixed"));
        assert_eq!(report.clock_sources, ["tsc", "hpet"]);
        assert!(report.is_tsc_steady);
        let line = report.to_string();
        assert_eq!(line, "4 CPUs, isolated 2,3, governor mixed, clock hpet");
    }

    #[test]
    fn lists_of_cpus() {
        assert_eq!(cpu_list("0-2,5\n"), [0, 1, 2, 5]);
        assert_eq!(cpu_list(""), [0; 0]);
        assert_eq!(cpu_list("(null)"), [0; 0]);
        assert_eq!(cpu_list("0-99999999"), [0; 0]);
    }
}
