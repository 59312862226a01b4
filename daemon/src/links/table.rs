//! All live links, resident and packed: what a miss of the caches falls back to.
//!
//! A link is a few dozen bytes in the arena of one of many shards: ids that repeat are numbers into
//! a dictionary, texts are stored once. A shard's index holds eight bytes per link: a tag of its
//! hash and its place.
//!
//! # Why shards behind locks
//!
//! The caches above take nearly all requests, so the table is read on misses only. A change writes
//! in place under the lock of one shard for well under a microsecond; growing or tidying a shard
//! moves some ten thousand links, never all. One copied table per change would make a million links
//! cost a million times the change.

use std::collections::HashMap;
use std::hash::Hasher;

use model::clock::Timestamp;
use model::id::CampaignId;
use model::id::DomainId;
use model::id::LinkId;
use model::id::OfferId;
use model::id::PublisherId;
use model::id::TenantId;
use model::link::Link;
use model::link::LinkNumber;
use model::link::LinkState;
use parking_lot::RwLock;
use serde::Deserialize;
use serde::Serialize;
use siphasher::sip::SipHasher13;

/// Shards; a power of two.
const SHARDS: usize = 256;
/// A shard is tidied when more than half of its arena, and at least this many bytes, is left behind
/// by changes.
const GARBAGE_BYTES_MIN: usize = 16 * 1024;

/// A link in the arena. Ids that repeat are numbers into the dictionary.
#[derive(Serialize, Deserialize)]
struct Packed<'a> {
    id: [u8; 16],
    number: u64,
    tenant: u32,
    campaign: u32,
    offer: Option<u32>,
    publisher: u32,
    domain: Option<u32>,
    #[serde(borrow)]
    slug: &'a str,
    destination: Option<&'a str>,
    fallback_url: Option<&'a str>,
    expires_at: Option<i64>,
    state: u8,
    wildcard_code: Option<&'a str>,
}

/// A link as it stands in the table; its texts borrow from the arena.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    pub id: LinkId,
    pub number: LinkNumber,
    pub tenant: TenantId,
    pub campaign: CampaignId,
    pub offer: Option<OfferId>,
    pub publisher: PublisherId,
    pub domain: Option<DomainId>,
    pub slug: &'a str,
    pub destination: Option<&'a str>,
    pub fallback_url: Option<&'a str>,
    pub expires_at: Option<Timestamp>,
    pub state: LinkState,
    pub wildcard_code: Option<&'a str>,
}

impl<'a> From<&'a Link> for Row<'a> {
    fn from(link: &'a Link) -> Self {
        Self {
            id: link.id,
            number: link.number,
            tenant: link.tenant,
            campaign: link.campaign,
            offer: link.offer,
            publisher: link.publisher,
            domain: link.domain,
            slug: &link.slug,
            destination: link.destination.as_deref(),
            fallback_url: link.fallback_url.as_deref(),
            expires_at: link.expires_at,
            state: link.state,
            wildcard_code: link.wildcard_code.as_deref(),
        }
    }
}

impl From<Row<'_>> for Link {
    fn from(row: Row<'_>) -> Self {
        Self {
            id: row.id,
            number: row.number,
            tenant: row.tenant,
            campaign: row.campaign,
            offer: row.offer,
            publisher: row.publisher,
            domain: row.domain,
            slug: row.slug.into(),
            destination: row.destination.map(Box::from),
            fallback_url: row.fallback_url.map(Box::from),
            expires_at: row.expires_at,
            state: row.state,
            wildcard_code: row.wildcard_code.map(Box::from),
        }
    }
}

/// Where a link stands in its shard.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    tag: u32,
    /// Offset in the arena plus one; 0: never used, `REMOVED`: used once.
    place: u32,
}

const REMOVED: u32 = u32::MAX;

#[derive(Debug, Default)]
struct Shard {
    slots: Vec<Slot>,
    arena: Vec<u8>,
    live: usize,
    /// Slots that are not empty, removed ones included.
    used: usize,
    garbage_bytes: usize,
}

/// The id of a number of the dictionary.
fn id_of(ids: &[u128], number: u32) -> u128 {
    ids.get(number as usize).copied().unwrap_or_default()
}

/// The links as readers see them.
#[derive(Debug)]
pub struct LinkTable {
    shards: Box<[RwLock<Shard>]>,
    /// Repeating ids by their small numbers.
    ids: RwLock<Vec<u128>>,
    /// Links by the hash of tenant and wildcard code: hashes of their own keys.
    wildcards: RwLock<HashMap<u64, Vec<u64>>>,
    hasher: SipHasher13,
    count: std::sync::atomic::AtomicUsize,
}

/// What only the thread that changes the table needs.
#[derive(Debug, Default)]
pub struct TableWriter {
    numbers: HashMap<u128, u32>,
    /// Key hash of every link by its id.
    keys: HashMap<LinkId, u64>,
}

impl Shard {
    fn index(tag: u32, mask: usize) -> usize {
        tag as usize & mask
    }

    fn packed(&self, place: u32) -> Option<Packed<'_>> {
        let bytes = self.arena.get(place as usize - 1..)?;
        postcard::take_from_bytes::<Packed<'_>>(bytes).ok().map(|(packed, _)| packed)
    }

    /// The first link with this tag that `is_it`, and its slot.
    fn find(
        &self,
        tag: u32,
        mut is_it: impl FnMut(&Packed<'_>) -> bool,
    ) -> Option<(usize, Packed<'_>)> {
        let mask = self.slots.len().checked_sub(1)?;
        let mut at = Self::index(tag, mask);
        // A quarter of the slots is always empty, so the walk ends.
        loop {
            let slot = self.slots[at];
            if slot.place == 0 {
                return None;
            }
            if slot.place != REMOVED
                && slot.tag == tag
                && let Some(packed) = self.packed(slot.place)
                && is_it(&packed)
            {
                return Some((at, packed));
            }
            at = (at + 1) & mask;
        }
    }

    fn insert(&mut self, tag: u32, bytes: &[u8]) {
        if (self.used + 1) * 4 > self.slots.len() * 3 {
            self.grow();
        }
        let Ok(place) = u32::try_from(self.arena.len() + 1) else { return };
        self.arena.extend_from_slice(bytes);
        Self::occupy(&mut self.slots, Slot { tag, place });
        self.used += 1;
        self.live += 1;
    }

    fn occupy(slots: &mut [Slot], slot: Slot) {
        let mask = slots.len() - 1;
        let mut at = Self::index(slot.tag, mask);
        while slots[at].place != 0 {
            at = (at + 1) & mask;
        }
        slots[at] = slot;
    }

    fn grow(&mut self) {
        let mut slots = vec![Slot::default(); ((self.live + 1) * 2).next_power_of_two().max(8)];
        let live = self.slots.iter().filter(|slot| slot.place != 0 && slot.place != REMOVED);
        live.for_each(|slot| Self::occupy(&mut slots, *slot));
        self.slots = slots;
        self.used = self.live;
    }

    fn remove(&mut self, at: usize, bytes: usize) {
        self.slots[at].place = REMOVED;
        self.live -= 1;
        self.garbage_bytes += bytes;
        if self.garbage_bytes > GARBAGE_BYTES_MIN && self.garbage_bytes > self.arena.len() / 2 {
            self.tidy();
        }
    }

    /// Writes the arena anew without what is left behind.
    fn tidy(&mut self) {
        let mut arena = Vec::with_capacity(self.arena.len() - self.garbage_bytes);
        for slot in self.slots.iter_mut().filter(|slot| slot.place != 0 && slot.place != REMOVED) {
            let start = slot.place as usize - 1;
            let bytes = &self.arena[start..start + packed_bytes(&self.arena[start..])];
            slot.place = u32::try_from(arena.len() + 1).unwrap_or(REMOVED);
            arena.extend_from_slice(bytes);
        }
        self.arena = arena;
        self.garbage_bytes = 0;
    }
}

/// How long the link is that these bytes begin with.
fn packed_bytes(bytes: &[u8]) -> usize {
    postcard::take_from_bytes::<Packed<'_>>(bytes).map_or(0, |(_, rest)| bytes.len() - rest.len())
}

fn tag(hash: u64) -> u32 {
    // The low byte picks the shard; tag and shard together use bits that differ.
    u32::try_from(hash >> 32).unwrap_or_default()
}

impl LinkTable {
    /// An empty table whose hashes are keyed with `seed`.
    #[must_use]
    pub fn new(seed: [u64; 2]) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| RwLock::default()).collect(),
            ids: RwLock::default(),
            wildcards: RwLock::default(),
            hasher: SipHasher13::new_with_keys(seed[0], seed[1]),
            count: std::sync::atomic::AtomicUsize::new(0),
        }
    }

    /// The hash under which a link is kept, here and in the caches.
    #[must_use]
    pub fn key_hash(&self, tenant: TenantId, slug: &str) -> u64 {
        let mut hasher = self.hasher;
        hasher.write_u128(tenant.0);
        hasher.write(slug.as_bytes());
        hasher.finish()
    }

    /// The table's keyed hasher, for other keys that nobody outside may aim at.
    #[must_use]
    pub fn hasher(&self) -> SipHasher13 {
        self.hasher
    }

    fn shard(&self, hash: u64) -> &RwLock<Shard> {
        #[expect(clippy::cast_possible_truncation, reason = "the low bits pick the shard")]
        let number = hash as usize % SHARDS;
        &self.shards[number]
    }

    /// What `read` makes of the link with this slug, in lower case; called at most once, under the
    /// lock of a shard.
    pub fn read<T>(
        &self,
        hash: u64,
        (tenant, slug): (TenantId, &str),
        read: impl FnOnce(Row<'_>) -> T,
    ) -> Option<T> {
        let shard = self.shard(hash).read();
        let ids = self.ids.read();
        let is_it =
            |packed: &Packed<'_>| packed.slug == slug && id_of(&ids, packed.tenant) == tenant.0;
        let (_, packed) = shard.find(tag(hash), is_it)?;
        unpack(&packed, &ids).map(read)
    }

    /// The link with this slug, in lower case.
    #[must_use]
    pub fn get(&self, hash: u64, tenant: TenantId, slug: &str) -> Option<Link> {
        self.read(hash, (tenant, slug), |row| row.into())
    }

    /// The wildcard links of a publisher, by its code: one per campaign it is enrolled in.
    #[must_use]
    pub fn wildcards(&self, tenant: TenantId, code: &str) -> Vec<Link> {
        let code = code.to_ascii_lowercase();
        let hashes =
            self.wildcards.read().get(&self.key_hash(tenant, &code)).cloned().unwrap_or_default();
        let mut links = Vec::with_capacity(hashes.len());
        for hash in hashes {
            let shard = self.shard(hash).read();
            let ids = self.ids.read();
            let is_it = |packed: &Packed<'_>| {
                id_of(&ids, packed.tenant) == tenant.0
                    && packed.wildcard_code.is_some_and(|held| held.eq_ignore_ascii_case(&code))
            };
            let found = shard.find(tag(hash), is_it);
            links.extend(found.and_then(|(_, packed)| unpack(&packed, &ids)).map(Link::from));
        }
        links
    }

    /// Calls `each` with every link, in no order.
    pub fn for_each(&self, mut each: impl FnMut(Row<'_>)) {
        for shard in &self.shards {
            let shard = shard.read();
            let ids = self.ids.read();
            for slot in shard.slots.iter().filter(|slot| slot.place != 0 && slot.place != REMOVED) {
                if let Some(row) = shard.packed(slot.place).as_ref().and_then(|it| unpack(it, &ids))
                {
                    each(row);
                }
            }
        }
    }

    /// How many links there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Bytes held by arenas and indexes.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        let held = |shard: &RwLock<Shard>| {
            let shard = shard.read();
            shard.arena.capacity() + shard.slots.capacity() * size_of::<Slot>()
        };
        self.shards.iter().map(held).sum()
    }
}

fn unpack<'a>(packed: &Packed<'a>, ids: &[u128]) -> Option<Row<'a>> {
    Some(Row {
        id: LinkId(u128::from_le_bytes(packed.id)),
        number: LinkNumber(packed.number),
        tenant: TenantId(id_of(ids, packed.tenant)),
        campaign: CampaignId(id_of(ids, packed.campaign)),
        offer: packed.offer.map(|number| OfferId(id_of(ids, number))),
        publisher: PublisherId(id_of(ids, packed.publisher)),
        domain: packed.domain.map(|number| DomainId(id_of(ids, number))),
        slug: packed.slug,
        destination: packed.destination,
        fallback_url: packed.fallback_url,
        expires_at: packed.expires_at.map(Timestamp),
        state: LinkState::from_code(packed.state)?,
        wildcard_code: packed.wildcard_code,
    })
}

impl TableWriter {
    fn number(&mut self, table: &LinkTable, id: u128) -> u32 {
        *self.numbers.entry(id).or_insert_with(|| {
            let mut ids = table.ids.write();
            ids.push(id);
            u32::try_from(ids.len() - 1).unwrap_or(u32::MAX)
        })
    }

    /// Puts a link in the place of the one with its id or its slug.
    pub fn put(&mut self, table: &LinkTable, link: &Link) {
        self.remove(table, link.id);
        let hash = table.key_hash(link.tenant, &link.slug);
        if let Some(other) = table.get(hash, link.tenant, &link.slug) {
            self.remove(table, other.id);
        }
        let packed = Packed {
            id: link.id.0.to_le_bytes(),
            number: link.number.0,
            tenant: self.number(table, link.tenant.0),
            campaign: self.number(table, link.campaign.0),
            offer: link.offer.map(|offer| self.number(table, offer.0)),
            publisher: self.number(table, link.publisher.0),
            domain: link.domain.map(|domain| self.number(table, domain.0)),
            slug: &link.slug,
            destination: link.destination.as_deref(),
            fallback_url: link.fallback_url.as_deref(),
            expires_at: link.expires_at.map(|at| at.0),
            state: link.state.code(),
            wildcard_code: link.wildcard_code.as_deref(),
        };
        let bytes = postcard::to_allocvec(&packed).unwrap_or_default();
        table.shard(hash).write().insert(tag(hash), &bytes);
        if let Some(code) = &link.wildcard_code {
            let code = table.key_hash(link.tenant, &code.to_ascii_lowercase());
            table.wildcards.write().entry(code).or_default().push(hash);
        }
        self.keys.insert(link.id, hash);
        table.count.store(self.keys.len(), std::sync::atomic::Ordering::Relaxed);
    }

    /// Removes a link, if it is there.
    pub fn remove(&mut self, table: &LinkTable, id: LinkId) {
        let Some(hash) = self.keys.remove(&id) else { return };
        let mut shard = table.shard(hash).write();
        let bits = id.0.to_le_bytes();
        if let Some((at, packed)) = shard.find(tag(hash), |packed| packed.id == bits) {
            let tenant = TenantId(id_of(&table.ids.read(), packed.tenant));
            let code =
                packed.wildcard_code.map(|code| table.key_hash(tenant, &code.to_ascii_lowercase()));
            let bytes = packed_bytes(&shard.arena[shard.slots[at].place as usize - 1..]);
            shard.remove(at, bytes);
            drop(shard);
            if let Some(code) = code {
                forget_wildcard(table, code, hash);
            }
        }
        table.count.store(self.keys.len(), std::sync::atomic::Ordering::Relaxed);
    }
}

fn forget_wildcard(table: &LinkTable, code: u64, hash: u64) {
    let mut wildcards = table.wildcards.write();
    if let Some(hashes) = wildcards.get_mut(&code) {
        if let Some(at) = hashes.iter().position(|held| *held == hash) {
            hashes.remove(at);
        }
        if hashes.is_empty() {
            wildcards.remove(&code);
        }
    }
}

#[cfg(test)]
mod tests;
