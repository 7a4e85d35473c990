//! `vesta doctor`: is this host ready for what the configuration asks of it?

use super::{Context, Failure, Verdict};
use vesta_netio::HostReport;
use vesta_tools::doctor::{Places, State, TransportReport, examine, to_json, to_text, worst};

pub fn doctor(context: &Context) -> Result<Verdict, Failure> {
    let config = &context.config;
    let host = HostReport::probe(&config.transport.interface);
    let findings = examine(config, &host, &TransportReport::of(config), &Places::of(config));
    if context.json {
        println!("{}", to_json(&findings));
    } else {
        print!("{}", to_text(&findings));
    }
    match worst(&findings) {
        State::Fail => Ok(Verdict::Fails),
        State::Ok | State::Warn => Ok(Verdict::Holds),
    }
}
