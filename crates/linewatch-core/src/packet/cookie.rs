//! Marks our payloads so that nobody else can make one (SAFETY T7).
//!
//! 16 bytes: the target's handle (32 bits), the low half of its 64-bit sequence (32), and a SipHash-2-4 tag (64)
//! over both, the destination and the identifier, keyed at start. The key comes from the operating system's
//! generator and is never shown. Not here: making the key.

use std::hash::Hasher as _;
use std::net::IpAddr;

use siphasher::sip::SipHasher24;

use super::{Malformed, array};

/// Bytes of a cookie at the beginning of every payload.
pub const COOKIE_BYTES: usize = 16;

/// The secret behind the tags of one run.
#[derive(Clone)]
pub struct CookieKey([u8; 16]);

impl CookieKey {
    /// A key of 16 unpredictable bytes.
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl std::fmt::Debug for CookieKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CookieKey(***)")
    }
}

/// What a payload says about itself; believed only after [`Cookie::is_genuine`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cookie {
    /// Handle of the target (index and generation).
    pub handle: u32,
    /// Low 32 bits of the sequence number.
    pub slot: u32,
    tag: u64,
}

impl Cookie {
    /// The cookie of one probe to `to` with the ICMP identifier `id`.
    pub fn new(key: &CookieKey, handle: u32, slot: u32, to: IpAddr, id: u16) -> Self {
        Self {
            handle,
            slot,
            tag: tag(key, handle, slot, to, id),
        }
    }

    /// Reads the first [`COOKIE_BYTES`] of a payload.
    ///
    /// # Errors
    ///
    /// [`Malformed::TooShort`] when the payload (or the quoted part of it) ends before the cookie does.
    pub fn decode(payload: &[u8]) -> Result<Self, Malformed> {
        Ok(Self {
            handle: u32::from_be_bytes(array(payload, 0)?),
            slot: u32::from_be_bytes(array(payload, 4)?),
            tag: u64::from_be_bytes(array(payload, 8)?),
        })
    }

    /// The bytes for the wire.
    pub fn encode(self) -> [u8; COOKIE_BYTES] {
        let mut bytes = [0; COOKIE_BYTES];
        bytes[..4].copy_from_slice(&self.handle.to_be_bytes());
        bytes[4..8].copy_from_slice(&self.slot.to_be_bytes());
        bytes[8..].copy_from_slice(&self.tag.to_be_bytes());
        bytes
    }

    /// 16 bits that nobody else can predict: for the id of a DNS query, which has no room for more.
    pub(super) const fn nonce(self) -> u16 {
        self.tag as u16
    }

    /// Whether we made it, for this destination and identifier.
    pub fn is_genuine(self, key: &CookieKey, to: IpAddr, id: u16) -> bool {
        self.tag == tag(key, self.handle, self.slot, to, id)
    }
}

/// 32 bytes in, fixed positions: no two different probes have the same input.
fn tag(key: &CookieKey, handle: u32, slot: u32, to: IpAddr, id: u16) -> u64 {
    let mut input = [0; 32];
    input[..4].copy_from_slice(&handle.to_be_bytes());
    input[4..8].copy_from_slice(&slot.to_be_bytes());
    input[8..10].copy_from_slice(&id.to_be_bytes());
    match to {
        IpAddr::V4(ip) => {
            input[10] = 4;
            input[16..20].copy_from_slice(&ip.octets());
        }
        IpAddr::V6(ip) => {
            input[10] = 6;
            input[16..].copy_from_slice(&ip.octets());
        }
    }
    let mut hasher = SipHasher24::new_with_key(&key.0);
    hasher.write(&input);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: CookieKey = CookieKey::new([7; 16]);
    const TO: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    #[test]
    fn a_cookie_survives_the_wire() {
        let cookie = Cookie::new(&KEY, 3, 4_000_000_000, TO, 0xbeef);
        assert_eq!(Cookie::decode(&cookie.encode()), Ok(cookie));
        assert!(cookie.is_genuine(&KEY, TO, 0xbeef));
    }

    #[test]
    fn every_field_is_covered_by_the_tag() {
        let bytes = Cookie::new(&KEY, 3, 9, TO, 0xbeef).encode();
        for position in 0..COOKIE_BYTES {
            let mut forged = bytes;
            forged[position] ^= 1;
            let cookie = Cookie::decode(&forged).expect("16 bytes");
            assert!(!cookie.is_genuine(&KEY, TO, 0xbeef), "byte {position}");
        }
        let cookie = Cookie::decode(&bytes).expect("16 bytes");
        assert!(!cookie.is_genuine(&KEY, TO, 0xbeee), "identifier");
        assert!(
            !cookie.is_genuine(&KEY, "192.0.2.2".parse().expect("address"), 0xbeef),
            "destination"
        );
        assert!(!cookie.is_genuine(&CookieKey::new([8; 16]), TO, 0xbeef), "key");
    }

    #[test]
    fn a_quote_that_ends_inside_the_cookie_says_how_much_is_missing() {
        assert_eq!(
            Cookie::decode(&[0; 15]),
            Err(Malformed::TooShort { got: 15, need: 16 })
        );
    }

    #[test]
    fn a_key_is_not_shown() {
        assert_eq!(format!("{KEY:?}"), "CookieKey(***)");
    }
}
