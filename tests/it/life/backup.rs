//! The drill: a backup under load is restored, audited, and worked with.
//!
//! Customers order all the time. What was acknowledged before the backup began must be there after
//! the restore, once; and what is told to the restored installation, old orders again and new ones,
//! must be counted, once. The same drill with the copies taken in the wrong order must fail.

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use harness::Shop;
use harness::World;
use harness::eventually;
use harness::program;
use harness::time;
use harness::world::DATA;
use serde_json::Value;
use tempfile::TempDir;

use crate::kill::customer::Acknowledged;
use crate::kill::customer::Load;
use crate::kill::customer::Notes;
use crate::kill::verdict;
use crate::kill::verdict::Verdict;

/// Acknowledged before the backup begins, and again after the restore.
const ACKNOWLEDGED_MIN: u64 = 60;
/// How long the control is watched for what should not come.
const IN_VAIN: Duration = Duration::from_secs(5);

/// Runs a command of `gamma` with the safeguards in `mutation` off: exit code and output.
fn gamma(arguments: &[&str], directory: &Path, mutation: &str) -> (Option<i32>, String) {
    let output = Command::new(program::gamma())
        .args(arguments)
        .current_dir(directory)
        .env("GAMMA_TEST_MUTATION", mutation)
        .output()
        .expect("gamma runs");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    (output.status.code(), said.into_owned())
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a readable path")
}

fn backup(world: &World, to: &Path, mutation: &str) -> (Option<i32>, String) {
    let data_dir = world.data_dir();
    let arguments = ["backup", "--to", text(to), "--data-dir", text(&data_dir)];
    gamma(&arguments, world.scratch(), mutation)
}

/// Restores into a directory of its own: exit code, output, the directory.
fn restore(from: &Path, mutation: &str) -> (Option<i32>, String, TempDir) {
    let directory = tempfile::tempdir().expect("a directory");
    let data_dir = directory.path().join(DATA);
    let arguments = ["restore", "--from", text(from), "--data-dir", text(&data_dir)];
    let (code, said) = gamma(&arguments, directory.path(), mutation);
    (code, said, directory)
}

/// A world under load, with a backup of it and what was acknowledged before that began.
struct Drill {
    world: World,
    shop: Shop,
    notes: Arc<Notes>,
    copy: PathBuf,
    before: Vec<Acknowledged>,
}

/// Makes backups under load until `is_wanted` says that one of them will do.
fn drill(mutation: &str, is_wanted: impl Fn(&Path, Option<i32>, &str) -> bool) -> Drill {
    let world = World::start();
    let shop = Shop::open(&world, "drill");
    world.click(&shop.slug);
    let notes = Arc::new(Notes::open(world.scratch()));
    let load = Load::start(&world, &shop, &notes, "before");
    let mut tries = 0;
    let (copy, before) = eventually("a backup that will do", || {
        tries += 1;
        let wanted = ACKNOWLEDGED_MIN * tries;
        eventually("acknowledgements", || (notes.acknowledged() >= wanted).then_some(()));
        let before = notes.lines();
        let copy = world.scratch().join(format!("backup-{tries}"));
        let (code, said) = backup(&world, &copy, mutation);
        is_wanted(&copy, code, &said).then_some((copy, before))
    });
    load.end();
    Drill { world, shop, notes, copy, before }
}

fn judge(world: &World, shop: &Shop, notes: &Notes) -> Verdict {
    verdict::judge(world, shop, notes, verdict::Run::quiet())
}

#[test]
fn a_backup_under_load_misses_nothing_that_was_acknowledged_before() {
    let Drill { mut world, shop, notes, copy, before } = drill("", |_, code, said| {
        assert_eq!(code, Some(0), "{said}");
        true
    });
    let tried = notes.tried();
    world.stop();

    let (code, said, directory) = restore(&copy, "");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("A12"), "every check is shown: {said}");
    let watch = time::Stopwatch::start();
    let restored = World::start_on(directory);
    assert_eq!(restored.admin_key(), world.admin_key(), "keys are brought back");
    restored.click(&shop.slug);

    // The restored installation is judged by what it must know: what was acknowledged before.
    let known = Arc::new(Notes::of(restored.scratch(), before.clone(), tried));
    let verdict = judge(&restored, &shop, &known);
    let seconds = watch.elapsed().as_secs_f32();
    println!("figure: backup under load: {}, {seconds:.1} s from start to judged", verdict.sums());
    assert!(verdict.is_clean(), "{}", verdict.sums());

    // It goes on: old orders again are old, new ones are new.
    for old in before.iter().take(10) {
        let query =
            format!("order_id={}&amount=10000.00&currency=KZT&status=approved", old.order_ref);
        let event_id = shop.tell(&restored, &query);
        assert_eq!(restored.outcome(&event_id).0, "duplicate", "{}", old.order_ref);
    }
    let load = Load::start(&restored, &shop, &known, "after");
    eventually("acknowledgements", || {
        (known.acknowledged() >= before.len() as u64 + ACKNOWLEDGED_MIN).then_some(())
    });
    load.end();
    let verdict = judge(&restored, &shop, &known);
    println!("figure: after the restore: {}", verdict.sums());
    assert!(verdict.is_clean(), "{}", verdict.sums());
}

/// The first safeguard: copies of which the database is ahead are no backup.
#[test]
fn a_database_ahead_of_its_journal_is_refused() {
    let drill = drill("journal_first", |_, code, said| {
        code != Some(0) && said.contains("ahead of the journal")
    });
    let (code, said, _) = restore(&drill.copy, "");
    assert!(code != Some(0) && said.contains("no backup"), "{code:?}: {said}");
}

/// The control of the drill: in the wrong order, and unchecked, something is lost.
#[test]
fn a_journal_copied_before_the_database_loses_what_comes_next() {
    let drill = drill("journal_first,unchecked", |copy, code, said| {
        assert_eq!(code, Some(0), "{said}");
        is_ahead(copy)
    });
    let (_, _, directory) = restore(&drill.copy, "unchecked");
    let restored = World::start_on(directory);
    restored.click(&drill.shop.slug);
    let event_id = drill.shop.sell(&restored, "N-1");
    let target = format!("/v1/inbound/{event_id}");
    let processed = time::poll(IN_VAIN, || {
        let answer = restored.api_get(&target);
        (answer.status == 200 && answer.json()["outcome"].is_string()).then_some(())
    });
    assert_eq!(processed, None, "the order does not matter, so this drill proves nothing");
}

fn is_ahead(copy: &Path) -> bool {
    let manifest = std::fs::read(copy.join("manifest.json")).expect("a manifest");
    let manifest: Value = serde_json::from_slice(&manifest).expect("JSON");
    let lanes = manifest["lanes"].as_array().cloned().unwrap_or_default();
    let inbound = lanes.iter().find(|lane| lane["lane"] == "inbound").expect("the lane");
    inbound["next_seq"].as_u64() > inbound["last_seq"].as_u64().map(|last| last + 1)
}

#[test]
fn a_damaged_backup_and_a_used_target_are_refused() {
    let mut world = World::start();
    let shop = Shop::open(&world, "damaged");
    let event_id = shop.sell(&world, "A-1");
    world.processed(&event_id);
    world.stop();
    let copy = world.scratch().join("backup");
    assert_eq!(backup(&world, &copy, "").0, Some(0), "also on a directory nobody serves");
    let (code, said) = backup(&world, &copy, "");
    assert!(code == Some(2) && said.contains("not empty"), "{code:?}: {said}");
    let data_dir = world.data_dir();
    let arguments = ["restore", "--from", text(&copy), "--data-dir", text(&data_dir)];
    let (code, said) = gamma(&arguments, world.scratch(), "");
    assert!(code == Some(2), "{code:?}: {said}");

    let database = copy.join("gamma.db");
    let mut bytes = std::fs::read(&database).expect("the copy of the database");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&database, bytes).expect("damage");
    let (code, said, directory) = restore(&copy, "");
    assert!(code == Some(1) && said.contains("gamma.db is not"), "{code:?}: {said}");
    let left = std::fs::read_dir(directory.path().join(DATA)).expect("the target").count();
    assert_eq!(left, 0, "nothing is written from a damaged backup");
}
