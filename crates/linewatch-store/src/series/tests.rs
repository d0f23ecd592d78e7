//! The grid of an answer, and the spans that are left for samples.

use proptest::prelude::*;

use super::*;

fn wall(seconds: i64) -> WallTime {
    WallTime::from_nanos(seconds * 1_000_000_000)
}

fn query(from: WallTime, to: WallTime, points: usize) -> SeriesQuery {
    SeriesQuery {
        target: TargetId(1),
        from,
        to,
        points,
    }
}

#[test]
fn a_month_in_a_thousand_points_is_read_from_ten_minutes() {
    let grid = Grid::new(&query(wall(0), wall(30 * 86_400), 1000), Duration::from_secs(600));
    assert_eq!(grid.step, Duration::from_secs(3000));
    assert_eq!((grid.from, grid.to), (wall(0), wall(2_592_000)));
}

#[test]
fn spans_are_cut_by_holes_in_order() {
    let mut spans = vec![wall(10)..wall(100)];
    for hole in [
        wall(0)..wall(20),
        wall(30)..wall(40),
        wall(40)..wall(50),
        wall(90)..wall(150),
    ] {
        cut(&mut spans, hole);
    }
    assert_eq!(spans, [wall(20)..wall(30), wall(50)..wall(90)]);
}

proptest! {
    #[test]
    fn a_grid_holds_the_span_in_no_more_points_than_asked(
        from in 0_i64..4_000_000_000_000_000_000, length in 1_i64..4_000_000_000_000_000_000, points in 1_usize..5000,
        unit in prop::sample::select(vec![1_u64, 1000, 60_000, 600_000, 3_600_000]),
    ) {
        let (unit, to) = (Duration::from_millis(unit), from + length);
        let grid = Grid::new(&query(WallTime::from_nanos(from), WallTime::from_nanos(to), points), unit);
        let step_ns = grid.step.as_nanos() as i64;
        prop_assert!(grid.from.as_nanos() <= from && grid.to.as_nanos() >= to);
        prop_assert_eq!(step_ns % unit.as_nanos() as i64, 0);
        prop_assert!((grid.to.as_nanos() - grid.from.as_nanos()) / step_ns <= points as i64);
    }
}
