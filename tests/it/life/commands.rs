//! The sub-commands, on a directory that is served and on one that is not.

use harness::Shop;
use harness::World;
use harness::sentences::text;
use serde_json::Value;

#[test]
fn wrong_usage_is_2_and_a_bad_configuration_is_78() {
    let world = World::start();
    assert_eq!(world.run(&["dance"]).0, Some(2));
    let file = world.scratch().join("bad.toml");
    std::fs::write(&file, "[daemon]\nlisten = \"127.0.0.1:0\"\ncolour = \"red\"\n")
        .expect("a file");
    let check = std::process::Command::new(harness::program::gamma())
        .args(["config", "check"])
        .arg(&file)
        .output()
        .expect("gamma runs");
    assert_eq!(check.status.code(), Some(78));
    let said = String::from_utf8_lossy(&check.stdout) + String::from_utf8_lossy(&check.stderr);
    assert!(said.contains("colour"), "the key is named: {said}");
}

#[test]
fn what_is_asked_for_and_is_not_there_is_wrong_usage() {
    let world = World::start();
    let nowhere = world.scratch().join("nowhere").display().to_string();
    let file = world.scratch().join("a-file").display().to_string();
    std::fs::write(&file, "x").expect("a file");
    let unknown = "key_00000000000000000000000000";
    // Through the instance that runs there.
    for arguments in [
        &["key", "revoke", unknown][..],
        &["key", "list", "--tenant", "nobody"],
        &["key", "create", "--role", "admin", "--name", ""],
        &["key", "list", "--url", "not an address", "--key", "gm_live_x_y"],
        &["journal", "inspect", &nowhere],
        &["journal", "verify", &file],
    ] {
        let (code, said) = world.run(arguments);
        assert_eq!(code, Some(2), "{arguments:?}: {said}");
    }
    for command in [&["audit"][..], &["migrate"], &["key", "list"], &["key", "revoke", unknown]] {
        let gamma = std::process::Command::new(harness::program::gamma())
            .args(command)
            .args(["--data-dir", &nowhere])
            .output()
            .expect("gamma runs");
        assert_eq!(gamma.status.code(), Some(2), "{command:?}: {gamma:?}");
    }
    let url = format!("http://{}", world.addresses().control);
    let key = "gm_live_00000000000000000000000000_wrong";
    let answer = world.run(&["key", "list", "--url", &url, "--key", key]);
    assert_eq!(answer.0, Some(2), "{}", answer.1);
}

#[test]
fn the_audit_lists_every_check_and_finds_nothing() {
    let mut world = World::start();
    let shop = Shop::open(&world, "audited");
    shop.sell(&world, "A-1");
    world.conversion("A-1");
    let running = world.audit();
    let names: Vec<&str> = running.iter().map(|(name, _)| name.as_str()).collect();
    for number in 1..=12 {
        assert!(names.contains(&format!("A{number}").as_str()), "A{number} of {names:?}");
    }
    world.audit_is_clean();
    world.stop();
    assert_eq!(world.audit(), running, "the same on a directory nobody serves");
}

#[test]
fn the_journal_can_be_read_beside_the_program() {
    let world = World::start();
    let shop = Shop::open(&world, "looked");
    shop.sell(&world, "A-1");
    world.conversion("A-1");
    let journal = world.data_dir().join("journal");
    for verb in ["inspect", "verify"] {
        let output = std::process::Command::new(harness::program::gamma())
            .args(["journal", verb])
            .arg(&journal)
            .output()
            .expect("gamma runs");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(0), "{verb}: {said}");
        assert!(said.contains("inbound"), "{verb}: {said}");
    }
}

#[test]
fn the_demo_prints_commands_that_work() {
    let world = World::start_demo();
    let log = harness::eventually("the commands to paste", || {
        let log = world.log();
        log.contains("/balance").then_some(log)
    });
    assert!(log.contains("curl"), "{log}");
    assert!(log.contains("Mozilla/5.0"), "a browser's name, or the click is a bot's: {log}");
    let overview = world.api_get("/v1/stats/overview");
    assert_eq!(overview.status, 200, "{}", overview.text());
}

#[test]
fn a_key_made_on_the_command_line_opens_the_api_until_it_is_revoked() {
    let world = World::start();
    let (code, output) = world.run(&["key", "create", "--role", "support", "--name", "desk"]);
    assert_eq!(code, Some(0), "{output}");
    let key = output
        .split_whitespace()
        .find(|word| word.starts_with("gm_live_"))
        .unwrap_or_default()
        .to_owned();
    assert_eq!(world.api_as(&key, "/v1/conversions").status, 200, "{output}");
    let (code, list) = world.run(&["key", "list"]);
    assert_eq!(code, Some(0));
    assert!(list.contains("desk") && !list.contains(&key), "{list}");
    let id = list
        .lines()
        .find(|line| line.contains("desk"))
        .and_then(|line| line.split_whitespace().find(|word| word.starts_with("key_")))
        .unwrap_or_default()
        .to_owned();
    assert_eq!(world.run(&["key", "revoke", &id]).0, Some(0));
    harness::eventually("the key is refused", || {
        (world.api_as(&key, "/v1/conversions").status == 401).then_some(())
    });
}

#[test]
fn the_doctor_finds_a_fresh_installation_healthy() {
    let world = World::start();
    let (code, output) = world.run(&["doctor"]);
    assert_eq!(code, Some(0), "{output}");
}

#[test]
fn every_command_has_help_with_an_example() {
    let commands = [
        &["up"][..],
        &["key", "create"],
        &["config", "check"],
        &["audit"],
        &["replay"],
        &["backup"],
        &["restore"],
        &["journal", "inspect"],
        &["doctor"],
    ];
    for command in commands {
        let output = std::process::Command::new(harness::program::gamma())
            .args(command)
            .arg("--help")
            .output()
            .expect("gamma runs");
        assert_eq!(output.status.code(), Some(0), "{command:?}");
        let help = String::from_utf8_lossy(&output.stdout).to_lowercase();
        assert!(help.contains("example"), "{command:?}: {help}");
    }
}

#[test]
fn admin_key_is_one_line_for_the_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::start();
    let path = world.data_dir().join("admin.key");
    let mode = std::fs::metadata(&path).expect("the key").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let key = std::fs::read_to_string(&path).expect("the key");
    assert_eq!(key.lines().count(), 1);
    assert!(key.starts_with("gm_live_"), "an API key");
    let me = world.api_get("/v1/audit/checks").expect_status(200).json();
    assert_ne!(me, Value::Null);
    assert_eq!(text(&me["data"][0]["check"]), "A1");
}
