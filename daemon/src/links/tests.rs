use std::time::Duration;

use model::catalog::CatalogEntry;
use model::catalog::CatalogObject;
use model::clock::ManualClock;

use super::*;
use crate::catalog::Follower;
use crate::catalog::source::MemorySource;
use crate::links::cache::Plans;
use crate::links::table::TableWriter;

const NOW: Timestamp = Timestamp(1_700_000_000_000_000);

fn link(state: LinkState) -> Link {
    Link {
        id: LinkId(1),
        number: LinkNumber(1),
        tenant: TenantId(1),
        campaign: CampaignId(1),
        offer: Some(OfferId(1)),
        publisher: PublisherId(1),
        domain: None,
        slug: "spring".into(),
        destination: None,
        fallback_url: None,
        expires_at: None,
        state,
        wildcard_code: None,
    }
}

fn domain() -> Domain {
    Domain { id: DomainId(1), tenant: TenantId(1), host: "*".into(), fallback_url: None }
}

fn view() -> Arc<View> {
    Arc::new(View::new([1, 2], Plans::new(1 << 20)))
}

fn state_of(links: &Links, now: Timestamp) -> Option<bool> {
    let found = links.resolve(&links.now(), &domain(), LinkKey("spring"), now);
    found.map(|link| link.is_live)
}

#[test]
fn unknown_slugs_are_remembered_for_a_second() {
    let view = view();
    let links = Links::new(Arc::clone(&view));
    assert_eq!(state_of(&links, NOW), None);
    // Put behind the back of the follower: the version does not move, so only time can tell.
    let mut writer = TableWriter::default();
    writer.put(&view.table, &link(LinkState::Live));
    let just_before = Timestamp(NOW.0 + 999_999);
    assert_eq!(state_of(&links, just_before), None);
    assert!(state_of(&links, NOW + Duration::from_secs(1)).is_some());
}

/// The control of the rule that a stopped link stops with the next request: it is the version that
/// empties the caches.
#[test]
fn without_a_new_version_a_change_is_not_seen() {
    let view = view();
    let links = Links::new(Arc::clone(&view));
    let mut writer = TableWriter::default();
    writer.put(&view.table, &link(LinkState::Live));
    assert!(state_of(&links, NOW).is_some());
    writer.remove(&view.table, LinkId(1));
    assert!(state_of(&links, NOW).is_some());
}

#[test]
fn every_thread_sees_a_change_with_its_next_request() {
    let (source, catalog) = MemorySource::new();
    let view = view();
    let folder = tempfile::tempdir().unwrap();
    let snapshot = folder.path().join("catalog.snapshot");
    let clock = Arc::new(ManualClock::new(NOW));
    let follower = Follower::new(Arc::clone(&view), Box::new(source), clock, snapshot);
    let stop = std::sync::atomic::AtomicBool::new(false);
    let within = Duration::from_secs(20);
    std::thread::scope(|scope| {
        scope.spawn(|| follower.run(&stop));
        let threads = [Links::new(Arc::clone(&view)), Links::new(Arc::clone(&view))];
        for round in 0..200 {
            let object = CatalogObject::Link(Box::new(link(LinkState::Live)));
            let put = catalog.push(CatalogEntry::Put(object.clone()));
            assert!(view.wait_for(put, within));
            assert!(threads.iter().all(|links| state_of(links, NOW).is_some()), "{round}");
            let removed = catalog.push(CatalogEntry::Remove(object.key()));
            assert!(view.wait_for(removed, within));
            assert!(threads.iter().all(|links| state_of(links, NOW).is_none()), "{round}");
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

#[test]
fn a_compiled_link_fits_two_cache_lines() {
    assert!(size_of::<Compiled>() <= 128, "{} bytes", size_of::<Compiled>());
}

#[test]
fn slugs_of_any_length_are_kept() {
    for chars in [2, 8, SHORT_SLUG_CHARS, SHORT_SLUG_CHARS + 1, SLUG_CHARS_MAX] {
        let text = "a".repeat(chars);
        assert_eq!(Slug::new(&text).as_str(), text);
    }
}
