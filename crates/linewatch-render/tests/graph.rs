//! Claims about the pictures, from outside. The pictures themselves land in the target directory's `tmp/graphs`, to be
//! looked at.

mod graph_samples;

use std::collections::BTreeSet;
use std::path::Path;

use graph_samples as samples;
use linewatch_render::graph::{self, GraphInput, GraphStyle, Theme, ValueAxis};
use linewatch_render::message::Language;

fn style(width: u32, height: u32, scale: u32, theme: Theme) -> GraphStyle {
    GraphStyle::new(width, height, scale, theme, ValueAxis::Linear).expect("a legal size")
}

#[test]
fn every_sample_can_be_looked_at() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("graphs");
    std::fs::create_dir_all(&folder).expect("a folder");
    let log = GraphStyle::new(900, 320, 1, Theme::Dark, ValueAxis::Log).expect("a legal size");
    let pictures = [
        ("calm-light", samples::calm(), GraphStyle::default()),
        (
            "calm-dark-1200",
            samples::calm(),
            style(1200, 400, 1, Theme::Dark),
        ),
        (
            "troubled-dark",
            samples::troubled(),
            style(900, 320, 1, Theme::Dark),
        ),
        (
            "troubled-light-2x",
            samples::troubled(),
            style(900, 320, 2, Theme::Light),
        ),
        ("lossy-dark", samples::lossy(), style(900, 320, 1, Theme::Dark)),
        (
            "lossy-light-1200",
            samples::lossy(),
            style(1200, 400, 1, Theme::Light),
        ),
        ("spiked-light", samples::spiked(), GraphStyle::default()),
        ("spiked-log", samples::spiked(), log),
        ("empty-dark", samples::empty(), style(900, 320, 1, Theme::Dark)),
        (
            "narrow-light",
            samples::troubled(),
            style(400, 240, 2, Theme::Light),
        ),
    ];
    for (name, input, style) in pictures {
        let png = graph::png(&input, &style).expect("a picture");
        std::fs::write(folder.join(format!("{name}.png")), png).expect("written");
        std::fs::write(folder.join(format!("{name}.svg")), graph::svg(&input, &style)).expect("written");
    }
}

/// Compares with a stored file; `LINEWATCH_BLESS=1` stores instead, for a person to look at the difference.
#[track_caller]
fn matches_golden(name: &str, svg: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/graph_golden")
        .join(name);
    if std::env::var_os("LINEWATCH_BLESS").is_some() {
        std::fs::write(&file, svg).expect("written");
    }
    let golden = std::fs::read_to_string(&file).expect("the golden file; LINEWATCH_BLESS=1 makes it");
    assert_eq!(svg, golden, "{name}: LINEWATCH_BLESS=1 stores the new picture");
}

/// Two hours of the troubled day: small enough to be read as text.
fn short_troubled() -> GraphInput {
    let mut input = samples::troubled();
    (input.from, input.to) = (
        samples::at(samples::END_S - 21_600),
        samples::at(samples::END_S - 9_000),
    );
    input
}

#[test]
fn the_svg_is_the_one_that_was_looked_at() {
    matches_golden(
        "troubled-dark.svg",
        &graph::svg(&short_troubled(), &style(900, 320, 1, Theme::Dark)),
    );
    matches_golden(
        "empty-light.svg",
        &graph::svg(&samples::empty(), &GraphStyle::default()),
    );
}

#[test]
fn a_png_has_the_asked_size_times_its_scale_and_the_same_bytes_every_time() {
    for scale in 1..=2 {
        let style = style(900, 320, scale, Theme::Light);
        let bytes = graph::png(&samples::lossy(), &style).expect("a picture");
        assert!(
            bytes == graph::png(&samples::lossy(), &style).expect("a picture"),
            "two pictures differ"
        );
        let reader = png::Decoder::new(std::io::Cursor::new(&bytes))
            .read_info()
            .expect("a PNG");
        let info = reader.info();
        assert_eq!((info.width, info.height), (900 * scale, 320 * scale));
        assert_eq!(info.pixel_dims.expect("a density").xppu, 3780 * scale);
    }
}

/// The pixels of a PNG as rows of red, green and blue.
fn pixels(bytes: &[u8]) -> Vec<Vec<[u8; 3]>> {
    let mut reader = png::Decoder::new(std::io::Cursor::new(bytes))
        .read_info()
        .expect("a PNG");
    let mut data = vec![0; reader.output_buffer_size().expect("a size")];
    let info = reader.next_frame(&mut data).expect("a frame");
    let rows = data.chunks_exact(info.line_size);
    rows.map(|row| {
        row.chunks_exact(3)
            .map(|pixel| [pixel[0], pixel[1], pixel[2]])
            .collect()
    })
    .collect()
}

/// The loss colours of the light theme but the first.
const LIGHT_LOSS: [[u8; 3]; 4] = [
    [0x2b, 0x5f, 0xb4],
    [0xad, 0x81, 0x00],
    [0xad, 0x4a, 0x1c],
    [0x8f, 0x00, 0x39],
];

/// Pixels of a loss colour in the loss bars of a 900 x 320 picture with two lines below (rows 189 to 246).
fn loss_pixels(input: &GraphInput) -> usize {
    let png = graph::png(input, &GraphStyle::default()).expect("a picture");
    let rows = pixels(&png);
    rows[200..248]
        .iter()
        .flatten()
        .filter(|pixel| LIGHT_LOSS.contains(pixel))
        .count()
}

#[test]
fn a_single_lost_probe_in_many_thousand_is_seen() {
    // 20,000 buckets share 810 pixels; one probe of one bucket is lost, among others that lose all at another place.
    let mut input = samples::calm();
    input.buckets = samples::buckets(20_000, 4, 87.0);
    input.bucket_length = std::time::Duration::from_secs(4);
    for bucket in &mut input.buckets {
        bucket.lost = 0;
    }
    assert_eq!(loss_pixels(&input), 0);
    input.buckets[9_999].lost = 1;
    assert!(loss_pixels(&input) >= 4, "less than 2 x 2 pixels");
    // Two columns' worth of total loss stretch the axis to 100 %, on which one lost probe is less than a pixel high.
    for bucket in &mut input.buckets[15_000..15_050] {
        bucket.lost = bucket.sent;
    }
    let both = loss_pixels(&input);
    input.buckets[9_999].lost = 0;
    assert!(both >= loss_pixels(&input) + 4, "hidden beside total loss");
}

#[test]
fn a_spike_does_not_flatten_the_rest_and_its_value_is_told() {
    let svg = graph::svg(&samples::spiked(), &GraphStyle::default());
    assert!(svg.contains(">25 ms<"), "the axis still reads around 20 ms");
    assert!(!svg.contains(">1,000 ms<"), "the axis reaches up to the spike");
    assert!(
        svg.contains(">3,012 ms<"),
        "the true value stands beside the arrow"
    );
}

#[test]
fn a_gap_is_named_with_its_kind_and_its_length() {
    let svg = graph::svg(&samples::troubled(), &style(1200, 400, 1, Theme::Dark));
    for words in [
        "suspended 1 h 32 m",
        "clock stepped",
        "stopped 7 s",
        "crashed 30 m",
        "down 45 m",
        "not measured",
    ] {
        assert!(svg.contains(&format!(">{words}<")), "{words}");
    }
}

#[test]
fn time_without_data_is_told_from_calm_and_the_future_from_both() {
    let mut input = samples::calm();
    input.to = samples::at(samples::END_S + 86_400);
    let full = graph::svg(&input, &GraphStyle::default());
    input.buckets.drain(100..150);
    let holed = graph::svg(&input, &GraphStyle::default());
    let tint = "fill=\"#7a8594\" fill-opacity=\"0.18\"";
    assert_eq!((full.matches(tint).count(), holed.matches(tint).count()), (0, 1));
}

#[test]
fn no_text_from_outside_becomes_markup() {
    let hostile = "<img src=x onerror=alert(1)>\"'&]]><script>\u{202e}gnp.\u{0}\u{1b}[31m";
    let mut input = samples::calm();
    input.name = hostile.to_owned();
    input.address = hostile.to_owned();
    input.note = hostile.to_owned();
    input.thresholds[0].label = hostile.to_owned();
    let svg = graph::svg(&input, &GraphStyle::default());
    let tags: std::collections::BTreeSet<&str> = svg
        .split('<')
        .skip(1)
        .filter_map(|tag| tag.split([' ', '>', '/']).find(|name| !name.is_empty()))
        .collect();
    assert_eq!(
        tags.into_iter().collect::<Vec<_>>(),
        ["path", "svg", "text", "title", "tspan"]
    );
    assert!(
        !svg.chars()
            .any(|character| character.is_control() && character != '\n')
    );
    assert!(!svg.contains('\u{202e}'), "turns the reading direction");
    assert!(svg.contains("&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;"));
    graph::png(&input, &GraphStyle::default()).expect("a picture");
}

#[test]
fn a_name_of_any_script_and_length_is_cut_to_its_room() {
    for unit in ["x", "ש", "测", "🛰️", "a\u{301}"] {
        let mut input = samples::calm();
        input.name = unit.repeat(10_240 / unit.len());
        let svg = graph::svg(&input, &GraphStyle::default());
        assert!(
            svg.len() < graph::svg(&samples::calm(), &GraphStyle::default()).len() + 4_000,
            "{unit}"
        );
        assert!(svg.contains('…'), "{unit}");
        graph::png(&input, &GraphStyle::default()).expect("a picture");
    }
}

#[test]
fn hostile_numbers_still_give_a_picture() {
    use linewatch_core::time::{Rtt, WallTime};
    let (least, most) = (WallTime::from_nanos(i64::MIN), WallTime::from_nanos(i64::MAX));
    let mut input = samples::troubled();
    (input.from, input.to, input.now) = (least, most, least);
    for bucket in &mut input.buckets {
        (bucket.lost, bucket.sent) = (u64::MAX, 5);
    }
    input.buckets[3].quantiles = Some([Rtt::from_nanos(u64::MAX); 9]);
    input.buckets[3].lost = 0;
    input.buckets[4].quantiles = Some([9, 8, 7, 6, 5, 4, 3, 2, 1].map(Rtt::from_nanos));
    input.buckets[4].lost = 0;
    for (from, to) in [(least, most), (most, least), (samples::at(0), samples::at(0))] {
        (input.from, input.to) = (from, to);
        for (width, height) in [(320, 160), (900, 320), (4000, 200)] {
            let style = style(width, height, 1, Theme::Dark);
            assert!(graph::svg(&input, &style).ends_with("</svg>\n"));
            graph::png(&input, &style).expect("a picture");
        }
    }
}

#[test]
fn a_size_that_cannot_be_drawn_is_refused_with_the_limits() {
    for (width, height, scale) in [
        (0, 320, 1),
        (900, 5_000, 1),
        (900, 320, 0),
        (900, 320, 9),
        (u32::MAX, 320, 1),
    ] {
        let error = GraphStyle::new(width, height, scale, Theme::Dark, ValueAxis::Log).expect_err("refused");
        assert!(
            error
                .to_string()
                .contains("the width must be 320-4000, the height 160-2400, the scale 1-3")
        );
    }
}

/// `cargo nextest run --release -p linewatch-render --test graph --run-ignored only --no-capture`
#[test]
#[ignore = "a measurement, not a claim"]
#[expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "measures itself and says so"
)]
fn milliseconds_per_picture_of_1000_buckets() {
    let mut input = samples::troubled();
    input.buckets = samples::buckets(1_000, 86, 87.0);
    input.bucket_length = std::time::Duration::from_secs(86);
    for (name, style) in [
        ("900x320", GraphStyle::default()),
        ("900x320 at 2", style(900, 320, 2, Theme::Dark)),
    ] {
        let mut times: Vec<(u128, u128)> = (0..21)
            .map(|_| {
                let begin = std::time::Instant::now();
                let svg = graph::svg(&input, &style);
                let between = std::time::Instant::now();
                let png = graph::png(&input, &style).expect("a picture");
                assert!(svg.len() + png.len() > 10_000);
                ((between - begin).as_micros(), between.elapsed().as_micros())
            })
            .collect();
        times.sort_unstable();
        let svg_us = times[10].0;
        times.sort_unstable_by_key(|time| time.1);
        eprintln!("{name}: SVG {svg_us} us, PNG {} us (medians of 21)", times[10].1);
    }
}

/// The words of a picture: what it draws, its title and its description.
fn words_of(svg: &str) -> BTreeSet<String> {
    let drawn = svg
        .split('<')
        .filter_map(|part| part.split_once('>'))
        .map(|(_, text)| text);
    let described = svg
        .split("aria-label=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next());
    drawn
        .chain(described)
        .flat_map(|text| text.split(|letter: char| !letter.is_alphabetic()))
        .filter(|word| word.chars().count() > 2)
        .map(str::to_owned)
        .collect()
}

#[test]
fn a_picture_in_indonesian_has_no_english_word_left() {
    // Months that are the same in both, quantities that have no other name, and what stands in the samples.
    let same = ["Nov", "data", "jitter", "median", "UTC", "WIB", "min"];
    for input in [
        samples::calm(),
        samples::troubled(),
        samples::lossy(),
        samples::spiked(),
        samples::empty(),
    ] {
        let outside = format!(
            "{} {} {} {:?}",
            input.name, input.address, input.note, input.thresholds
        );
        for style in [GraphStyle::default(), style(1200, 400, 1, Theme::Dark)] {
            let english = words_of(&graph::svg(&input, &style));
            let indonesian = words_of(&graph::svg(&input, &style.in_language(Language::Indonesian)));
            let left: Vec<_> = english
                .intersection(&indonesian)
                .filter(|word| !same.contains(&word.as_str()) && !outside.contains(word.as_str()))
                .collect();
            assert!(left.is_empty(), "{}: {left:?}", input.name);
            assert!(!indonesian.is_empty());
        }
    }
    let drawn = graph::svg(
        &samples::troubled(),
        &GraphStyle::default().in_language(Language::Indonesian),
    );
    for word in ["ketersediaan", "kehilangan", "mati", "gangguan"] {
        assert!(drawn.contains(word), "{word}");
    }
}
