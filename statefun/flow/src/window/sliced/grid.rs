//! Where slices begin and which windows need them.

use crate::time::Millis;
use crate::window::assigner::grid_floor;

/// The edges of windows of one size at equal distances.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Grid {
    pub(crate) size: Millis,
    pub(crate) slide: Millis,
    offset: Millis,
    /// How far behind a start of windows the end of other windows lies; zero if they coincide.
    cut: Millis,
}

/// The ends of the windows that contain a slice: from `first` to `last`, one slide apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ends {
    pub(crate) first: Millis,
    pub(crate) last: Millis,
}

impl Grid {
    pub(crate) fn new(size: Millis, slide: Millis, offset: Millis) -> Self {
        // With gaps between windows there is one end between two starts, and it cuts the window from the gap.
        let cut = if size < slide { size } else { size % slide };
        Self { size, slide, offset, cut }
    }

    /// The start of the slice that `at` lies in. No window begins or ends inside a slice.
    pub(crate) fn slice_start(&self, at: Millis) -> Millis {
        let start = grid_floor(at, self.slide, self.offset);
        let cut = start.saturating_add(self.cut);
        if at >= cut { cut } else { start }
    }

    /// The windows that contain the slice which begins at `slice`, if any: there are none in a gap.
    pub(crate) fn ends(&self, slice: Millis) -> Option<Ends> {
        let latest_start = grid_floor(slice, self.slide, self.offset);
        let since = slice.saturating_sub(latest_start);
        if since >= self.size {
            return None;
        }
        let last = latest_start.saturating_add(self.size);
        let earlier = (self.size - 1 - since) / self.slide;
        Some(Ends { first: last.saturating_sub(earlier.saturating_mul(self.slide)), last })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_are_cut_at_starts_and_ends_of_windows() {
        let grid = Grid::new(5, 2, 0);
        let starts: Vec<_> = (0..5).map(|at| grid.slice_start(at)).collect();
        assert_eq!(starts, [0, 1, 2, 3, 4]);
        let grid = Grid::new(12, 4, 1);
        let starts: Vec<_> = (0..6).map(|at| grid.slice_start(at)).collect();
        assert_eq!(starts, [-3, 1, 1, 1, 1, 5]);
    }

    #[test]
    fn a_slice_knows_the_windows_that_need_it() {
        let grid = Grid::new(10, 4, 0);
        assert_eq!(grid.ends(8), Some(Ends { first: 10, last: 18 }));
        assert_eq!(grid.ends(10), Some(Ends { first: 14, last: 18 }));
        assert_eq!(Grid::new(10, 10, 0).ends(-10), Some(Ends { first: 0, last: 0 }));
    }

    #[test]
    fn a_gap_is_a_slice_that_no_window_needs() {
        let grid = Grid::new(2, 5, 0);
        assert_eq!(grid.slice_start(1), 0);
        assert_eq!(grid.slice_start(4), 2);
        assert_eq!(grid.ends(0), Some(Ends { first: 2, last: 2 }));
        assert_eq!(grid.ends(2), None);
    }
}
