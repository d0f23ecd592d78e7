//! Makes up stories: whatever can go wrong, at random times, the same for the same seed.
//!
//! They expect nothing; what always must hold, and the oracle, judge them.

/// Draws numbers: the generator of Knuth's MMIX, of which the upper half is good enough for stories.
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.below(words.len() as u64) as usize]
    }
}

/// A story of half a minute with up to four targets and a dozen troubles.
pub(crate) fn story(seed: u64) -> String {
    let mut draw = Draw(seed);
    draw.below(2);
    let names = &["a", "b", "c", "d"][..1 + draw.below(4) as usize];
    let mut lines = vec![format!("seed {seed}"), "run 30s".to_owned()];
    lines.push(format!("stamps {}", draw.of(&["kernel", "kernel", "receive", "none"])));
    lines.push(format!("engines {}", 1 + draw.below(4) / 3));
    for (number, name) in names.iter().enumerate() {
        let method = draw.of(&["icmp", "icmp", "tcp:443"]);
        let address = draw.of(&["192.0.2.", "2001:db8::"]);
        let (interval, timeout) = (10 + draw.below(300), 20 + draw.below(1500));
        lines.push(format!("target {name} {address}{} {method} every {interval}ms timeout {timeout}ms", number + 1));
    }
    let rtt = 1 + draw.below(120);
    lines.push(format!("net rtt {rtt}ms +-{}ms {}", draw.below(rtt), draw.of(&["even", "bell", "tail"])));
    for _ in 0..draw.below(12) {
        let (from, length) = (draw.below(28_000), 1 + draw.below(6_000));
        let whose = if draw.below(3) == 0 { "" } else { draw.of(names) };
        let effect = effect(&mut draw);
        lines.push(format!("at {from}ms net {whose} {effect} for {length}ms"));
    }
    if draw.below(2) == 0 {
        let (at, name) = (1_000 + draw.below(25_000), draw.of(names));
        lines.push(hand(&mut draw, at, name));
    }
    lines.join("\n")
}

fn effect(draw: &mut Draw) -> String {
    let share = draw.below(101);
    match draw.below(13) {
        0 | 1 => "down".to_owned(),
        2 => format!("loss {share}%"),
        3 => format!("rtt {}ms +-{}ms", draw.below(1_800), draw.below(100)),
        4 => format!("duplicate {share}%"),
        5 => format!("hold {share}% by {}ms", draw.below(1_500)),
        6 => format!("unreachable {}", draw.of(&["net", "host", "prohibited", "expired"])),
        7 => "refused".to_owned(),
        8 => {
            let errno = draw.of(&["EPERM", "ENOBUFS", "ENETUNREACH", "EHOSTUNREACH", "EADDRNOTAVAIL"]);
            format!("error {errno} {share}%")
        }
        9 => {
            let forgery = draw.of(&["payload", "source", "sequence", "identifier", "checksum", "truncated"]);
            format!("forge {forgery} {share}%")
        }
        10 => format!("overflow {share}%"),
        11 => format!("host {}ms", draw.below(40)),
        _ => format!("spike {share}% to {}ms", draw.below(900)),
    }
}

fn hand(draw: &mut Draw, at: u64, name: &str) -> String {
    match draw.below(7) {
        0 => format!("at {at}ms pause {name}\nat {}ms resume {name}", at + 3_000),
        1 => format!("at {at}ms remove {name}"),
        2 => format!("at {at}ms plan {name} every 35ms timeout 333ms"),
        3 => format!("at {at}ms suspend {}s", 1 + draw.below(10_000)),
        4 => format!("at {at}ms stall {}ms", 1 + draw.below(4_000)),
        5 => format!("at {at}ms clock step -{}s", 1 + draw.below(5_000)),
        _ => format!("at {at}ms clock step +{}s", 1 + draw.below(5_000)),
    }
}
