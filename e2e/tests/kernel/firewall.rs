//! A stateful firewall that shuts one flow does not shut the target (MEASURING.md B12).

use std::path::Path;

use anyhow::ensure;
use linewatch_e2e::binary;
use linewatch_e2e::namespace;
use linewatch_e2e::packet::Answer;
use linewatch_e2e::responder::Responder;

use crate::rig::ms;
use crate::serving::Serving;

/// So many echoes of the first identifier pass.
const PASSED: u64 = 20;

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
    line.wait_until(|seen| {
        let first = seen.first().map(|exchange| exchange.key.id);
        let others = seen.iter().filter(|exchange| Some(exchange.key.id) != first);
        others.filter(|exchange| !exchange.answers.is_empty()).count() >= 40
    })?;
    let outages = serving.get("/api/v1/outages?target=far")?;
    ensure!(outages.matches("\"opened_by\":\"run\"").count() == 1, "{outages}");
    ensure!(!outages.contains("\"to\":null"), "it goes on: {outages}");
    Ok(())
}

#[test]
fn a_firewall_that_shuts_one_flow_makes_one_short_outage() {
    match binary::find() {
        Ok(program) => namespace::run("firewall", move || outlive_a_firewall(&program)),
        Err(missing) => namespace::skip("firewall", &missing),
    }
}
