//! What is to be told is told once per destination, in its order, and survives whatever happens in between.

mod common;

use std::sync::Arc;

use common::*;
use linewatch_core::event::{EventId, RunId};
use linewatch_store::{
    Acknowledged, Fate, Letter, LetterState, NewLetter, NewSilence, Redirect, StoreHandle, StoreMessage, Told,
};

fn letter(destination: &str, name: &str) -> NewLetter {
    NewLetter {
        destination: destination.to_owned(),
        made: wall(1),
        message_id: format!("{name}.{destination}"),
        notification: format!("{{\"name\":\"{name}\"}}"),
    }
}

fn told(name: &str) -> StoreMessage {
    StoreMessage::Told(Box::new(Told {
        letters: vec![letter("email", name), letter("webhook:1", name)],
        snapshot: Some(format!("after {name}")),
    }))
}

fn ids(letters: &[Letter]) -> Vec<i64> {
    letters.iter().map(|letter| letter.id).collect()
}

fn waiting(handle: &StoreHandle, destination: &str) -> Vec<Letter> {
    handle.waiting_letters(destination, 100).expect("letters")
}

#[test]
fn what_was_told_waits_per_destination_in_its_order_also_after_a_restart() {
    let dir = tempfile::tempdir().expect("a directory");
    let (handle, _reader) = start(open(dir.path(), 0).store, &Arc::default());
    for name in ["down", "up", "down"] {
        assert!(handle.try_send(told(name)), "there is room");
    }
    handle.stop("test").expect("stopped");

    let (handle, _reader) = start(open(dir.path(), 10).store, &Arc::default());
    assert_eq!(
        handle.waiting_destinations().expect("read"),
        ["email", "webhook:1"]
    );
    let names: Vec<String> = waiting(&handle, "email")
        .into_iter()
        .map(|letter| letter.notification)
        .collect();
    // The third has the Message-ID of the first: it was in the outbox already.
    assert_eq!(names, ["{\"name\":\"down\"}", "{\"name\":\"up\"}"]);
    assert_eq!(handle.alert_state().expect("read").as_deref(), Some("after down"));
}

#[test]
fn an_attempt_of_unknown_end_is_remembered_until_its_end_is_known() {
    let dir = tempfile::tempdir().expect("a directory");
    let (handle, _reader) = start(open(dir.path(), 0).store, &Arc::default());
    handle.try_send(told("a"));
    handle.try_send(told("b"));
    let both = ids(&waiting(&handle, "email"));
    handle
        .note_fate(&both, Fate::Trying { with: both[1] })
        .expect("noted");
    let failed = |is_unknown| Fate::Failed {
        due: wall(30),
        why: "the connection broke".to_owned(),
        is_unknown,
    };
    handle.note_fate(&both, failed(true)).expect("noted");
    drop(handle); // Like kill -9: nobody stops the store.

    let (handle, _reader) = start_again(&dir);
    let letters = waiting(&handle, "email");
    let tried: Vec<_> = letters
        .iter()
        .map(|letter| (letter.tried_with, letter.attempts, letter.due))
        .collect();
    assert_eq!(tried, [(Some(both[1]), 1, wall(30)); 2]);
    handle.note_fate(&both, failed(false)).expect("noted");
    assert_eq!(waiting(&handle, "email")[0].tried_with, None);
}

/// The lock of the writer that was dropped is free as soon as its thread has ended.
fn start_again(dir: &tempfile::TempDir) -> (StoreHandle, linewatch_store::Reader) {
    loop {
        match linewatch_store::Store::open(dir.path(), "test", wall(20)) {
            Ok(opened) => return start(opened.store, &Arc::default()),
            Err(linewatch_store::OpenError::Locked { .. }) => std::thread::yield_now(),
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn what_is_sent_is_gone_and_those_left_out_wait_by_themselves() {
    let dir = tempfile::tempdir().expect("a directory");
    let (handle, _reader) = start(open(dir.path(), 0).store, &Arc::default());
    handle.try_send(told("a"));
    let all = ids(&waiting(&handle, "email"));
    let sent = Fate::Sent {
        at: wall(2),
        note: Some("<b@x>: 450 later".to_owned()),
        also: vec![letter("email:b@x", "a")],
    };
    handle.note_fate(&all, sent.clone()).expect("noted");
    // A word about a letter that waits no longer changes nothing, and sends nothing twice.
    handle.note_fate(&all, sent).expect("noted");
    assert_eq!(
        handle.waiting_destinations().expect("read"),
        ["email:b@x", "webhook:1"]
    );
    let sent = handle.letters(LetterState::Sent, 10).expect("read");
    assert_eq!((sent.len(), sent[0].sent), (1, Some(wall(2))));
}

#[test]
fn a_dead_letter_can_be_tried_again_or_thrown_away() {
    let dir = tempfile::tempdir().expect("a directory");
    let (handle, _reader) = start(open(dir.path(), 0).store, &Arc::default());
    handle.try_send(told("a"));
    let all = ids(&waiting(&handle, "email"));
    let dead = || Fate::Dead {
        why: "550 5.1.1 no such user".to_owned(),
    };
    handle.note_fate(&all, dead()).expect("noted");
    let found = handle.letters(LetterState::Dead, 10).expect("read");
    assert_eq!(found[0].last_error.as_deref(), Some("550 5.1.1 no such user"));
    assert!(handle.retry_letter(all[0], wall(9)).expect("changed"));
    assert_eq!(waiting(&handle, "email")[0].due, wall(9));
    assert!(!handle.discard_letter(all[0]).expect("read"), "it waits");
    handle.note_fate(&all, dead()).expect("noted");
    assert!(handle.discard_letter(all[0]).expect("deleted"));
    assert!(handle.letters(LetterState::Dead, 10).expect("read").is_empty());
}

#[test]
fn a_report_and_the_memory_of_it_are_kept_together_also_after_a_kill() {
    let dir = tempfile::tempdir().expect("a directory");
    let (handle, _reader) = start(open(dir.path(), 0).store, &Arc::default());
    assert_eq!(handle.report_mark().expect("read"), None);
    let mark = |text: &str| Some(text.to_owned());
    let report = vec![letter("report", "week 47")];
    handle
        .tell_report(report.clone(), mark("weekly 2026-11-23"))
        .expect("kept");
    drop(handle); // Like kill -9: nobody stops the store.

    let (handle, _reader) = start_again(&dir);
    assert_eq!(waiting(&handle, "report").len(), 1);
    assert_eq!(handle.report_mark().expect("read"), mark("weekly 2026-11-23"));
    // The same Message-ID is never put in twice.
    handle
        .tell_report(report, mark("weekly 2026-11-23"))
        .expect("kept");
    assert_eq!(waiting(&handle, "report").len(), 1);
    handle.tell_report(Vec::new(), None).expect("forgotten");
    assert_eq!(handle.report_mark().expect("read"), None);
}

#[test]
fn a_dead_letter_can_be_for_somebody_else() {
    let dir = tempfile::tempdir().expect("a directory");
    let (handle, _reader) = start(open(dir.path(), 0).store, &Arc::default());
    handle.try_send(told("a"));
    let id = ids(&waiting(&handle, "webhook:1"))[0];
    let to = Redirect {
        destination: "email".to_owned(),
        message_id: "instead".to_owned(),
    };
    let redirected = |at| handle.redirect_letter(id, to.clone(), wall(at)).expect("asked");
    assert!(!redirected(5), "it waits");
    assert_eq!(handle.dead_letter(id).expect("read"), None);
    handle.note_fate(&[id], Fate::Trying { with: id }).expect("noted");
    let why = "404".to_owned();
    handle.note_fate(&[id], Fate::Dead { why }).expect("noted");
    assert_eq!(
        handle.dead_letter(id).expect("read").map(|dead| dead.id),
        Some(id)
    );
    assert!(redirected(9));
    let moved = waiting(&handle, "email").remove(1);
    assert_eq!((moved.id, moved.due, moved.attempts), (id, wall(9), 0));
    assert_eq!((moved.message_id.as_str(), moved.last_error), ("instead", None));
    assert!(waiting(&handle, "webhook:1").is_empty());
}

#[test]
fn silences_and_acknowledgements_are_kept() {
    let dir = tempfile::tempdir().expect("a directory");
    let (handle, _reader) = start(open(dir.path(), 0).store, &Arc::default());
    let silence = |until| NewSilence {
        matcher: "{}".to_owned(),
        until: wall(until),
        comment: "works at the line".to_owned(),
        made: wall(0),
    };
    let short = handle.add_silence(silence(10)).expect("kept");
    let long = handle.add_silence(silence(100)).expect("kept");
    assert!(handle.remove_silence(short).expect("ended"));
    assert!(!handle.remove_silence(short).expect("read"));
    let left = handle.silences(wall(50)).expect("read");
    assert_eq!((left.len(), left[0].id), (1, long));
    assert!(handle.silences(wall(100)).expect("read").is_empty(), "over");

    let first = Acknowledged {
        event: EventId {
            run: RunId(1),
            seq: 7,
        },
        at: wall(3),
        who: "ana".to_owned(),
        note: String::new(),
    };
    handle.acknowledge(first.clone()).expect("kept");
    let second = Acknowledged {
        who: "ben".to_owned(),
        ..first.clone()
    };
    handle.acknowledge(second.clone()).expect("kept");
    assert_eq!(handle.acknowledgements(10).expect("read").first(), Some(&first));
    let note = "provider told".to_owned();
    let noted = Acknowledged {
        note: note.clone(),
        at: wall(9),
        ..second
    };
    handle.acknowledge(noted).expect("kept");
    let kept = handle.acknowledgements(10).expect("read");
    assert_eq!(
        kept,
        [Acknowledged { note, ..first }],
        "who was first stays, the note is added"
    );
}
