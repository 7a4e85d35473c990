//! What a figure was measured on: without it nobody can repeat it.

use serde::Serialize;
use std::fs;
use vesta_netio::Clock;
use vesta_types::TimeNs;

/// The commit that this program was built from; `-dirty` where it had changes.
pub const COMMIT: &str = env!("VESTA_COMMIT");

/// What a measurement says of itself.
#[derive(Clone, Debug)]
pub struct About {
    /// Which one it is.
    pub bench: &'static str,
    /// Which process, or thread, is on which core, and what it does when idle.
    pub pinning: String,
    /// What runs before anything is recorded, in words.
    pub warm_up: String,
    /// Of the order flow; in words where there is none.
    pub seed: String,
    /// What else it was told, in words.
    pub settings: String,
    /// The configuration file, or that it is the default one.
    pub configuration: String,
}

/// The head of a report.
#[derive(Clone, Debug, Serialize)]
pub struct Header {
    /// Which measurement.
    pub bench: String,
    /// When it began, UTC.
    pub date: String,
    /// The commit.
    pub commit: &'static str,
    /// Version, target and profile.
    pub build: &'static str,
    /// The command line.
    pub command: String,
    /// The processor.
    pub cpu: String,
    /// How many cores it has that are on line.
    pub cores: usize,
    /// True on a virtual machine: others may use the cores, too.
    pub virtual_machine: bool,
    /// The kernel.
    pub kernel: String,
    /// What the kernel was told about cores at start: `isolcpus` and its like, or nothing.
    pub isolation: String,
    /// Who sets the frequency, or `none` where nobody can.
    pub governor: String,
    /// Whether two threads share a core: `on`, `off`, or that the processor can not.
    pub smt: String,
    /// Who puts idle cores to sleep, or `none`: waking them takes up to some 100 us.
    pub sleep_states: String,
    /// The longest socket buffers that the kernel grants, receive and send, bytes.
    pub socket_buffers: String,
    /// The kernel's clock.
    pub clock_source: String,
    /// Processes that wanted to run when it began, over the last minute: above what is idle, somebody
    /// else is on the machine.
    pub load_average: String,
    /// Which process is on which core.
    pub pinning: String,
    /// Before anything is recorded.
    pub warm_up: String,
    /// Of the order flow.
    pub seed: String,
    /// What else the measurement was told, in words.
    pub settings: String,
    /// The configuration file, or that it is the default one.
    pub configuration: String,
}

impl Header {
    /// Looks at this machine.
    #[must_use]
    pub fn new(about: About) -> Self {
        let About { bench, pinning, warm_up, seed, settings, configuration } = about;
        let cpu_info = read("/proc/cpuinfo");
        let field = |name: &str| {
            let line = cpu_info.lines().find(|line| line.starts_with(name));
            line.and_then(|line| line.split_once(": ")).map_or("unknown", |(_, value)| value.trim())
        };
        let or_none = |text: String| if text.is_empty() { "none".to_owned() } else { text };
        let told = read("/proc/cmdline");
        let told = told.split_whitespace().filter(|word| {
            ["isolcpus=", "nohz_full=", "rcu_nocbs="].iter().any(|name| word.starts_with(name))
        });
        let load = read("/proc/loadavg");
        Self {
            bench: bench.to_owned(),
            date: date(Clock::new().utc_ns()),
            commit: COMMIT,
            build: vesta_runner::BUILD,
            command: std::env::args().skip(1).fold("vesta".to_owned(), |all, arg| all + " " + &arg),
            cpu: field("model name").to_owned(),
            cores: cpu_info.lines().filter(|line| line.starts_with("processor")).count(),
            virtual_machine: field("flags").split(' ').any(|flag| flag == "hypervisor"),
            kernel: format!("Linux {}", read("/proc/sys/kernel/osrelease")),
            isolation: or_none(told.collect::<Vec<_>>().join(" ")),
            governor: or_none(read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")),
            smt: or_none(read("/sys/devices/system/cpu/smt/control")),
            sleep_states: or_none(read("/sys/devices/system/cpu/cpuidle/current_driver")),
            socket_buffers: format!(
                "{}, {}",
                or_none(read("/proc/sys/net/core/rmem_max")),
                or_none(read("/proc/sys/net/core/wmem_max"))
            ),
            clock_source: read("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
            load_average: load.split(' ').next().unwrap_or_default().to_owned(),
            pinning,
            warm_up,
            seed,
            settings,
            configuration,
        }
    }

    /// The head as lines, each a name and a value.
    #[must_use]
    pub fn lines(&self) -> Vec<(&'static str, String)> {
        let machine = if self.virtual_machine { "virtual machine" } else { "no hypervisor" };
        vec![
            ("bench", self.bench.clone()),
            ("date", self.date.clone()),
            ("command", self.command.clone()),
            ("commit", self.commit.to_owned()),
            ("build", self.build.to_owned()),
            ("machine", format!("{}, {} cores, {machine}", self.cpu, self.cores)),
            ("kernel", self.kernel.clone()),
            ("isolation", self.isolation.clone()),
            ("governor", self.governor.clone()),
            ("SMT", self.smt.clone()),
            ("sleep", format!("{} puts idle cores to sleep", self.sleep_states)),
            (
                "buffers",
                format!("{} bytes at most (net.core.rmem_max, wmem_max)", self.socket_buffers),
            ),
            ("clock", self.clock_source.clone()),
            ("load", format!("{} processes over the minute before", self.load_average)),
            ("pinning", self.pinning.clone()),
            ("warm-up", self.warm_up.clone()),
            ("seed", self.seed.clone()),
            ("settings", self.settings.clone()),
            ("config", self.configuration.clone()),
        ]
    }
}

/// A file of the kernel's; nothing where there is none.
fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}

/// A time as `2026-11-21T08:06:59Z`.
#[must_use]
pub fn date(time: TimeNs) -> String {
    let seconds = time.0 / 1_000_000_000;
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Years that begin in March have the leap day at their end. 400 of them are 146,097 days.
    let from_march = days + 719_468;
    let (era, day_of_era) = (from_march / 146_097, from_march % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_251_200, "2024-03-01T00:00:00Z"),
            (1_798_761_599, "2026-12-31T23:59:59Z"),
        ] {
            assert_eq!(date(TimeNs(seconds * 1_000_000_000)), expected);
        }
    }

    #[test]
    fn a_head_says_what_it_was_measured_on() {
        let header = Header::new(About {
            bench: "wire",
            pinning: "0, 1".into(),
            warm_up: "none".into(),
            seed: "42".into(),
            settings: "short".into(),
            configuration: "default".into(),
        });
        assert!(header.cores >= 1 && !header.cpu.is_empty() && header.kernel.len() > 6);
        assert!(header.lines().iter().all(|(name, value)| !name.is_empty() && !value.is_empty()));
        assert_ne!(header.commit, "");
    }
}
