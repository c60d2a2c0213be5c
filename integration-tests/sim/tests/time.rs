//! Event time under faults, and proof that its checker sees what it should.

use statefun_sim::time::{Plant, run};

#[test]
fn windows_behind_cyclic_graphs_count_exactly_whatever_crashes() {
    let mut crashes = 0;
    for seed in 0..60 {
        let stats = run(seed, None).unwrap_or_else(|what| panic!("cargo sim --time --seed {seed}: {what}"));
        assert!(stats.events > 0 && stats.windows > 0, "{stats:?}");
        crashes += stats.crashes;
    }
    assert!(crashes > 60, "{crashes} crashes");
}

#[test]
fn planted_bugs_are_found() {
    for plant in [Plant::WatermarkNotRestored, Plant::MinusBeforePlus] {
        let found = (0..300).find(|seed| run(*seed, Some(plant)).is_err());
        assert!(found.is_some(), "{} was never noticed", plant.name());
    }
}
