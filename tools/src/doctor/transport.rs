//! What the processes' transport is on: the interface of `xdp`, and the driver that they share.

use super::finding::{Finding, State};
use std::time::Duration;
use vesta_config::{Config, Datapath, Driver, XdpFallback};
use vesta_netio::{SharedDriver, XdpReport, XdpUnavailable};
use vesta_runner::{StartError, driver_settings, find_shared, shared_directory};

/// What was found of both, where the configuration wants them.
#[derive(Debug, Default)]
pub struct TransportReport {
    /// The interface of `transport.datapath = "xdp"`.
    pub xdp: Option<Result<XdpReport, XdpUnavailable>>,
    /// The driver of `transport.driver = "shared"`.
    pub shared: Option<Result<SharedReport, String>>,
}

/// A driver that is there, lives, and fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedReport {
    /// The process that hosts it; `None` for one that is not ours.
    pub pid: Option<u32>,
    /// Its datapath, where it says.
    pub datapath: Option<String>,
}

impl TransportReport {
    /// Looks; nothing is attached, and nobody is waited for.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        let settings = driver_settings(config, "doctor");
        let wants_xdp = config.transport.datapath == Datapath::Xdp;
        let wants_shared = config.transport.driver == Driver::Shared;
        Self {
            xdp: wants_xdp.then(|| XdpReport::probe(&settings.xdp, settings.datagram_max_bytes())),
            shared: wants_shared.then(|| {
                let found = find_shared(config, Duration::ZERO);
                found.map(SharedReport::from).map_err(|error: StartError| error.to_string())
            }),
        }
    }

    /// True where a driver serves already, whose files are made.
    pub(super) fn has_driver(&self) -> bool {
        matches!(self.shared, Some(Ok(_)))
    }
}

impl From<SharedDriver> for SharedReport {
    fn from(driver: SharedDriver) -> Self {
        Self { pid: driver.owner_pid, datapath: driver.note.get("datapath").cloned() }
    }
}

pub(super) fn findings(config: &Config, report: &TransportReport) -> Vec<Finding> {
    let xdp = report.xdp.as_ref().map(|found| xdp(config, found));
    let shared = report.shared.as_ref().map(|found| shared(config, found));
    xdp.into_iter().chain(shared).collect()
}

/// How bad it is where `xdp` can not be had.
pub(super) fn without_xdp(config: &Config) -> State {
    match config.transport.xdp_fallback {
        XdpFallback::Exit => State::Fail,
        XdpFallback::Socket => State::Warn,
    }
}

fn xdp(config: &Config, found: &Result<XdpReport, XdpUnavailable>) -> Finding {
    const NAME: &str = "xdp interface";
    let t = &config.transport;
    let knob = format!("transport.xdp_interface = \"{}\"", t.xdp_interface);
    let refusal = match found {
        Ok(report) => {
            let finding = Finding::ok(NAME, report.to_string()).knob(knob);
            let (key, mtu) = config.datagram_max();
            if report.payload_bytes_max >= mtu as usize {
                return finding;
            }
            let (link, needed) = (&report.interface, mtu + super::host::HEADER_BYTES);
            let why = format!(
                "datagrams above {} bytes go by the kernel, in fragments",
                report.payload_bytes_max
            );
            return finding
                .but(State::Warn, why)
                .fix(format!("ip link set dev {link} mtu {needed}"), "iproute2")
                .stage("mtu")
                .knob(format!("{key} = {mtu}"));
        }
        Err(refusal) => refusal,
    };
    let finding = Finding::ok(NAME, format!("{}: not to be had", t.xdp_interface))
        .but(without_xdp(config), refusal.to_string());
    match refusal {
        XdpUnavailable::Down { interface } => {
            finding.fix(format!("ip link set dev {interface} up"), "iproute2").knob(knob)
        }
        XdpUnavailable::NoInterface { .. } => finding.fix("ip -br addr", "iproute2").knob(knob),
        XdpUnavailable::Queues { .. } => {
            finding.knob(format!("transport.xdp_queue_count = {}", t.xdp_queue_count))
        }
        XdpUnavailable::MtuTooLarge { .. } => {
            let (key, mtu) = config.datagram_max();
            finding.knob(format!("{key} = {mtu}"))
        }
        XdpUnavailable::NotPermitted { .. } => finding.knob("transport.datapath = \"xdp\""),
        _ => finding.knob(knob),
    }
}

fn shared(config: &Config, found: &Result<SharedReport, String>) -> Finding {
    const NAME: &str = "shared driver";
    let directory = shared_directory(config);
    let directory = directory.display();
    let finding = match found {
        Ok(SharedReport { pid: Some(pid), datapath }) => {
            let datapath = datapath.as_deref().unwrap_or("not known");
            let text = format!("in {directory}, of process {pid}, datapath {datapath}");
            Finding::ok(NAME, text)
        }
        Ok(SharedReport { pid: None, .. }) => Finding::ok(NAME, format!("in {directory}")).but(
            State::Warn,
            "it is none of ours: whether it lives, and its settings fit, is not known",
        ),
        Err(why) => Finding::ok(NAME, format!("none for us in {directory}")).but(State::Fail, why),
    };
    finding.knob(format!("transport.driver_directory = \"{}\"", config.transport.driver_directory))
}
