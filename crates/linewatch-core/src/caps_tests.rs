//! Claims about `caps`: strangers are spared, and the message says how.

use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().expect("address")
}

fn entry(id: u32, address: &str, interval_ms: u64) -> CapEntry {
    let plan = ProbePlan {
        interval: Duration::from_millis(interval_ms),
        ..ProbePlan::default()
    };
    CapEntry {
        id: TargetId(id),
        address: ip(address).into(),
        method: Method::IcmpEcho,
        plan,
        allow_high_rate: false,
    }
}

#[test]
fn public_is_what_the_registries_call_globally_reachable() {
    let public = [
        "8.8.8.8",
        "1.1.1.1",
        "192.0.0.9",
        "192.0.0.10",
        "192.0.1.1",
        "100.63.255.255",
        "100.128.0.0",
        "172.32.0.1",
        "198.20.0.1",
        "11.0.0.1",
        "223.255.255.255",
        "2606:4700:4700::1111",
        "2001:4860:4860::8888",
        "2001:1::1",
        "2001:4:112::1",
        "2001:20::1",
        "2001:0:1::1",
        "2001:200::1",
        "2620:4f:8000::1",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
        "2002:808:808::1",
    ];
    let private = [
        "10.0.0.1",
        "127.0.0.1",
        "192.168.1.1",
        "172.16.0.1",
        "172.31.255.255",
        "169.254.1.1",
        "100.64.0.1",
        "192.0.0.1",
        "192.0.2.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.7",
        "203.0.113.9",
        "0.1.2.3",
        "240.0.0.1",
        "::1",
        "fe80::1",
        "fd00::1",
        "fc00::1",
        "2001:db8::1",
        "3fff::1",
        "5f00::1",
        "100::1",
        "100:0:0:1::1",
        "2001:2::1",
        "2001:1::9",
        "64:ff9b:1::8.8.8.8",
        "::ffff:10.0.0.1",
        "64:ff9b::192.168.0.1",
        "2002:a00:1::1",
    ];
    for text in public {
        assert!(is_public(ip(text)), "{text}");
    }
    for text in private {
        assert!(!is_public(ip(text)), "{text}");
    }
}

#[test]
fn addresses_of_many_or_of_nobody_are_refused_in_every_disguise() {
    let ledger = Ledger::default();
    for text in [
        "0.0.0.0",
        "::",
        "255.255.255.255",
        "224.0.0.1",
        "ff02::1",
        "::ffff:224.0.0.1",
        "64:ff9b::255.255.255.255",
    ] {
        assert!(ledger.check(&entry(1, text, 1000)).is_err(), "{text}");
    }
    assert_eq!(
        ledger.check(&entry(1, "::ffff:0.0.0.0", 1000)),
        Err(Refusal::Unspecified(ip("0.0.0.0")))
    );
}

#[test]
fn ten_a_second_is_the_most_for_a_public_address() {
    let ledger = Ledger::default();
    assert_eq!(ledger.check(&entry(1, "8.8.8.8", 100)), Ok(()));
    let refusal = ledger.check(&entry(1, "8.8.8.8", 50)).expect_err("20/s");
    assert_eq!(
        refusal.to_string(),
        "20/s to the public address 8.8.8.8 is above the limit of 10/s; use an `interval` of at least 100ms, \
         or `allow_high_rate = true` in the configuration file"
    );
    assert_eq!(ledger.check(&entry(1, "192.168.0.1", 1)), Ok(()));
    assert_eq!(
        ledger.check(&CapEntry {
            allow_high_rate: true,
            ..entry(1, "8.8.8.8", 1)
        }),
        Ok(())
    );
    assert!(ledger.check(&entry(1, "::ffff:8.8.8.8", 50)).is_err());
}

#[test]
fn a_neighbourhood_is_capped_in_sum_and_freed_again() {
    let mut ledger = Ledger::default();
    for id in 0..10 {
        assert_eq!(ledger.admit(entry(id, &format!("8.8.8.{id}"), 100)), Ok(()));
    }
    let refusal = ledger
        .admit(entry(10, "64:ff9b::8.8.8.200", 1000))
        .expect_err("101/s");
    assert_eq!(
        refusal,
        Refusal::PrefixRate {
            prefix: ip("8.8.8.0"),
            prefix_bits: 24,
            micro_per_s: 101 * MICRO
        }
    );
    assert_eq!(ledger.admit(entry(10, "8.8.9.200", 1000)), Ok(()), "the next /24");
    assert_eq!(ledger.admit(entry(3, "8.8.8.3", 100)), Ok(()), "itself again");
    ledger.remove(TargetId(3));
    assert_eq!(ledger.admit(entry(11, "8.8.8.200", 1000)), Ok(()));
}

#[test]
fn the_neighbourhood_of_ipv6_is_a_48() {
    let mut ledger = Ledger::default();
    for id in 0..10 {
        assert_eq!(
            ledger.admit(entry(id, &format!("2606:4700:1:{id}::1"), 100)),
            Ok(())
        );
    }
    assert!(ledger.admit(entry(10, "2606:4700:1:ffff::1", 1000)).is_err());
    assert_eq!(ledger.admit(entry(10, "2606:4700:2::1", 1000)), Ok(()));
}

#[test]
fn the_process_is_capped_with_the_sum_in_the_message() {
    let mut ledger = Ledger::default();
    for id in 0..100 {
        assert_eq!(ledger.admit(entry(id, "10.0.0.1", 1)), Ok(()));
    }
    let refusal = ledger.admit(entry(100, "10.0.0.1", 1)).expect_err("101,000/s");
    assert_eq!(
        refusal.to_string(),
        "101000/s in sum over 101 targets is above the limit of 100000/s; use longer intervals"
    );
    assert!((ledger.rate_per_s() - 100_000.0).abs() < f64::EPSILON);
}

#[test]
fn the_process_is_capped_in_megabits_too_and_what_leaves_makes_room() {
    let big = |id: u32| {
        let mut one = CapEntry {
            allow_high_rate: true,
            ..entry(id, "8.8.8.8", 1)
        };
        one.plan.payload_bytes = crate::limits::PAYLOAD_BYTES_MAX;
        one
    };
    let mut ledger = Ledger::default();
    for id in 0..10 {
        assert_eq!(ledger.admit(big(id)), Ok(()), "12 Mbit/s each");
    }
    let refusal = ledger.admit(big(10)).expect_err("132 Mbit/s");
    assert_eq!(
        refusal.to_string(),
        "132 Mbit/s of probes in sum is above the limit of 125 Mbit/s; use longer intervals, or a smaller \
         `payload_bytes`"
    );
    assert_eq!(ledger.admit(big(9)), Ok(()), "itself again");
    ledger.remove(TargetId(9));
    assert_eq!(ledger.admit(big(10)), Ok(()));
}

#[test]
fn the_usual_payload_meets_the_limit_of_probes_first_under_either_ip() {
    for address in ["10.0.0.1", "fd00::1"] {
        let mut ledger = Ledger::new(Costs {
            packet_ns: 0,
            handshake_ns: 0,
        });
        for id in 0..100 {
            assert_eq!(ledger.admit(entry(id, address, 1)), Ok(()), "{address}");
        }
        let refusal = ledger.admit(entry(100, address, 1)).expect_err("101,000/s");
        assert!(matches!(refusal, Refusal::TotalRate { .. }), "{refusal}");
    }
}

#[test]
fn more_in_flight_than_can_be_told_apart_is_refused() {
    let mut one = entry(1, "10.0.0.1", 1);
    one.plan.timeout = Duration::from_secs(40);
    assert_eq!(
        Ledger::default().check(&one),
        Err(Refusal::InFlight { probes: 40_000 })
    );
}

#[test]
fn what_this_computer_cannot_do_in_time_is_refused_with_the_sum() {
    let costs = Costs {
        packet_ns: 20_000,
        handshake_ns: 70_000,
    };
    let mut ledger = Ledger::new(costs);
    for id in 0..35 {
        assert_eq!(ledger.admit(entry(id, "10.0.0.1", 1)), Ok(()));
    }
    assert!(
        (ledger.core_share() - 0.7).abs() < 1e-9,
        "{}",
        ledger.core_share()
    );
    let refusal = ledger.admit(entry(35, "10.0.0.1", 1)).expect_err("72 %");
    assert_eq!(
        refusal.to_string(),
        "36000/s in sum would take 72 % of a processor core (a probe like this costs 20.0 us here, measured at \
         start), above the limit of 70 %; use longer intervals, or a second monitor on another computer"
    );
    assert_eq!(ledger.admit(entry(34, "10.0.0.1", 1)), Ok(()), "itself again");
    ledger.remove(TargetId(34));
    let handshakes = CapEntry {
        method: Method::TcpConnect { port: 443 },
        ..entry(36, "10.0.0.1", 1)
    };
    assert!(ledger.admit(handshakes).is_err(), "a handshake costs more");
    assert_eq!(ledger.admit(entry(35, "10.0.0.1", 1)), Ok(()));
}
