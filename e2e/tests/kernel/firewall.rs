//! A stateful firewall that shuts one flow does not shut the target (MEASURING.md B12).

use std::path::Path;

use anyhow::ensure;
use linewatch_e2e::binary;
use linewatch_e2e::namespace;
use linewatch_e2e::packet::Answer;
use linewatch_e2e::responder::{Exchange, Responder};
use linewatch_e2e::serving::Serving;

use crate::rig::ms;

/// So many echoes of the first identifier pass.
const PASSED: u64 = 20;
/// So many answers to other identifiers end an outage for certain.
const ANSWERED: usize = 40;
/// With one more answer each time, the page is looked at so often: 10 s at 50 ms.
const LOOKS: usize = 200;

/// Answered echoes of other identifiers than the first.
fn answered_elsewhere(seen: &[Exchange]) -> usize {
    let first = seen.first().map(|exchange| exchange.key.id);
    let others = seen.iter().filter(|exchange| Some(exchange.key.id) != first);
    others.filter(|exchange| !exchange.answers.is_empty()).count()
}

fn outlive_a_firewall(program: &Path) -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let mut first = None;
    let line = Responder::start(move |number, packet| {
        let id = packet.key().map(|key| key.id);
        let shut = *first.get_or_insert(id);
        if id == shut && number >= PASSED {
            Vec::new()
        } else {
            vec![(ms(2), Answer::Right)]
        }
    })?;
    let serving = Serving::start(
        program,
        directory.path(),
        "[[targets]]\nid = \"far\"\naddress = \"10.9.0.2\"\ninterval = \"50ms\"\ntimeout = \"200ms\"\n",
    )?;
    let mut outages = String::new();
    for answered in ANSWERED..ANSWERED + LOOKS {
        line.wait_until(|seen| answered_elsewhere(seen) >= answered)?;
        outages = serving.get("/api/v1/outages?target=far")?;
        let opened = outages.matches("\"opened_by\":\"run\"").count();
        ensure!(opened <= 1, "{outages}");
        if opened == 1 && !outages.contains("\"to\":null") {
            return Ok(());
        }
        // What was answered just now may not have come through the monitor yet: another answer later it is asked again.
    }
    anyhow::bail!("no outage, or it goes on: {outages}")
}

#[test]
fn a_firewall_that_shuts_one_flow_makes_one_short_outage() {
    match binary::find() {
        Ok(program) => namespace::run("firewall", move || outlive_a_firewall(&program)),
        Err(missing) => namespace::skip("firewall", &missing),
    }
}
