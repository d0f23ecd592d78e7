//! What is a reason to try before the pause is over.

use super::*;

#[test]
fn a_success_at_the_server_is_a_reason_to_try_everybody_there_at_once() {
    // Everybody's first message is greylisted for one of two, who is tried alone in vain once more.
    let script = [
        Behaviour::Rcpt(1, "450 4.2.0 later"),
        Behaviour::HangUp,
        Behaviour::Good,
    ];
    let peer = Peer::start(&script, Cover::Plain, "localhost");
    let mut bench = bench(&peer, Tls::None, &["a@example.com", "b@example.com"]);
    bench.tell(Telling::Began);
    bench.worker.turn();
    bench.advance(Duration::from_secs(40));
    bench.worker.turn();
    assert_eq!((peer.ids().len(), peer.heard().connections), (1, 2), "in vain");
    assert_eq!(bench.waiting()[0].destination, "email:b@example.com");
    // Long before the next attempt is due another message is taken for both.
    bench.tell(Telling::Ended);
    bench.worker.turn();
    assert!(bench.waiting().is_empty(), "{:?}", bench.waiting());
    assert_eq!(peer.ids().len(), 3);
}

#[test]
fn the_line_that_comes_back_is_a_reason_to_try_at_once() {
    let peer = Peer::start(&[Behaviour::HangUp, Behaviour::Good], Cover::Plain, "localhost");
    let mut bench = bench(&peer, Tls::None, &[]);
    bench.tell(Telling::Began);
    bench.worker.turn();
    bench.worker.turn();
    assert_eq!(peer.heard().connections, 1, "not due yet");
    bench.notify.nudge();
    bench.worker.turn();
    assert!(bench.waiting().is_empty());
}
