//! Priority, waiting, and the way out of this network.

use anyhow::{Context as _, ensure};
use linewatch_core::port::{Clock as _, Incoming, Wire as _};
use linewatch_core::time::MonoTime;
use linewatch_e2e::namespace;
use linewatch_e2e::responder::{DEVICE, Responder};
use linewatch_probe::clock::SystemClock;
use linewatch_probe::route::{Gateways, default_gateways, interface_index};
use linewatch_probe::sys::{LinuxWire, WireOptions};

use crate::rig::{self, ms};

/// The one state that could freeze the whole computer.
#[test]
fn a_realtime_thread_that_never_pauses_is_made_ordinary() {
    namespace::run("watchdog", || {
        let scheduling = linewatch_probe::privilege::realtime();
        ensure!(
            scheduling.is_realtime,
            "root may not be real-time: {}",
            scheduling.text
        );
        ensure!(rig::scheduling_policy()? == rig::SCHED_FIFO, "not SCHED_FIFO");
        let clock = SystemClock::start();
        while !linewatch_probe::privilege::was_demoted() {
            ensure!(
                clock.mono() < MonoTime::ZERO.plus(ms(5000)),
                "it ran for 5 s without a pause"
            );
        }
        ensure!(rig::scheduling_policy()? == rig::SCHED_OTHER, "still real-time");
        Ok(())
    });
}

#[test]
fn a_wait_ends_at_its_moment_or_by_a_call() {
    namespace::run("wait", || {
        let clock = SystemClock::start();
        let (mut wire, _) = LinuxWire::open(clock, WireOptions::default())?;
        let mut incoming = Incoming::default();
        let mut late_ns: Vec<u128> = Vec::new();
        for _ in 0..100 {
            let until = clock.mono().plus(ms(2));
            wire.receive(until, &mut incoming);
            let now = clock.mono();
            ensure!(now >= until, "{:?} early", until.since(now));
            late_ns.push(now.since(until).as_nanos());
        }
        late_ns.sort_unstable();
        println!(
            "wait: late by {} ns at the median, {} ns at p90",
            late_ns[50], late_ns[90]
        );
        // Ordinary priority on a shared computer: the median tells a sharp timer from one with slack (>= 1 ms).
        ensure!(late_ns[50] < 1_000_000, "{late_ns:?}");
        let waker = wire.waker();
        std::thread::spawn(move || waker());
        wire.receive(MonoTime::MAX, &mut incoming);
        ensure!(incoming.arrivals.is_empty() && !incoming.has_more, "{incoming:?}");
        Ok(())
    });
}

#[test]
fn the_gateways_are_those_of_the_route_table() {
    namespace::run("gateways", || {
        let none = default_gateways();
        ensure!(none == Gateways::default(), "{none:?}");
        let _line = Responder::start(|_, _| vec![])?;
        namespace::ip("route add default via 10.9.0.254")?;
        namespace::ip(&format!("-6 route add default via fe80::1 dev {DEVICE}"))?;
        let found = default_gateways();
        ensure!(found.has_v4_route && found.has_v6_route, "{found:?}");
        ensure!(
            found
                .v4
                .is_some_and(|gateway| gateway.ip.to_string() == "10.9.0.254"),
            "{found:?}"
        );
        let scope = interface_index(DEVICE).context("no index")?;
        let v6 = found.v6.context("no IPv6 gateway")?;
        ensure!(
            v6.ip.to_string() == "fe80::1" && v6.scope == scope,
            "{v6:?} on interface {scope}"
        );
        Ok(())
    });
}
