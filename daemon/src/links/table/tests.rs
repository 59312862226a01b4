use std::collections::BTreeMap;

use rand::Rng;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;

fn link(id: u128, slug: &str) -> Link {
    Link {
        id: LinkId(id),
        number: LinkNumber(u64::try_from(id).unwrap()),
        tenant: TenantId(1),
        campaign: CampaignId(2),
        offer: Some(OfferId(3)),
        publisher: PublisherId(id % 7),
        domain: None,
        slug: slug.into(),
        destination: None,
        fallback_url: None,
        expires_at: None,
        state: LinkState::Live,
        wildcard_code: None,
    }
}

fn get(table: &LinkTable, slug: &str) -> Option<Link> {
    let tenant = TenantId(1);
    table.get(table.key_hash(tenant, slug), tenant, slug)
}

#[test]
fn every_field_survives_packing() {
    let (table, mut writer) = (LinkTable::new([1, 2]), TableWriter::default());
    let full = Link {
        domain: Some(DomainId(9)),
        destination: Some("https://shop.example/p".into()),
        fallback_url: Some("https://shop.example/gone".into()),
        expires_at: Some(Timestamp(77)),
        state: LinkState::Capped,
        wildcard_code: Some("Aigerim".into()),
        ..link(u128::from(u64::MAX), "spring")
    };
    let plain = Link { offer: None, ..link(5, "plain") };
    writer.put(&table, &full);
    writer.put(&table, &plain);
    assert_eq!(get(&table, "spring"), Some(full.clone()));
    assert_eq!(get(&table, "plain"), Some(plain));
    assert_eq!(get(&table, "other"), None);
    assert_eq!(table.wildcards(TenantId(1), "aigerim"), [full]);
    assert!(table.wildcards(TenantId(2), "aigerim").is_empty());
}

#[test]
fn slugs_of_two_tenants_are_two_links() {
    let (table, mut writer) = (LinkTable::new([1, 2]), TableWriter::default());
    let ours = link(1, "spring");
    let theirs = Link { tenant: TenantId(2), ..link(2, "spring") };
    writer.put(&table, &ours);
    writer.put(&table, &theirs);
    assert_eq!(get(&table, "spring"), Some(ours));
    let hash = table.key_hash(TenantId(2), "spring");
    assert_eq!(table.get(hash, TenantId(2), "spring"), Some(theirs));
}

#[test]
fn a_moved_slug_leaves_nothing_behind() {
    let (table, mut writer) = (LinkTable::new([1, 2]), TableWriter::default());
    let code = Some("aigerim".into());
    writer.put(&table, &Link { wildcard_code: code, ..link(1, "old") });
    writer.put(&table, &link(1, "new"));
    assert_eq!(get(&table, "old"), None);
    assert_eq!(get(&table, "new"), Some(link(1, "new")));
    assert!(table.wildcards(TenantId(1), "aigerim").is_empty());
    writer.put(&table, &link(2, "new"));
    assert_eq!(get(&table, "new"), Some(link(2, "new")));
    assert_eq!(table.count(), 1);
}

#[test]
fn the_table_agrees_with_a_plain_map_through_any_changes() {
    let mut rng = StdRng::seed_from_u64(7);
    let (table, mut writer) = (LinkTable::new([3, 4]), TableWriter::default());
    let mut expected: BTreeMap<String, Link> = BTreeMap::new();
    for _ in 0..60_000 {
        let id = rng.random_range(1..3_000_u128);
        expected.retain(|_, held| held.id != LinkId(id));
        if rng.random_bool(0.3) {
            writer.remove(&table, LinkId(id));
        } else {
            let slug = format!("slug-{}", rng.random_range(0..4_000_u32));
            let destination = rng.random_bool(0.5).then(|| "https://shop.example/".into());
            let link = Link { destination, ..link(id, &slug) };
            writer.put(&table, &link);
            expected.insert(slug, link);
        }
    }
    assert_eq!(table.count(), expected.len());
    for number in 0..4_000 {
        let slug = format!("slug-{number}");
        assert_eq!(get(&table, &slug).as_ref(), expected.get(&slug), "{slug}");
    }
    let mut found = BTreeMap::new();
    table.for_each(|link| {
        found.insert(link.slug.to_owned(), Link::from(link));
    });
    assert_eq!(found, expected);
}

#[test]
fn a_million_links_take_little_more_than_their_texts() {
    let (table, mut writer) = (LinkTable::new([3, 4]), TableWriter::default());
    let count = 100_000_u32;
    for number in 0..count {
        writer.put(&table, &link(u128::from(number), &format!("s{number:07}")));
    }
    let bytes_each = table.held_bytes() / count as usize;
    assert!(bytes_each < 110, "{bytes_each} bytes per link");
}
