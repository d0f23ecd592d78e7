//! Names the colours of the two themes (UI.md section 6; contrast and colour-blind distance are proved there).

use super::input::Theme;

/// One colour with its opacity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Paint {
    pub(super) rgb: [u8; 3],
    pub(super) alpha: f64,
}

impl Paint {
    pub(super) const fn solid(rgb: u32) -> Self {
        let [_, red, green, blue] = rgb.to_be_bytes();
        Self {
            rgb: [red, green, blue],
            alpha: 1.0,
        }
    }

    /// The same colour, `alpha` opaque.
    pub(super) const fn at(self, alpha: f64) -> Self {
        Self { rgb: self.rgb, alpha }
    }
}

/// Upper limits of the loss steps but the last, as ratios: by share, because a count of lost probes loses its meaning
/// where buckets hold 60 probes.
const LOSS_STEPS: [f64; 4] = [0.0, 0.01, 0.05, 0.25];
/// How the loss steps read in the key.
pub(super) const LOSS_WORDS: [&str; 5] = ["0%", "≤1%", "≤5%", "≤25%", ">25%"];
/// Opacity of the four nested bands, widest first; each lies over the one before.
pub(super) const SMOKE_ALPHAS: [f64; 4] = [0.17, 0.24, 0.34, 0.48];

/// The colours of one theme.
#[derive(Clone, Copy, Debug)]
pub(super) struct Palette {
    pub(super) ground: Paint,
    pub(super) text: Paint,
    pub(super) muted: Paint,
    pub(super) grid: Paint,
    pub(super) no_data: Paint,
    pub(super) smoke: Paint,
    pub(super) threshold: Paint,
    pub(super) down: Paint,
    loss: [Paint; 5],
}

impl Palette {
    pub(super) const fn of(theme: Theme) -> Self {
        match theme {
            Theme::Dark => Self {
                ground: Paint::solid(0x11_141a),
                text: Paint::solid(0xed_f0f5),
                muted: Paint::solid(0xa0_a9b8),
                grid: Paint::solid(0x1c_212b),
                no_data: Paint::solid(0x6b_7585),
                smoke: Paint::solid(0x92_a1ca),
                threshold: Paint::solid(0xff_b02e),
                down: Paint::solid(0xf5_2f78),
                loss: [
                    Paint::solid(0x2a_d4b5),
                    Paint::solid(0x4f_97d8),
                    Paint::solid(0xff_e14d),
                    Paint::solid(0xe5_8f47),
                    Paint::solid(0xf5_2f78),
                ],
            },
            Theme::Light => Self {
                ground: Paint::solid(0xff_ffff),
                text: Paint::solid(0x12_161d),
                muted: Paint::solid(0x51_5c6c),
                grid: Paint::solid(0xec_eff4),
                no_data: Paint::solid(0x7a_8594),
                smoke: Paint::solid(0x3d_4f83),
                threshold: Paint::solid(0xb3_5c00),
                down: Paint::solid(0x8f_0039),
                loss: [
                    Paint::solid(0x17_957a),
                    Paint::solid(0x2b_5fb4),
                    Paint::solid(0xad_8100),
                    Paint::solid(0xad_4a1c),
                    Paint::solid(0x8f_0039),
                ],
            },
        }
    }

    /// The colour of step `step` (0 to 4).
    pub(super) fn loss(&self, step: usize) -> Paint {
        self.loss[step.min(self.loss.len() - 1)]
    }
}

/// The step of a loss ratio: 0 only if nothing was lost.
pub(super) fn loss_step(ratio: f64) -> usize {
    LOSS_STEPS.iter().take_while(|limit| ratio > **limit).count()
}
