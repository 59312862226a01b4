//! Inbound into claims, through the adapter of its integration.
//!
//! Before a claim leaves this room, persons in it are replaced by keyed hashes and its URLs are cut
//! to what attribution reads: neither is ever stored as it came, but in the raw bytes.

use std::collections::BTreeMap;
use std::sync::Arc;

use hmac::Hmac;
use hmac::Mac;
use model::claim::Action;
use model::claim::Claim;
use model::claim::ClaimStatus;
use model::claim::Item;
use model::click_id::KeyRing;
use model::clock::Timestamp;
use model::id::IntegrationId;
use model::id::TenantId;
use model::inbound::Channel;
use model::inbound::Inbound;
use model::money::Currency;
use model::outcome::Outcome;
use model::outcome::Reason;
use plugin_host::AdaptError;
use plugin_host::CallError;
use plugin_host::PluginHost;
use plugin_host::RefusalReason;
use sha2::Sha256;
use store::business_keys::OrderKey;
use store::credit::CreditIntegration;

use super::PipelineError;
use super::attribute::Keys;
use super::clicks;
use super::look::View;
use super::parcel::Clicked;
use super::parcel::Content;
use super::parcel::End;
use super::parcel::Finding;
use super::parcel::Parcel;
use super::parcel::Told;

/// Longest order number, in bytes; longer ones are a sender's mistake, not an order.
const ORDER_REF_BYTES_MAX: usize = 128;

/// What adapting needs beside the parcels.
#[derive(Clone, Copy)]
pub(crate) struct Bench<'a> {
    pub(crate) plugins: &'a PluginHost,
    pub(crate) ring: &'a KeyRing,
    pub(crate) pepper: &'a [u8; 32],
}

/// Fills in the content of every parcel that is still without one, one call per integration.
///
/// # Errors
/// [`PipelineError::Wait`] while an adapter is being compiled: the records wait where they are.
pub(crate) async fn adapt(
    bench: Bench<'_>,
    view: &View,
    parcels: &mut [Parcel],
) -> Result<(), PipelineError> {
    let mut calls: BTreeMap<(TenantId, IntegrationId), Vec<usize>> = BTreeMap::new();
    for (position, parcel) in parcels.iter_mut().enumerate() {
        if !matches!(parcel.content, Content::Unread) {
            continue;
        }
        let (tenant, id) = (parcel.inbound.tenant, parcel.inbound.integration);
        let known = view.tenants.get(&tenant).and_then(|seen| seen.objects.integration(id));
        parcel.integration = known.cloned();
        if let (Some(clicked), Some(door)) = (&parcel.clicked, known) {
            parcel.content = match of_click(bench.ring, clicked, door) {
                Ok(told) => Content::Claims(vec![told]),
                Err(end) => Content::Ended(end),
            };
            continue;
        }
        if known.is_some() {
            calls.entry((tenant, id)).or_default().push(position);
        } else {
            let end = End::held_by_adapter("its integration is not known");
            parcel.content = Content::Ended(end);
        }
    }
    for ((tenant, _), positions) in calls {
        let Some(integration) = parcels[positions[0]].integration.clone() else { continue };
        let batch = positions.iter().map(|&at| guest_inbound(&parcels[at].inbound)).collect();
        let (adapter, config) = (&integration.adapter, &integration.config);
        match bench.plugins.adapt(adapter, &tenant.to_string(), config, batch).await {
            Ok(reply) => {
                for (&at, adapted) in positions.iter().zip(reply.results) {
                    let parcel = &mut parcels[at];
                    parcel.plugin = Some(Arc::clone(&reply.plugin));
                    parcel.content = read(bench, parcel, &integration, adapted);
                }
            }
            Err(CallError::NotReady | CallError::Busy) => return Err(PipelineError::Wait),
            Err(CallError::Stopped) => return Err(PipelineError::Stopped),
            Err(error) => {
                for at in positions {
                    let end = End::held_by_adapter(format!("{adapter}: {error}"));
                    parcels[at].content = Content::Ended(end);
                }
            }
        }
    }
    Ok(())
}

fn guest_inbound(inbound: &Inbound) -> plugin_host::Inbound {
    let pair = |(name, value): &(Box<str>, Box<str>)| plugin_host::Pair {
        name: name.to_string(),
        value: value.to_string(),
    };
    plugin_host::Inbound {
        channel: match inbound.channel {
            Channel::Postback => plugin_host::Channel::Postback,
            Channel::Event => plugin_host::Channel::Event,
            Channel::Pixel => plugin_host::Channel::Pixel,
            Channel::Import => plugin_host::Channel::Import,
            Channel::Poll => plugin_host::Channel::Poll,
        },
        received_at_us: inbound.received_at.0,
        method: match &*inbound.method {
            "GET" => plugin_host::Method::Get,
            "POST" => plugin_host::Method::Post,
            _ => plugin_host::Method::None,
        },
        path: inbound.path.to_string(),
        query: inbound.query.to_string(),
        headers: inbound.headers.iter().map(pair).collect(),
        body: inbound.body.clone(),
    }
}

fn read(
    bench: Bench<'_>,
    parcel: &Parcel,
    integration: &CreditIntegration,
    adapted: plugin_host::Adapted,
) -> Content {
    let guests = match adapted {
        Ok(guests) => guests,
        Err(AdaptError::Refused(refusal)) => {
            return Content::Ended(refused(integration, &refusal));
        }
        Err(AdaptError::Failed(error)) => {
            let end = End::held_by_adapter(format!("{}: {error}", integration.adapter));
            return Content::Ended(end);
        }
    };
    let mut told = Vec::with_capacity(guests.len());
    for (index, guest) in (0_i64..).zip(guests) {
        match tell(bench, parcel, integration, (index, guest)) {
            Ok(one) => told.push(one),
            Err(end) => return Content::Ended(end),
        }
    }
    Content::Claims(told)
}

/// A click that may earn, as the claim that nobody has to make.
fn of_click(ring: &KeyRing, clicked: &Clicked, door: &CreditIntegration) -> Result<Told, End> {
    let action = clicks::action_of(clicked.id.unchecked().flags.kind);
    let text = clicked.id.to_string();
    let guest = plugin_host::Claim {
        action: plugin_host::Action::Custom,
        custom_action: Some(action.to_string()),
        order_ref: Some(text.clone()),
        status: Some(plugin_host::Status::Approved),
        click_ids: vec![text.clone()],
        line: None,
        amount: None,
        currency: None,
        charge: None,
        raw_status: None,
        occurred_at_us: None,
        updated_at_us: None,
        coupon_code: None,
        ref_code: None,
        landing_url: None,
        referrer: None,
        customer_ref: None,
        items: Vec::new(),
        test: false,
    };
    let claim = from_guest(&guest)?;
    let order = OrderKey {
        order_space: door.order_space.clone(),
        order_ref: text,
        line: String::new(),
        action: action.to_string(),
    };
    let keys = Keys::of(&guest, ring);
    let (touches, finding) = (Vec::new(), Finding::Open);
    Ok(Told { index: 0, claim, guest, order, keys, touches, finding })
}

fn refused(integration: &CreditIntegration, refusal: &plugin_host::Refusal) -> End {
    let end = match refusal.reason {
        RefusalReason::ParseError => End::new(Outcome::Malformed, Reason::ParseError),
        RefusalReason::BadAmount => End::new(Outcome::Malformed, Reason::BadAmount),
        RefusalReason::CurrencyMissing => End::new(Outcome::Unmatched, Reason::CurrencyMissing),
        RefusalReason::NoAttributionKey => {
            End::new(Outcome::Unmatched, super::attribute::nothing_reason(integration))
        }
        RefusalReason::TestMode => End::new(Outcome::Ignored, Reason::TestMode),
        RefusalReason::Ignored => End::plain(Outcome::Ignored),
    };
    end.explained(refusal.detail.as_str())
}

fn tell(
    bench: Bench<'_>,
    parcel: &Parcel,
    integration: &CreditIntegration,
    (index, mut guest): (i64, plugin_host::Claim),
) -> Result<Told, End> {
    if guest.order_ref.as_ref().is_some_and(|text| text.len() > ORDER_REF_BYTES_MAX) {
        let end = End::new(Outcome::Malformed, Reason::ParseError);
        return Err(end.explained("order number is too long"));
    }
    let tenant = parcel.inbound.tenant;
    guest.customer_ref = guest.customer_ref.map(|text| hide_person(bench.pepper, tenant, text));
    let keys = Keys::of(&guest, bench.ring);
    guest.landing_url = guest.landing_url.map(|url| super::attribute::cut_url(&url));
    guest.referrer = guest.referrer.map(|url| super::attribute::cut_url(&url));
    let claim = from_guest(&guest)?;
    let order_ref = match (&claim.order_ref, keys.first_good_click()) {
        (Some(order_ref), _) => order_ref.clone(),
        (None, Some(click)) => format!("click:{click}"),
        (None, None) => format!("event:{}", parcel.inbound.event_id),
    };
    let order = OrderKey {
        order_space: integration.order_space.clone(),
        order_ref,
        line: claim.line.clone().unwrap_or_default(),
        action: Told::action_word(&claim),
    };
    let (touches, finding) = (Vec::new(), Finding::Open);
    Ok(Told { index, claim, guest, order, keys, touches, finding })
}

fn from_guest(guest: &plugin_host::Claim) -> Result<Claim, End> {
    let currency = match &guest.currency {
        Some(code) => Some(Currency::parse(code).map_err(|error| {
            End::new(Outcome::Malformed, Reason::BadAmount).explained(error.to_string())
        })?),
        None => None,
    };
    let item = |item: &plugin_host::Item| Item {
        sku: item.sku.clone(),
        quantity: item.quantity,
        unit_amount: item.unit_amount.clone(),
        category: item.category.clone(),
    };
    let status = guest
        .status
        .map_or(Some(ClaimStatus::Absent), |status| ClaimStatus::parse(status.as_str()));
    Ok(Claim {
        action: Action::parse(guest.action.as_str()).unwrap_or(Action::Custom),
        custom_action: guest.custom_action.clone(),
        order_ref: guest.order_ref.clone(),
        line: guest.line.clone(),
        amount: guest.amount.clone(),
        currency,
        charge: guest.charge.clone(),
        status: status.unwrap_or(ClaimStatus::Unmapped),
        raw_status: guest.raw_status.clone(),
        occurred_at: guest.occurred_at_us.map(Timestamp),
        updated_at: guest.updated_at_us.map(Timestamp),
        click_ids: guest.click_ids.clone(),
        coupon_code: guest.coupon_code.clone(),
        ref_code: guest.ref_code.clone(),
        landing_url: guest.landing_url.clone(),
        referrer: guest.referrer.clone(),
        customer_ref: guest.customer_ref.clone(),
        items: guest.items.iter().map(item).collect(),
        is_test: guest.test,
    })
}

/// Opaque names stay; an e-mail address or a telephone number becomes a hash that only this tenant
/// can make again.
fn hide_person(pepper: &[u8; 32], tenant: TenantId, text: String) -> String {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let is_phone = digits >= 10
        && text
            .bytes()
            .all(|letter| matches!(letter, b'0'..=b'9' | b'+' | b'-' | b' ' | b'(' | b')'))
        && (text.starts_with('+') || digits == 11 || digits == 12);
    if !text.contains('@') && !is_phone {
        return text;
    }
    let folded: String = if is_phone {
        text.chars().filter(char::is_ascii_digit).collect()
    } else {
        text.to_lowercase()
    };
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(pepper) else { return String::new() };
    mac.update(&tenant.0.to_be_bytes());
    mac.update(folded.as_bytes());
    let hash = mac.finalize().into_bytes();
    hash[..16].iter().fold("h:".to_owned(), |text, byte| text + &format!("{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn persons_are_hashed_and_opaque_names_stay() {
        let hide = |text: &str| hide_person(&[7; 32], TenantId(1), text.to_owned());
        assert_eq!(hide("cust-77"), "cust-77");
        assert_eq!(hide("12345"), "12345");
        assert!(hide("a@b.kz").starts_with("h:"));
        assert_eq!(hide("A@b.kz"), hide("a@B.kz"));
        assert_eq!(hide("+7 (701) 123-45-67"), hide("77011234567"));
        assert_ne!(hide("a@b.kz"), hide_person(&[7; 32], TenantId(2), "a@b.kz".to_owned()));
    }
}
