//! Claims about control messages, for the fuzzer and its corpus: reading is by message, and messages we do not know
//! change nothing.

use super::address::{self, RawAddress};
use super::control::{self, HEADER};

/// Control messages of one packet.
///
/// # Panics
///
/// If a claim is broken.
pub fn control_messages(bytes: &[u8]) {
    let read = control::read(bytes);
    assert!(
        read.stamp.is_none_or(|stamp| stamp.as_nanos() != 0),
        "a stamp of zero is none"
    );
    // An unknown message before it: a header and one word, as the kernel lays them out.
    let mut longer = (HEADER + size_of::<usize>()).to_ne_bytes().to_vec();
    longer.extend(libc::SOL_SOCKET.to_ne_bytes());
    longer.extend(i32::MAX.to_ne_bytes());
    longer.extend([0xff; size_of::<usize>()]);
    longer.extend(bytes);
    assert_eq!(control::read(&longer), read);
    // What is behind the end of the messages is never read.
    if let Some(address) = read.error.and_then(|error| error.offender) {
        let mut raw = RawAddress::EMPTY;
        let len = raw.write(address, 0);
        assert_eq!(address::read(&raw.0[..len]), Some(address));
    }
}
