//! cargo sim
use statefun_sim::*;
fn main() {
    let from: u64 = std::env::args().nth(1).map_or(0, |s| s.parse().unwrap());
    let n: u64 = std::env::args().nth(2).map_or(10, |s| s.parse().unwrap());
    let reference = std::env::args().nth(3).is_some();
    let kind = if reference { BackendKind::Reference } else { BackendKind::Real };
    let mut bad = 0;
    for seed in from..from + n {
        let o = run(RunOptions { seed, ..Default::default() }, kind);
        if n < 20 { println!("{seed} {:?} {:x}", o.stats, o.trace_hash); }
        if let Err(e) = o.verdict { bad += 1; if bad < 10 { println!("{seed} FAIL {}", e.chars().take(600).collect::<String>()); } }
    }
    println!("bad {bad} of {n}");
}
