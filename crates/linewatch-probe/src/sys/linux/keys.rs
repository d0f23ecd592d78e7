//! Matches the kernel's transmit stamps to the shots they belong to, exactly or not at all.
//!
//! Either every packet carries a key of ours (explicit), or the kernel counts the packets of a socket and we
//! count along. The kernel's counter moves only for packets that got as far as being copied, and a failed
//! send does not say how far it got: after one, both counters begin again at zero. A key that a packet from
//! before may still report is then ambiguous and gives no stamp to anyone. Pure: no clock, no socket.

use linewatch_core::port::Token;

/// Sent packets whose stamps have not come yet: the send buffer holds far fewer (4 MB / 768 B = 5,461).
const SLOTS: usize = 16_384;
/// Keys remembered as ambiguous. A packet that a device queue swallowed never reports; its key stays here.
const STALE_MAX: usize = 4096;

/// Which shots await a stamp, by key.
#[derive(Debug)]
pub(super) struct StampBook {
    is_explicit: bool,
    next_key: u32,
    /// By key modulo [`SLOTS`]; the key within tells a live entry from an old one.
    awaiting: Box<[Option<(u32, Token)>]>,
    /// Counted only: keys given before the last restart whose stamps never came.
    stale: Vec<u32>,
}

impl StampBook {
    pub(super) fn new(is_explicit: bool) -> Self {
        Self {
            is_explicit,
            next_key: 0,
            awaiting: vec![None; SLOTS].into_boxed_slice(),
            stale: Vec::new(),
        }
    }

    /// Every packet carries its key.
    pub(super) const fn is_explicit(&self) -> bool {
        self.is_explicit
    }

    /// The key of the packet at `index` of the batch that is about to be sent.
    pub(super) const fn key_ahead(&self, index: usize) -> u32 {
        self.next_key.wrapping_add(index as u32)
    }

    /// The kernel took the packet with the next key.
    pub(super) fn sent(&mut self, token: Token) {
        let key = self.next_key;
        self.next_key = key.wrapping_add(1);
        self.awaiting[key as usize % SLOTS] = Some((key, token));
    }

    /// The kernel refused the packet with the next key. True if the socket's counter must be restarted
    /// ([`StampBook::restarted`]) before anything else is sent.
    #[must_use]
    pub(super) const fn failed(&mut self) -> bool {
        if self.is_explicit {
            self.next_key = self.next_key.wrapping_add(1);
        }
        !self.is_explicit
    }

    /// The kernel's counter begins again at zero; the error queue has been read to its end before.
    pub(super) fn restarted(&mut self) {
        // Only a packet that still waits in a device queue is left here; a handful, rarely any.
        self.stale.extend(
            self.awaiting
                .iter_mut()
                .filter_map(|slot| slot.take().map(|(key, _)| key)),
        );
        self.stale.sort_unstable();
        self.stale.dedup();
        // Those left out would be the highest keys, which a counter that restarts often does not reach again.
        self.stale.truncate(STALE_MAX);
        self.next_key = 0;
    }

    /// Whose stamp it is that came with `key`. `None`: nobody's, or not certain.
    pub(super) fn take(&mut self, key: u32) -> Option<Token> {
        let slot = &mut self.awaiting[key as usize % SLOTS];
        let found = slot
            .take_if(|(awaited, _)| *awaited == key)
            .map(|(_, token)| token);
        match self.stale.binary_search(&key) {
            Ok(index) => {
                // Of two packets with this key one has reported. Which, nobody can tell.
                if found.is_none() {
                    self.stale.remove(index);
                }
                None
            }
            Err(_) => found,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays a script on a book and a kernel that behave as described above. `s` a send that succeeds,
    /// `e` one refused before its key was counted, `l` one refused after, `r` the stamp of the oldest packet
    /// on its way. Gives each stamp as the shot it was credited to, or `-`.
    fn play(is_explicit: bool, script: &str) -> String {
        let (mut book, mut shot, mut counter) = (StampBook::new(is_explicit), 0u64, 0u32);
        let (mut on_the_way, mut credited) = (std::collections::VecDeque::new(), String::new());
        for step in script.chars() {
            let key = if is_explicit { book.key_ahead(0) } else { counter };
            match step {
                's' => {
                    on_the_way.push_back(key);
                    book.sent(Token(shot));
                    (shot, counter) = (shot + 1, counter + 1);
                }
                'e' | 'l' => {
                    counter += u32::from(step == 'l');
                    shot += 1;
                    if book.failed() {
                        book.restarted();
                        counter = 0;
                    }
                }
                'r' => {
                    let key = on_the_way.pop_front().expect("a packet on its way");
                    let text = book
                        .take(key)
                        .map_or_else(|| "-".to_owned(), |token| token.0.to_string());
                    credited.push_str(&text);
                }
                other => panic!("no step {other}"),
            }
        }
        credited
    }

    #[track_caller]
    fn check(is_explicit: bool, script: &str, expected: &str) {
        assert_eq!(
            play(is_explicit, script),
            expected,
            "explicit {is_explicit}: {script}"
        );
    }

    #[test]
    fn each_stamp_finds_its_shot() {
        check(true, "sssrrr", "012");
        check(false, "sssrrr", "012");
    }

    #[test]
    fn a_refused_send_shifts_no_stamp() {
        for refused in ["e", "l", "ee", "ll", "le"] {
            let first = 1 + refused.len();
            let expected = format!("0{first}{}", first + 1);
            check(true, &format!("s{refused}ssrrr"), &expected);
            check(false, &format!("sr{refused}ssrr"), &expected);
        }
    }

    #[test]
    fn an_ambiguous_stamp_is_nobodys_and_the_next_ones_are_right() {
        // Shot 0 is still in a device queue when the counter restarts: key 0 means shot 0 or shot 2.
        check(false, "sessrrr", "--3");
    }

    #[test]
    fn a_stamp_comes_once() {
        let mut book = StampBook::new(true);
        book.sent(Token(5));
        assert_eq!((book.take(0), book.take(0)), (Some(Token(5)), None));
        assert_eq!(book.take(SLOTS as u32), None, "another key of the same slot");
    }

    #[test]
    fn keys_wrap() {
        let mut book = StampBook::new(true);
        book.next_key = u32::MAX;
        book.sent(Token(1));
        book.sent(Token(2));
        assert_eq!(
            (book.take(u32::MAX), book.take(0)),
            (Some(Token(1)), Some(Token(2)))
        );
    }
}
