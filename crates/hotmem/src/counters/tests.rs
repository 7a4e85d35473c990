//! Written and read back; the living, the dead and the hostile.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use proptest::prelude::*;

use super::layout::{
    ENTRIES_AT, ENTRY_WORDS, FILE_BYTES, VALUE_COUNT_MAX, VALUE_INDEX_IN, VALUES_IN,
};
use super::*;

/// A directory of the test's own, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("counters-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    fn open(&self, role: &str) -> CountersFile {
        CountersFile::create(&self.0, role, "0.1.0 (test)", Path::new("/dev/shm/vesta-x-1"), 5)
            .expect("a file")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn tell(sink: &mut dyn CounterSink, n: u64) {
    let orders = Scope::stream("orders", 10);
    sink.counter(orders, "messages_in", Unit::Messages, n);
    sink.gauge(Scope::ROLE, "outbox", Unit::Bytes, 100 - n);
    let mut hop = Histogram::default();
    (0..n).for_each(|_| hop.record(5_000));
    sink.histogram(Scope::ROLE, "hop", &hop);
    let touch = Touch { bid_ticks: n, ask_ticks: n + 1, tick_e8: 1, ..Touch::default() };
    sink.touch("BTC-USD", touch);
}

#[test]
fn what_is_published_is_read_back() {
    let folder = Folder::new("back");
    let mut file = folder.open("engine");
    file.publish(7, |sink| tell(sink, 1));
    file.publish(9, |sink| tell(sink, 3));
    let reading = Reading::of(file.path()).expect("a file of ours");
    assert_eq!((reading.role.as_str(), reading.build.as_str()), ("engine", "0.1.0 (test)"));
    assert_eq!(reading.driver, Path::new("/dev/shm/vesta-x-1"));
    assert_eq!(reading.process, crate::ProcessId::current());
    assert_eq!((reading.started_ns, reading.published_ns), (5, 9));
    assert!(reading.is_live && reading.lost_count == 0);
    assert_eq!(reading.entries.len(), 4, "told twice, entered once");
    let messages = reading.find("orders", "messages_in").expect("told");
    assert_eq!((messages.value(), messages.stream), (3, 10));
    assert_eq!((messages.kind, messages.unit), (Kind::Counter, Unit::Messages));
    assert_eq!(reading.find("", "outbox").expect("told").value(), 97);
    let hop = reading.find("", "hop").and_then(Entry::summary).expect("a histogram");
    assert_eq!((hop.count, hop.p50_ns), (3, 5_119));
    let touch = reading.find("BTC-USD", "touch").and_then(Entry::touch).expect("a touch");
    assert_eq!((touch.bid_ticks, touch.ask_ticks, touch.tick_e8), (3, 4, 1));
}

#[test]
fn the_order_may_change_and_new_numbers_may_come() {
    let folder = Folder::new("order");
    let mut file = folder.open("gateway");
    for round in 0..3_u64 {
        file.publish(round, |sink| {
            let mut names = vec!["a", "b", "c"];
            names.rotate_left(round as usize);
            names.truncate(2);
            for name in names {
                let value = round * 10 + u64::from(name.as_bytes()[0]);
                sink.counter(Scope::ROLE, name, Unit::Count, value);
            }
        });
    }
    let reading = Reading::of(file.path()).expect("ours");
    let values: Vec<_> = reading.entries.iter().map(|e| (e.name.as_str(), e.value())).collect();
    assert_eq!(values, [("a", 97 + 20), ("b", 98 + 10), ("c", 99 + 20)]);
}

#[test]
fn what_has_no_room_is_left_out_and_counted() {
    let folder = Folder::new("room");
    let mut file = folder.open("engine");
    for _ in 0..2 {
        file.publish(1, |sink| {
            for n in 0..1_030 {
                sink.counter(Scope::named(&format!("é{n}").repeat(20)), "n", Unit::Count, n);
            }
        });
    }
    let reading = Reading::of(file.path()).expect("ours");
    assert_eq!((reading.entries.len(), reading.lost_count), (1_024, 6));
    let last = reading.entries.last().expect("many");
    assert_eq!(last.value(), 1_023);
    assert!(last.scope.len() <= 48 && last.scope.starts_with("é1023é"), "cut at a character");
    assert_eq!(fs::metadata(file.path()).expect("there").len(), FILE_BYTES as u64);
}

#[test]
fn the_file_of_a_dead_process_is_seen_as_such_and_removed() {
    let folder = Folder::new("dead");
    let alive = folder.open("alive");
    let killed = folder.0.join("vesta-killed-1.counters");
    fs::copy(alive.path(), &killed).expect("a copy");
    fs::write(folder.0.join("vesta-short-1.counters"), "x").expect("a file");
    std::os::unix::fs::symlink(&killed, folder.0.join("vesta-link-1.counters")).expect("a link");
    let readings = Reading::all(&folder.0).expect("a list");
    let seen: Vec<_> = readings.iter().map(|r| (r.path.clone(), r.is_live)).collect();
    assert_eq!(seen, [(alive.path().to_owned(), true), (killed.clone(), false)]);

    let removed = remove_stale(&folder.0);
    assert_eq!(removed.iter().map(|r| &r.path).collect::<Vec<_>>(), [&killed]);
    assert!(removed[0].bytes > 0 && alive.path().exists());
    let path = alive.path().to_owned();
    drop(alive);
    assert!(!path.exists(), "removed by its owner");
}

/// A killed owner, for real.
#[test]
fn kill_9_frees_the_lock() {
    let folder = Folder::new("kill");
    let test = std::env::current_exe().expect("a path");
    let mut command = Command::new(test);
    command.args(["--exact", "counters::tests::an_owner", "--nocapture"]);
    let mut child = command.env("VESTA_TEST_COUNTERS", &folder.0).spawn().expect("it runs");
    let live = || {
        let readings = Reading::all(&folder.0).unwrap_or_default();
        readings.first().map(|reading| reading.is_live)
    };
    let mut looks = 0;
    while live() != Some(true) {
        looks += 1;
        assert!(looks < 3_000 && child.try_wait().expect("ours").is_none(), "no file came");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert_eq!(remove_stale(&folder.0), [], "it lives");
    child.kill().expect("ours");
    child.wait().expect("ours");
    assert_eq!(live(), Some(false));
    assert_eq!(remove_stale(&folder.0).len(), 1);
}

/// Does nothing but in the process that the test above starts.
#[test]
fn an_owner() {
    let Some(folder) = std::env::var_os("VESTA_TEST_COUNTERS") else { return };
    let _file = CountersFile::create(folder.as_ref(), "engine", "", Path::new(""), 1);
    std::thread::sleep(std::time::Duration::from_secs(60));
}

#[test]
fn files_of_one_name_do_not_clash_and_a_role_is_a_word() {
    let folder = Folder::new("names");
    let (one, two) = (folder.open("engine"), folder.open("engine"));
    assert_ne!(one.path(), two.path());
    for role in ["", "../x", "Up", &"x".repeat(33)] {
        let made = CountersFile::create(&folder.0, role, "", Path::new(""), 0);
        assert!(made.is_err(), "{role:?}");
    }
}

/// 1,024 entries that each claim all values would be 64 MiB for a reader of 196 KiB.
#[test]
fn entries_that_claim_the_same_values_are_read_as_far_as_there_is_room() {
    let folder = Folder::new("overlap");
    let mut file = folder.open("engine");
    file.publish(1, |sink| {
        for n in 0..3 {
            sink.counter(Scope::named(&n.to_string()), "n", Unit::Count, n);
        }
    });
    let path = folder.0.join("vesta-overlap-1.counters");
    fs::copy(file.path(), &path).expect("a copy");
    let hostile = File::options().write(true).open(&path).expect("ours");
    let claim = |entry: usize, word: usize, value: usize| {
        let at = (ENTRIES_AT + entry * ENTRY_WORDS + word) as u64 * 8;
        hostile.write_all_at(&(value as u64).to_le_bytes(), at).expect("within");
    };
    let read = || {
        let reading = Reading::of(&path).expect("still one");
        reading.entries.iter().map(|entry| entry.values.len()).collect::<Vec<_>>()
    };
    claim(0, VALUE_INDEX_IN, 0);
    claim(0, VALUES_IN, VALUE_COUNT_MAX - 1);
    assert_eq!(read(), [VALUE_COUNT_MAX - 1, 1], "the third has no room");
    claim(1, VALUES_IN, VALUE_COUNT_MAX - 1);
    assert_eq!(read(), [VALUE_COUNT_MAX - 1, 1], "the second claims too much, the third does not");
}

proptest! {
    /// Whatever is in a file: an error, or a reading within it, which a terminal survives.
    #[test]
    fn hostile_files_are_read_without_harm(
        writes in prop::collection::vec((0_usize..ENTRIES_AT + 80, any::<u64>()), 1..40),
    ) {
        let folder = Folder::new("hostile");
        let mut file = folder.open("engine");
        file.publish(1, |sink| tell(sink, 2));
        let path = folder.0.join("vesta-hostile-1.counters");
        fs::copy(file.path(), &path).expect("a copy");
        let hostile = File::options().write(true).open(&path).expect("ours");
        for (word, value) in writes {
            // The beginning is let be half of the time, or nothing else would be read.
            if word > 1 || value % 2 == 0 {
                hostile.write_all_at(&value.to_le_bytes(), word as u64 * 8).expect("within");
            }
        }
        if let Ok(reading) = Reading::of(&path) {
            let values = reading.entries.iter().map(|entry| entry.values.len());
            prop_assert!(values.sum::<usize>() <= VALUE_COUNT_MAX);
            for entry in &reading.entries {
                let _ = (entry.value(), entry.summary(), entry.touch());
                prop_assert!(!entry.name.chars().any(char::is_control));
                prop_assert!(!entry.scope.chars().any(char::is_control));
            }
        }
    }
}
