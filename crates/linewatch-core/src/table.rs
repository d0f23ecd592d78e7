//! Lets tables of one row per target grow in small steps.
//!
//! A vector that doubles holds up to twice what it needs: with 100,000 targets that is most of the engine's memory.

/// Makes room for `rows` rows and an eighth more, so that adding targets one by one copies each only a few times.
pub fn make_room<T>(table: &mut Vec<T>, rows: usize) {
    if rows > table.capacity() {
        table.reserve_exact(rows + rows / 8 - table.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_growing_table_is_an_eighth_too_large_at_most() {
        let mut table: Vec<u64> = Vec::new();
        for row in 0..10_000 {
            make_room(&mut table, row + 1);
            table.push(row as u64);
            assert!(table.capacity() <= (row + 1) + (row + 1) / 8);
        }
    }
}
