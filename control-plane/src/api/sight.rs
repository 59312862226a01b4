//! Whose rows a list may show.

use model::id::AdvertiserId;
use model::id::PublisherId;
use store::listing::Reach;

/// Narrows a filter to what a caller sees. `false`: it asks for what is not the caller's, and the
/// answer is empty.
pub(crate) fn narrow(
    reach: Reach,
    publisher: &mut Option<PublisherId>,
    advertiser: &mut Option<AdvertiserId>,
) -> bool {
    match reach {
        Reach::Tenant => true,
        Reach::Nothing => false,
        Reach::Publisher(id) => *publisher.get_or_insert(id) == id,
        Reach::Advertiser(id) => *advertiser.get_or_insert(id) == id,
    }
}

/// As [`narrow`], for rows that belong to advertisers alone.
pub(crate) fn narrow_to_advertiser(reach: Reach, advertiser: &mut Option<AdvertiserId>) -> bool {
    !matches!(reach, Reach::Publisher(_)) && narrow(reach, &mut None, advertiser)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_for_somebody_else_shows_nothing() {
        let reach = Reach::Publisher(PublisherId(1));
        let (mut own, mut foreign) = (None, Some(PublisherId(2)));
        assert!(narrow(reach, &mut own, &mut None));
        assert_eq!(own, Some(PublisherId(1)));
        assert!(!narrow(reach, &mut foreign, &mut None));
        assert!(narrow(Reach::Tenant, &mut foreign, &mut None));
        assert!(!narrow(Reach::Nothing, &mut None, &mut None));
        assert!(!narrow_to_advertiser(reach, &mut None));
        assert!(narrow_to_advertiser(Reach::Advertiser(AdvertiserId(3)), &mut None));
    }
}
