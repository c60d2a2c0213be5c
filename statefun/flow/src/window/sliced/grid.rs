//! Where slices begin and which windows need them.

use crate::time::Millis;

/// The edges of windows of one size at equal distances.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Grid {
    pub(crate) size: Millis,
    pub(crate) slide: Millis,
    /// Between zero and the slide.
    offset: Millis,
    /// How far behind a start of windows the end of other windows lies; zero if they coincide.
    cut: Millis,
}

/// A slice, and the ends of the windows that contain it: from `first_end` to `last_end`, one slide apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) slice: Millis,
    pub(crate) first_end: Millis,
    pub(crate) last_end: Millis,
}

impl Grid {
    pub(crate) fn new(size: Millis, slide: Millis, offset: Millis) -> Self {
        // With gaps between windows there is one end between two starts, and it cuts the window from the gap.
        let cut = if size < slide { size } else { size % slide };
        Self { size, slide, offset: offset.rem_euclid(slide), cut }
    }

    /// The slice that `at` lies in, unless that is a gap. No window begins or ends inside a slice.
    ///
    /// This is on the path of every event: one division, the rest are additions.
    pub(crate) fn place(&self, at: Millis) -> Option<Place> {
        let since = at.rem_euclid(self.slide) - self.offset;
        let since = if since < 0 { since + self.slide } else { since };
        let start = at.saturating_sub(since);
        let cut = start.saturating_add(self.cut);
        let last_end = start.saturating_add(self.size);
        if since < self.cut {
            return Some(Place { slice: start, first_end: cut, last_end });
        }
        if self.size < self.slide {
            return None;
        }
        Some(Place { slice: cut, first_end: cut.saturating_add(self.slide).min(last_end), last_end })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(grid: &Grid, at: Millis) -> Option<(Millis, Millis, Millis)> {
        grid.place(at).map(|place| (place.slice, place.first_end, place.last_end))
    }

    #[test]
    fn slices_are_cut_at_starts_and_ends_of_windows() {
        let slices = |grid: &Grid, moments: std::ops::Range<Millis>| -> Vec<Millis> {
            moments.map(|at| grid.place(at).unwrap().slice).collect()
        };
        assert_eq!(slices(&Grid::new(5, 2, 0), 0..5), [0, 1, 2, 3, 4]);
        assert_eq!(slices(&Grid::new(12, 4, 1), 0..6), [-3, 1, 1, 1, 1, 5]);
        assert_eq!(slices(&Grid::new(12, 4, -3), 0..6), [-3, 1, 1, 1, 1, 5]);
    }

    #[test]
    fn a_slice_knows_the_windows_that_need_it() {
        let grid = Grid::new(10, 4, 0);
        assert_eq!(place(&grid, 8), Some((8, 10, 18)));
        assert_eq!(place(&grid, 11), Some((10, 14, 18)));
        assert_eq!(place(&Grid::new(10, 10, 0), -10), Some((-10, 0, 0)));
        assert_eq!(place(&Grid::new(10, 10, 0), -1), Some((-10, 0, 0)));
    }

    #[test]
    fn no_window_needs_a_gap() {
        let grid = Grid::new(2, 5, 0);
        assert_eq!(place(&grid, 1), Some((0, 2, 2)));
        assert_eq!(place(&grid, 2), None);
        assert_eq!(place(&grid, 4), None);
    }
}
