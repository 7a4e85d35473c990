//! A process's transport: on a media driver of its own, or on that of `vesta driver`.

use std::path::PathBuf;
use std::time::Duration;

use vesta_config::{Config, Driver, LogLevel};
use vesta_netio::{AeronTransport, DriverSettings, MediaDriver, SharedDriver};

use crate::process::{StartError, say};
use crate::settings::{client_settings, driver_settings};

/// Where the shared driver keeps its files, unless the configuration says otherwise.
const DEFAULT_DIRECTORY: &str = "/dev/shm/vesta-driver";

/// Opens the transport of `role`, and says on stderr what it is on.
///
/// # Errors
/// When its driver does not start, or the shared one is not there or not as this configuration
/// wants it.
pub fn open_transport(config: &Config, role: &str) -> Result<AeronTransport, StartError> {
    open_with(config, role, driver_settings(config, role))
}

/// As [`open_transport`], with other settings of an embedded driver. A shared one is as it is.
///
/// # Errors
/// As `open_transport`.
pub fn open_with(
    config: &Config,
    role: &str,
    settings: DriverSettings,
) -> Result<AeronTransport, StartError> {
    let client = client_settings(config, role);
    if config.transport.driver == Driver::Embedded {
        let transport = AeronTransport::embed(&settings, client)?;
        transport.with_driver(|driver| describe_driver(config, role, driver));
        return Ok(transport);
    }
    let wait = Duration::from_millis(config.transport.driver_wait_max_ms);
    let shared = find_shared(config, wait)?;
    let directory = shared.directory.display().to_string();
    let pid = shared.owner_pid.map_or("unknown".to_owned(), |pid| pid.to_string());
    if shared.owner_pid.is_none() {
        let text = format!(
            "the driver in {directory} is none of ours: whether its settings fit is not known"
        );
        say(config, LogLevel::Warn, role, &text);
    }
    let datapath = shared.note.get("datapath").cloned();
    let transport = AeronTransport::share(shared, client)?;
    let datapath = datapath.map_or(String::new(), |name| format!(", datapath {name}"));
    let text = format!("shared media driver in {directory}, hosted by process {pid}{datapath}");
    say(config, LogLevel::Info, role, &text);
    Ok(transport)
}

/// The driver that the processes of `config` share, if it is there within `wait`, lives, and was told
/// what they count on; of one that is none of ours, that is not known.
///
/// # Errors
/// When there is none, or it does not fit.
pub fn find_shared(config: &Config, wait: Duration) -> Result<SharedDriver, StartError> {
    let shared = SharedDriver::await_in(&shared_directory(config), wait)
        .map_err(vesta_netio::DriverError::from)?;
    if shared.owner_pid.is_some() {
        compare(config, &shared)?;
    }
    Ok(shared)
}

/// Where the shared driver of `config` keeps its files.
#[must_use]
pub fn shared_directory(config: &Config) -> PathBuf {
    match config.transport.driver_directory.as_str() {
        "" => PathBuf::from(DEFAULT_DIRECTORY),
        path => PathBuf::from(path),
    }
}

/// Starts the driver that others share.
///
/// # Errors
/// When it does not start, or one is there already.
pub fn host_driver(config: &Config) -> Result<MediaDriver, StartError> {
    let lines = wanted(config).into_iter().map(|(key, value)| format!("{key} = {value}\n"));
    let settings = DriverSettings {
        directory: Some(shared_directory(config)),
        note: lines.collect(),
        ..driver_settings(config, "driver")
    };
    Ok(MediaDriver::start(&settings)?)
}

/// The one of them that is no key of its own.
const DATAGRAM_MAX: &str = "datagram_max_bytes";

/// What those who share a driver must agree on, key by key.
fn wanted(config: &Config) -> Vec<(&'static str, String)> {
    let t = &config.transport;
    vec![
        ("version", crate::VERSION.to_owned()),
        ("mtu_bytes", t.mtu_bytes.to_string()),
        (DATAGRAM_MAX, config.datagram_max().1.to_string()),
        ("socket_receive_buffer_bytes", t.socket_receive_buffer_bytes.to_string()),
        ("socket_send_buffer_bytes", t.socket_send_buffer_bytes.to_string()),
        ("receiver_window_bytes", t.receiver_window_bytes.to_string()),
        ("status_message_interval_ms", t.status_message_interval_ms.to_string()),
        ("image_liveness_timeout_ms", t.image_liveness_timeout_ms.to_string()),
        ("publication_connection_timeout_ms", t.publication_connection_timeout_ms.to_string()),
        ("publication_linger_timeout_ms", t.publication_linger_timeout_ms.to_string()),
        ("nak_backoff_us", t.nak_backoff_us.to_string()),
        ("driver_timeout_ms", t.driver_timeout_ms.to_string()),
        ("setup_term_length_max_bytes", t.setup_term_length_max_bytes.to_string()),
        ("sparse_files", t.sparse_files.to_string()),
    ]
}

/// Refuses a driver that was told something else than this process counts on.
fn compare(config: &Config, driver: &SharedDriver) -> Result<(), StartError> {
    let differs = |key: &str, wanted: &str, has: &str| {
        let directory = driver.directory.display();
        let knob = match key {
            "version" => key.to_owned(),
            DATAGRAM_MAX => "the longest of transport.mtu_bytes and streams.*.mtu_bytes".to_owned(),
            key => format!("transport.{key}"),
        };
        Err(StartError::Argument(format!(
            "the driver in {directory} does not fit: {knob} is {has} there, and {wanted} here. \
             Give both the same configuration and the same version, and start the driver again"
        )))
    };
    for (key, wanted) in wanted(config) {
        let has = driver.note.get(key).map_or("not known", String::as_str);
        if has != wanted {
            return differs(key, &wanted, has);
        }
    }
    let datapath = config.transport.datapath.name();
    let has = driver.note.get("datapath").map_or("not known", String::as_str);
    let falls_back = datapath == "xdp" && config.transport.xdp_fallback.name() == "socket";
    if datapath != "auto" && has != datapath && !(falls_back && has == "socket") {
        return differs("datapath", datapath, has);
    }
    Ok(())
}

/// Says which datapath a driver uses and why, where it lives and what it takes there, what it
/// cleared away, and what the kernel did not grant.
pub fn describe_driver(config: &Config, name: &str, driver: &MediaDriver) {
    say(config, LogLevel::Info, name, &driver.datapath().to_string());
    let (directory, space) = (driver.directory().display(), driver.space());
    let threading = config.transport.threading;
    let text = format!("media driver in {directory}, {threading}; its files take {space}");
    say(config, LogLevel::Info, name, &text);
    for warning in driver.warnings() {
        say(config, LogLevel::Warn, name, warning);
    }
    for stale in driver.removed_stale() {
        let line = format!(
            "removed {} ({} bytes), left behind by process {}, which is dead",
            stale.path.display(),
            stale.bytes,
            stale.owner_pid
        );
        say(config, LogLevel::Warn, name, &line);
    }
}
