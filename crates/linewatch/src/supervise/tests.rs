//! Rounds of the watchdog by hand: who has turned, and when the manager is fed.

use super::*;

const STILL: Look = Look {
    engine: 5,
    monitor: 5,
    store: 4,
    is_store_at_work: false,
};
const TURNED: Look = Look {
    engine: 6,
    monitor: 6,
    store: 6,
    is_store_at_work: false,
};

fn at(seconds: u64) -> MonoTime {
    MonoTime::ZERO.plus(Duration::from_secs(seconds))
}

#[test]
fn it_is_fed_when_all_four_have_turned_and_not_before() {
    assert!(Round::new(STILL).is_whole(TURNED, true, at(1)));
    let without = [
        Look {
            engine: STILL.engine,
            ..TURNED
        },
        Look {
            monitor: STILL.monitor,
            ..TURNED
        },
        Look {
            store: STILL.store,
            ..TURNED
        },
    ];
    for look in without {
        assert!(!Round::new(STILL).is_whole(look, true, at(1)), "{look:?}");
    }
    assert!(!Round::new(STILL).is_whole(TURNED, false, at(1)), "the page");
}

#[test]
fn one_may_turn_later_than_the_others_within_a_round() {
    let mut round = Round::new(STILL);
    assert!(!round.is_whole(TURNED, false, at(1)));
    assert!(!round.is_whole(Look { engine: 5, ..TURNED }, true, at(2)));
    assert!(
        round.is_whole(TURNED, false, at(3)),
        "the page has answered in this round"
    );
    assert!(
        !round.is_whole(TURNED, true, at(4)),
        "the next round begins from there"
    );
}

#[test]
fn a_slow_disk_is_no_death_and_one_that_never_comes_back_is() {
    let mut engine = 5;
    let mut look = || {
        engine += 1;
        Look {
            engine,
            monitor: engine,
            store: 5,
            is_store_at_work: true,
        }
    };
    let mut round = Round::new(look());
    for second in 1..600 {
        assert!(round.is_whole(look(), true, at(second)), "after {second} s");
    }
    assert!(!round.is_whole(look(), true, at(602)));
}

#[test]
fn who_keeps_it_hungry_is_told_once() {
    let mut round = Round::new(STILL);
    let stuck = Look {
        engine: STILL.engine,
        ..TURNED
    };
    assert!(!round.is_whole(stuck, true, at(0)));
    assert_eq!(round.overdue(at(3), Duration::from_secs(15)), None);
    let told = round.overdue(at(15), Duration::from_secs(15)).expect("told");
    assert!(told.starts_with("the engine has not turned for 15 s"), "{told}");
    assert_eq!(round.overdue(at(20), Duration::from_secs(15)), None);
}
