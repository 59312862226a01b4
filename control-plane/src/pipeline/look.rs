//! Everything a batch reads before its unit of work opens: objects under their versions, known
//! orders, touches. It is one consistent view; what decides money in it is checked again inside.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;
use std::collections::HashSet;

use model::click_id::KeyRing;
use model::id::TenantId;
use parking_lot::Mutex;
use store::business_keys::OrderKey;
use store::conversions::Conversion;
use store::error::StoreResult;
use store::touches::Touch;
use store::unit::BatchTx;
use store::unit::Store;

use super::PipelineError;
use super::objects::Needs;
use super::objects::TenantObjects;
use super::parcel::Content;
use super::parcel::Parcel;

/// What is kept between batches.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    tenants: HashMap<TenantId, TenantObjects>,
    ring: Option<(i64, KeyRing)>,
}

/// What one batch sees.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) ring: KeyRing,
    pub(crate) tenants: BTreeMap<TenantId, TenantView>,
    ring_version: i64,
}

/// What one batch sees of one tenant.
#[derive(Debug)]
pub(crate) struct TenantView {
    pub(crate) objects: TenantObjects,
    /// Conversions with an order number of the batch, in any order space.
    pub(crate) orders: Vec<Conversion>,
    pub(crate) known: HashSet<OrderKey>,
    /// By customer, earliest first.
    pub(crate) touches: HashMap<String, Vec<Touch>>,
}

impl View {
    /// Begins the view of a batch: versions, key ring, integrations.
    ///
    /// # Errors
    /// [`PipelineError::Wait`] while no click key was ever made: nothing can have been clicked, so
    /// records wait.
    pub(crate) async fn begin(
        store: &Store,
        memory: &Mutex<Memory>,
        parcels: &[Parcel],
    ) -> Result<Self, PipelineError> {
        let mut tx = store.read_batch().await?;
        let (kept, mut objects) = {
            let mut memory = memory.lock();
            let tenants: BTreeSet<TenantId> =
                parcels.iter().map(|parcel| parcel.inbound.tenant).collect();
            let taken: Vec<_> = tenants.iter().map(|id| (*id, memory.tenants.remove(id))).collect();
            (memory.ring.clone(), taken)
        };
        let ring_version = tx.credit_keys().ring_version().await?;
        let ring = match kept {
            Some((version, ring)) if version == ring_version => ring,
            _ => tx.credit_keys().ring().await?.ok_or(PipelineError::Wait)?,
        };
        let mut tenants = BTreeMap::new();
        for (tenant, kept) in objects.drain(..) {
            let version = tx.credit(tenant).version().await?;
            let mut objects = match kept {
                Some(kept) if !kept.is_stale(version) => kept,
                _ => TenantObjects::begin(&mut tx, tenant).await?,
            };
            let own = parcels.iter().filter(|parcel| parcel.inbound.tenant == tenant);
            let integrations = own.map(|parcel| parcel.inbound.integration);
            objects.load_integrations(&mut tx.credit(tenant), integrations).await?;
            let view = TenantView {
                objects,
                orders: Vec::new(),
                known: HashSet::new(),
                touches: HashMap::new(),
            };
            tenants.insert(tenant, view);
        }
        tx.cancel().await?;
        Ok(Self { ring, tenants, ring_version })
    }

    /// Reads what the claims of the parcels name.
    pub(crate) async fn load(&mut self, store: &Store, parcels: &[Parcel]) -> StoreResult<()> {
        let mut tx = store.read_batch().await?;
        for (tenant, view) in &mut self.tenants {
            let own: Vec<&Parcel> =
                parcels.iter().filter(|parcel| parcel.inbound.tenant == *tenant).collect();
            view.load(&mut tx, *tenant, (&own, &self.ring)).await?;
        }
        tx.cancel().await
    }

    /// Gives the objects back for the next batch.
    pub(crate) fn keep(self, memory: &Mutex<Memory>) {
        let mut memory = memory.lock();
        memory.ring = Some((self.ring_version, self.ring));
        for (tenant, view) in self.tenants {
            memory.tenants.insert(tenant, view.objects);
        }
    }
}

impl TenantView {
    async fn load(
        &mut self,
        tx: &mut BatchTx,
        tenant: TenantId,
        (parcels, ring): (&[&Parcel], &KeyRing),
    ) -> StoreResult<()> {
        let mut needs = Needs::default();
        let mut customers = BTreeSet::new();
        let mut refs = BTreeSet::new();
        for parcel in parcels {
            needs.advertisers.extend(parcel.integration.as_ref().and_then(|own| own.advertiser));
            let Content::Claims(claims) = &parcel.content else { continue };
            for told in claims {
                for (id, facts) in told.keys.good_clicks() {
                    needs.numbers.insert(facts.link);
                    if facts.flags.has_user {
                        needs.user_clicks.insert(id.to_string());
                    }
                }
                needs.slugs.extend(told.keys.slugs().cloned());
                needs.coupons.extend(told.keys.coupon.clone());
                customers.extend(told.claim.customer_ref.clone());
                refs.insert(told.order.order_ref.clone());
            }
        }
        self.objects.load(&mut tx.credit(tenant), &needs).await?;
        let refs: Vec<String> = refs.into_iter().collect();
        self.orders = tx.conversions(tenant).of_orders(&refs).await?;
        self.known = self.orders.iter().map(|row| row.order.clone()).collect();
        if customers.is_empty() {
            return Ok(());
        }
        // Touches lead to links that no claim of this batch names.
        let customers: Vec<String> = customers.into_iter().collect();
        let advertisers = self.objects.advertisers();
        let mut more = Needs::default();
        self.touches.clear();
        for touch in tx.touches(tenant).of_customers(&advertisers, &customers).await? {
            if let Ok((id, facts)) = ring.read(&touch.click_id) {
                more.numbers.insert(facts.link);
                if facts.flags.has_user {
                    more.user_clicks.insert(id.to_string());
                }
            }
            self.touches.entry(touch.customer_key.clone()).or_default().push(touch);
        }
        self.objects.load(&mut tx.credit(tenant), &more).await
    }
}
