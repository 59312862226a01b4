//! Version 1 of clicks and inbound. Never edited once released.

use std::borrow::Cow;

use serde::Deserialize;
use serde::Serialize;

use crate::click::Click;
use crate::click::FilteredReason;
use crate::click::IpPrefix;
use crate::click::SuspectReason;
use crate::click_id::CLICK_ID_BYTES;
use crate::click_id::ClickId;
use crate::clock::Timestamp;
use crate::id::CampaignId;
use crate::id::EventId;
use crate::id::IntegrationId;
use crate::id::LinkId;
use crate::id::OfferId;
use crate::id::PublisherId;
use crate::id::TenantId;
use crate::inbound::Channel;
use crate::inbound::Inbound;
use crate::inbound::RefusedReason;
use crate::wire::WireError;

#[derive(Serialize, Deserialize)]
enum PrefixV1 {
    V4([u8; 3]),
    V6([u8; 6]),
}

impl From<IpPrefix> for PrefixV1 {
    fn from(prefix: IpPrefix) -> Self {
        match prefix {
            IpPrefix::V4(bytes) => Self::V4(bytes),
            IpPrefix::V6(bytes) => Self::V6(bytes),
        }
    }
}

impl From<PrefixV1> for IpPrefix {
    fn from(prefix: PrefixV1) -> Self {
        match prefix {
            PrefixV1::V4(bytes) => Self::V4(bytes),
            PrefixV1::V6(bytes) => Self::V6(bytes),
        }
    }
}

/// The value of an optional code; a code outside its set is an error, not silence.
fn word<T>(code: Option<u8>, from_code: fn(u8) -> Option<T>) -> Result<Option<T>, WireError> {
    code.map(|code| from_code(code).ok_or(WireError::Code(code))).transpose()
}

/// Ids are fixed bytes rather than varints: random bits do not compress.
type Bits = [u8; 16];

/// A click: ids of fixed length, then the rest.
#[derive(Deserialize)]
pub(super) struct ClickV1<'a> {
    #[serde(borrow)]
    click_id: &'a [u8],
    tenant: Bits,
    link: Bits,
    campaign: Bits,
    offer: Bits,
    publisher: Bits,
    rest: ClickRestV1<'a>,
}

/// What follows the ids of a click.
#[derive(Serialize, Deserialize)]
struct ClickRestV1<'a> {
    slug: &'a str,
    domain: &'a str,
    visitor: u64,
    ip_prefix: Option<PrefixV1>,
    country: Option<&'a str>,
    user_agent: &'a str,
    language: &'a str,
    referrer: &'a str,
    #[serde(borrow)]
    params: Vec<(&'a str, &'a str)>,
    unique: bool,
    filtered: Option<u8>,
    suspect: Option<u8>,
    user_id: Option<&'a str>,
}

/// Appends a click.
///
/// # Why the ids are laid by hand
///
/// Serde knows an array of bytes only as so many single values, and hands eighty of them over one
/// by one on every redirect. Here they are copied; the bytes are the same.
pub(super) fn put_click(click: &Click<'_>, mut bytes: Vec<u8>) -> Vec<u8> {
    const {
        assert!(CLICK_ID_BYTES < 0x80, "a length below 128 is one byte");
    }
    bytes.push(CLICK_ID_BYTES.to_le_bytes()[0]);
    bytes.extend_from_slice(&click.click_id.0);
    for id in [click.tenant.0, click.link.0, click.campaign.0, click.offer.0, click.publisher.0] {
        bytes.extend_from_slice(&id.to_be_bytes());
    }
    // Writing into a Vec cannot fail, and no value here has a length that serde does not know.
    postcard::to_extend(&ClickRestV1::from(click), bytes).unwrap_or_default()
}

impl<'a> From<&'a Click<'_>> for ClickRestV1<'a> {
    fn from(click: &'a Click<'_>) -> Self {
        Self {
            slug: &click.slug,
            domain: &click.domain,
            visitor: click.visitor,
            ip_prefix: click.ip_prefix.map(PrefixV1::from),
            country: click.country.as_deref(),
            user_agent: &click.user_agent,
            language: &click.language,
            referrer: &click.referrer,
            params: click.params.iter().map(|(name, value)| (&**name, &**value)).collect(),
            unique: click.unique,
            filtered: click.filtered.map(FilteredReason::code),
            suspect: click.suspect.map(SuspectReason::code),
            user_id: click.user_id.as_deref(),
        }
    }
}

impl<'a> TryFrom<ClickV1<'a>> for Click<'a> {
    type Error = WireError;

    fn try_from(wire: ClickV1<'a>) -> Result<Self, WireError> {
        let click_id: [u8; CLICK_ID_BYTES] =
            wire.click_id.try_into().map_err(|_| WireError::Form)?;
        let borrowed = |(name, value)| (Cow::Borrowed(name), Cow::Borrowed(value));
        let rest = wire.rest;
        Ok(Self {
            click_id: ClickId(click_id),
            tenant: TenantId(u128::from_be_bytes(wire.tenant)),
            link: LinkId(u128::from_be_bytes(wire.link)),
            campaign: CampaignId(u128::from_be_bytes(wire.campaign)),
            offer: OfferId(u128::from_be_bytes(wire.offer)),
            publisher: PublisherId(u128::from_be_bytes(wire.publisher)),
            slug: Cow::Borrowed(rest.slug),
            domain: Cow::Borrowed(rest.domain),
            visitor: rest.visitor,
            ip_prefix: rest.ip_prefix.map(IpPrefix::from),
            country: rest.country.map(Cow::Borrowed),
            user_agent: Cow::Borrowed(rest.user_agent),
            language: Cow::Borrowed(rest.language),
            referrer: Cow::Borrowed(rest.referrer),
            params: rest.params.into_iter().map(borrowed).collect(),
            unique: rest.unique,
            filtered: word(rest.filtered, FilteredReason::from_code)?,
            suspect: word(rest.suspect, SuspectReason::from_code)?,
            user_id: rest.user_id.map(Cow::Borrowed),
        })
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct InboundV1<'a> {
    event_id: Bits,
    tenant: Bits,
    integration: Bits,
    channel: u8,
    received_at: i64,
    method: &'a str,
    path: &'a str,
    query: &'a str,
    #[serde(borrow)]
    headers: Vec<(&'a str, &'a str)>,
    body: &'a [u8],
    remote_prefix: Option<PrefixV1>,
    is_signed: bool,
    refused: Option<u8>,
}

impl<'a> From<&'a Inbound> for InboundV1<'a> {
    fn from(inbound: &'a Inbound) -> Self {
        Self {
            event_id: inbound.event_id.0.to_be_bytes(),
            tenant: inbound.tenant.0.to_be_bytes(),
            integration: inbound.integration.0.to_be_bytes(),
            channel: inbound.channel.code(),
            received_at: inbound.received_at.0,
            method: &inbound.method,
            path: &inbound.path,
            query: &inbound.query,
            headers: inbound.headers.iter().map(|(name, value)| (&**name, &**value)).collect(),
            body: &inbound.body,
            remote_prefix: inbound.remote_prefix.map(PrefixV1::from),
            is_signed: inbound.is_signed,
            refused: inbound.refused.map(RefusedReason::code),
        }
    }
}

impl TryFrom<InboundV1<'_>> for Inbound {
    type Error = WireError;

    fn try_from(wire: InboundV1<'_>) -> Result<Self, WireError> {
        let channel = Channel::from_code(wire.channel).ok_or(WireError::Code(wire.channel))?;
        let owned = |(name, value): (&str, &str)| (Box::from(name), Box::from(value));
        Ok(Self {
            event_id: EventId(u128::from_be_bytes(wire.event_id)),
            tenant: TenantId(u128::from_be_bytes(wire.tenant)),
            integration: IntegrationId(u128::from_be_bytes(wire.integration)),
            channel,
            received_at: Timestamp(wire.received_at),
            method: Box::from(wire.method),
            path: Box::from(wire.path),
            query: Box::from(wire.query),
            headers: wire.headers.into_iter().map(owned).collect(),
            body: wire.body.to_vec(),
            remote_prefix: wire.remote_prefix.map(IpPrefix::from),
            is_signed: wire.is_signed,
            refused: word(wire.refused, RefusedReason::from_code)?,
        })
    }
}
