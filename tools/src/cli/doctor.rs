//! `vesta doctor`: is this host ready for what the configuration asks of it?

use super::{Context, Failure, Verdict};
use clap::Args;
use vesta_netio::HostReport;
use vesta_tools::doctor::{
    Here, Places, Role, State, TransportReport, examine, to_json, to_text, worst,
};

#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// A role that is to run on this host: gateway, sequencer, engine, md-publisher, md-relay; may be given
    /// several times. By default those that have an address of this host
    #[arg(long, value_name = "ROLE", value_parser = parse_role)]
    role: Vec<Role>,
}

fn parse_role(text: &str) -> Result<Role, String> {
    let known = Role::ALL.into_iter().find(|role| role.name() == text);
    known.ok_or_else(|| format!("give one of {}", Role::ALL.map(Role::name).join(", ")))
}

pub fn doctor(context: &Context, args: &DoctorArgs) -> Result<Verdict, Failure> {
    let config = &context.config;
    let here = Here::of(config, args.role.iter().copied());
    let host = HostReport::probe(&config.transport.interface);
    let findings = examine(config, &host, &TransportReport::of(config), &Places::of(config), &here);
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
