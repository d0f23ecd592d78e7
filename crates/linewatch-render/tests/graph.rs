//! Claims about the pictures, from outside. The pictures themselves land in the target directory's `tmp/graphs`, to be
//! looked at.

mod graph_samples;

use std::path::Path;

use graph_samples as samples;
use linewatch_render::graph::{self, GraphInput, GraphStyle, Theme, ValueAxis};

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
        ("calm-dark-1200", samples::calm(), style(1200, 400, 1, Theme::Dark)),
        ("troubled-dark", samples::troubled(), style(900, 320, 1, Theme::Dark)),
        ("troubled-light-2x", samples::troubled(), style(900, 320, 2, Theme::Light)),
        ("lossy-dark", samples::lossy(), style(900, 320, 1, Theme::Dark)),
        ("lossy-light-1200", samples::lossy(), style(1200, 400, 1, Theme::Light)),
        ("spiked-light", samples::spiked(), GraphStyle::default()),
        ("spiked-log", samples::spiked(), log),
        ("empty-dark", samples::empty(), style(900, 320, 1, Theme::Dark)),
        ("narrow-light", samples::troubled(), style(400, 240, 2, Theme::Light)),
    ];
    for (name, input, style) in pictures {
        let png = graph::png(&input, &style).expect("a picture");
        std::fs::write(folder.join(format!("{name}.png")), png).expect("written");
        std::fs::write(folder.join(format!("{name}.svg")), graph::svg(&input, &style)).expect("written");
    }
}
