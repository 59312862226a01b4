//! What a changed conversion tells the rollups and the outbox.

use std::collections::BTreeMap;

use model::conversion::ConversionStatus;
use plugin_host::PluginIdentity;
use serde_json::Value as Json;
use serde_json::json;
use store::conversions::Conversion;
use store::outcomes::NewOutcome;
use store::rollups::ConversionKey;
use store::rollups::ConversionSums;
use store::rollups::bucket_of;

/// What a conversion counts for in the rollups.
pub(crate) fn counted(row: &Conversion) -> ConversionSums {
    if !matches!(row.status, ConversionStatus::Pending | ConversionStatus::Approved) {
        return ConversionSums::default();
    }
    let same_currency = row.order_currency == row.split.charge.currency;
    ConversionSums {
        conversions: 1,
        gmv: row.order_amount_minor.filter(|_| same_currency).unwrap_or(0),
        charge: row.split.charge.minor,
        commission: row.split.commission.minor,
        net: row.split.net.minor,
    }
}

/// The sums a conversion belongs to.
pub(crate) fn rollup_key(row: &Conversion) -> ConversionKey {
    ConversionKey {
        bucket: bucket_of(row.claimed_at),
        advertiser: row.advertiser,
        campaign: row.campaign,
        offer: row.offer,
        publisher: row.publisher,
        link: row.link,
        currency: row.split.charge.currency,
    }
}

/// An adapter as explanations and the debugger show it.
pub(super) fn plugin_json(plugin: &PluginIdentity) -> Json {
    json!({"name": plugin.name, "version": plugin.version, "sha256": plugin.sha256})
}

/// A conversion as the outbox tells it; whoever ships it adds the explanation, which never changes.
pub(crate) fn outcome_of(row: &Conversion) -> NewOutcome {
    let body = json!({
        "v": 1,
        "id": row.id.to_string(),
        "status": row.status.as_str(),
        "order_ref": row.order.order_ref,
        "advertiser_id": row.advertiser.to_string(),
        "campaign_id": row.campaign.to_string(),
        "publisher_id": row.publisher.to_string(),
        "link_id": row.link.map(|id| id.to_string()),
        "charge": row.split.charge.amount(),
        "net": row.split.net.amount(),
        "currency": row.split.charge.currency.code(),
        "revision": row.revision,
    });
    NewOutcome { conversion: row.id, status: row.status, body: body.to_string() }
}

/// Adds what a conversion counts for now, less what it counted for before.
pub(crate) fn add_difference(
    sums: &mut BTreeMap<ConversionKey, ConversionSums>,
    row: &Conversion,
    before: ConversionSums,
) {
    let after = counted(row);
    if after == before {
        return;
    }
    let sum = sums.entry(rollup_key(row)).or_default();
    sum.conversions += after.conversions - before.conversions;
    sum.gmv += after.gmv - before.gmv;
    sum.charge += after.charge - before.charge;
    sum.commission += after.commission - before.commission;
    sum.net += after.net - before.net;
}
