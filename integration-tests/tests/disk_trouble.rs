//! Disks that are full, damaged or read-only: nothing acknowledged is lost, nothing is given up unasked, and what can go
//! on by itself does.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use integration_tests::harness::functions::counter;
use integration_tests::harness::ports::free_port;
use integration_tests::harness::{Application, Documents, FunctionServer, Http, Node, eventually, statefun};

const REST: Duration = Duration::from_secs(60);

/// A small file system in memory, unmounted in the end.
struct Tmpfs(std::path::PathBuf);

impl Tmpfs {
    /// `None` where tests may not mount.
    fn mount(at: &Path, size: &str) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", size, "tmpfs"]).arg(at).status();
        if mounted.is_ok_and(|status| status.success()) {
            return Some(Self(at.to_path_buf()));
        }
        println!("skipped: this process may not mount a file system");
        None
    }

    fn remount(&self, options: &str) {
        let options = format!("remount,{options}");
        assert!(Command::new("mount").args(["-o", &options]).arg(&self.0).status().unwrap().success());
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn readiness(node: &Node) -> (u16, String) {
    let answer = Http::default().get(&format!("http://{}/readyz", node.admin_address()));
    (answer.status, answer.text())
}

#[test]
fn a_full_disk_stalls_the_doors_and_everything_goes_on_when_there_is_space() {
    let server = FunctionServer::start(counter);
    let door = free_port();
    let module = Documents::new().endpoint("it/*", server.port, "").door(door);
    let application = Application::new(&module).with(&["--epoch", "50ms"]);
    let Some(_tmpfs) = Tmpfs::mount(&application.data_dir(), "size=16m") else { return };
    let node = application.start();
    let url = format!("http://127.0.0.1:{door}/it/counter/ann");
    let http = Http::with_timeout(Duration::from_secs(5));
    let (acknowledged, sent) = (Arc::new(AtomicI64::new(0)), Arc::new(AtomicI64::new(0)));
    let post = {
        let (acknowledged, sent) = (Arc::clone(&acknowledged), Arc::clone(&sent));
        move || match http.ask("POST", &url, &[("content-type", "text/plain")], Some(b"x")) {
            Ok(answer) if answer.status == 200 => {
                sent.fetch_add(1, Ordering::SeqCst);
                acknowledged.fetch_add(1, Ordering::SeqCst);
            }
            Ok(answer) if answer.status == 429 => {}
            // Taken in, perhaps.
            Ok(answer) => {
                assert_eq!(answer.status, 504, "{}", answer.text());
                sent.fetch_add(1, Ordering::SeqCst);
            }
            Err(_) => {
                sent.fetch_add(1, Ordering::SeqCst);
            }
        }
    };
    for _ in 0..20 {
        post();
    }
    assert_eq!(acknowledged.load(Ordering::SeqCst), 20);

    let filler = application.data_dir().join("filler");
    let fill = || {
        use std::io::Write;
        let mut file = std::fs::File::options().append(true).create(true).open(&filler).unwrap();
        while file.write_all(&[7; 4096]).is_ok() {}
    };
    fill();
    let is_over = Arc::new(AtomicBool::new(false));
    let client = std::thread::spawn({
        let is_over = Arc::clone(&is_over);
        move || {
            while !is_over.load(Ordering::SeqCst) {
                post();
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    });
    let (_, why) = eventually(REST, "it says that epochs are not durable", || {
        fill();
        let readiness = readiness(&node);
        (readiness.0 == 503 && readiness.1.contains("not-durable")).then_some(readiness)
    });
    println!("{why}");
    assert_eq!(node.metric("statefun_epochs_failing", ""), 1.0);
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(readiness(&node).0, 503, "it stays so");
    let before = acknowledged.load(Ordering::SeqCst);

    std::fs::remove_file(&filler).unwrap();
    eventually(REST, "it is ready again", || (readiness(&node).0 == 200).then_some(()));
    eventually(REST, "callers are answered again", || (acknowledged.load(Ordering::SeqCst) > before + 5).then_some(()));
    is_over.store(true, Ordering::SeqCst);
    client.join().unwrap();
    assert_eq!(node.metric("statefun_epochs_failing", ""), 0.0);
    assert!(node.metric("statefun_epochs_failed", "") > 0.0);
    node.kill();

    let node = application.start();
    let seen = node.state("it/counter", "ann", "seen").and_then(|seen| seen.as_i64()).unwrap();
    let bounds = acknowledged.load(Ordering::SeqCst)..=sent.load(Ordering::SeqCst);
    println!("{seen} counted, {bounds:?} acknowledged and sent");
    assert!(bounds.contains(&seen), "{seen} counted, {bounds:?} acknowledged and sent");
}

#[test]
fn a_read_only_disk_is_refused_with_its_reason() {
    let module = Documents::new().endpoint("it/*", free_port(), "").door(free_port());
    let application = Application::new(&module);
    let Some(tmpfs) = Tmpfs::mount(&application.data_dir(), "size=16m") else { return };
    tmpfs.remount("ro");
    let refused = application.refused();
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("Read-only file system"), "{}", refused.stderr);
    tmpfs.remount("rw");
    let _ = application.start();
}

/// Flips a bit wherever a text stands in the state's file.
fn damage(application: &Application, text: &str) -> usize {
    let path = application.data_dir().join("state.redb");
    let mut bytes = std::fs::read(&path).unwrap();
    let found: Vec<usize> =
        (0..bytes.len() - text.len()).filter(|&at| &bytes[at..at + text.len()] == text.as_bytes()).collect();
    found.iter().for_each(|&at| bytes[at] ^= 1);
    std::fs::write(&path, &bytes).unwrap();
    found.len()
}

#[test]
fn a_directory_that_is_well_is_said_to_be() {
    let server = FunctionServer::start(counter);
    let door = free_port();
    let module = Documents::new().endpoint("it/*", server.port, "").door(door);
    let application = Application::new(&module);
    let node = application.start();
    let post = |id: &str| {
        let answer = Http::default().post_text(&format!("http://127.0.0.1:{door}/it/a/{id}?wait=10s"), "x");
        assert_eq!(answer.status, 200, "{}", answer.text());
    };
    post("first-of-all");
    node.kill();
    let directory = application.data_dir();
    let doctor = |more: &[&str]| statefun(&[&["doctor", "--data-dir", directory.to_str().unwrap()], more].concat());
    let well = doctor(&["--verify"]);
    assert_eq!(well.code, Some(0), "{}{}", well.stdout, well.stderr);
    assert!(well.stdout.contains("everything was read"), "{}", well.stdout);
}

#[test]
fn a_damaged_newest_epoch_can_be_given_up() {
    let server = FunctionServer::start(counter);
    let door = free_port();
    let module = Documents::new().endpoint("it/*", server.port, "").door(door);
    let application = Application::new(&module);
    let post = |id: &str| {
        let answer = Http::default().post_text(&format!("http://127.0.0.1:{door}/it/a/{id}?wait=10s"), "x");
        assert_eq!(answer.status, 200, "{}", answer.text());
    };
    let node = application.start();
    post("first-of-all");
    assert_eq!(node.stop().code(), Some(0));
    let node = application.start();
    post("last-of-all");
    node.kill();
    assert!(damage(&application, "last-of-all") > 0);

    let directory = application.data_dir().to_str().unwrap().to_owned();
    let found = statefun(&["doctor", "--data-dir", &directory, "--verify", "-o", "json"]);
    assert_eq!(found.code, Some(1), "{}", found.stderr);
    let report: serde_json::Value = serde_json::from_str(&found.stdout).unwrap();
    println!("{report}");
    assert!(!report["damage"].as_array().unwrap().is_empty(), "{report}");
    assert_eq!(statefun(&["doctor", "--data-dir", &directory]).code, Some(0), "without --verify it is not read");

    let refused = application.refused();
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    println!("{}", refused.stderr);
    let flag = "--accept-loss-to-epoch ";
    let to =
        refused.stderr.split(flag).nth(1).expect("it names the choice").split(|c: char| !c.is_ascii_digit()).next();
    let to = to.unwrap().to_owned();
    let again = application.refused();
    assert_eq!(again.code, Some(2), "it does not fall back by itself: {}", again.stderr);

    let application = application.with(&["--accept-loss-to-epoch", &to]);
    let node = application.start();
    assert_eq!(node.state("it/a", "first-of-all", "seen"), Some(1.into()));
    assert_eq!(node.state("it/a", "last-of-all", "seen"), None);
    post("first-of-all");
    assert_eq!(node.state("it/a", "first-of-all", "seen"), Some(2.into()));
    assert_eq!(node.stop().code(), Some(0));
    // A supervisor that repeats the command gives nothing more up.
    let node = application.start();
    assert_eq!(node.state("it/a", "first-of-all", "seen"), Some(2.into()));
}
