//! What a User-Agent says: person, bot or preview, and on what. Pure.
//!
//! # Why substrings
//!
//! Bots that want to be known say so in a handful of words; those that do not are no User-Agent's
//! business. In-app browsers of the big networks carry the network's name too, so a preview agent
//! is matched by the name of the agent itself and never by that of the network.

use model::click::FilteredReason;

/// Agents that fetch a page to show a card of it.
const PREVIEWS: [&str; 18] = [
    "facebookexternalhit",
    "facebookcatalog",
    "meta-externalfetcher",
    "telegrambot",
    "twitterbot",
    "slackbot",
    "slack-imgproxy",
    "discordbot",
    "linkedinbot",
    "pinterestbot",
    "redditbot",
    "skypeuripreview",
    "vkshare",
    "iframely",
    "embedly",
    "bingpreview",
    "google-pagerenderer",
    "outbrain",
];

/// Tools and crawlers, anywhere in the text.
const BOTS: [&str; 30] = [
    "crawler",
    "crawling",
    "spider",
    "slurp",
    "scrapy",
    "scraper",
    "headlesschrome",
    "phantomjs",
    "puppeteer",
    "python-requests",
    "python-urllib",
    "python-httpx",
    "aiohttp",
    "go-http-client",
    "apache-httpclient",
    "libwww-perl",
    "lwp-trivial",
    "node-fetch",
    "postmanruntime",
    "apachebench",
    "chrome-lighthouse",
    "facebookbot",
    "meta-externalagent",
    "mediapartners-google",
    "google-inspectiontool",
    "feedfetcher",
    "pingdom",
    "statuscake",
    "ia_archiver",
    "nutch",
];

/// Tools that name themselves first; their names are too short to be looked for anywhere.
const TOOLS: [&str; 15] = [
    "curl/",
    "wget/",
    "whatsapp/",
    "okhttp/",
    "java/",
    "axios/",
    "undici",
    "got (",
    "httpie/",
    "insomnia/",
    "ruby",
    "php/",
    "perl/",
    "rust/",
    "reqwest/",
];

/// Whether "bot" ends a word of an agent's name. CUBOT is a maker of phones.
fn names_a_bot(lower: &str) -> bool {
    lower.match_indices("bot").any(|(at, word)| {
        let ends = lower[at + word.len()..]
            .bytes()
            .next()
            .is_none_or(|next| !next.is_ascii_alphanumeric());
        let is_phone = lower[..at].ends_with("cu");
        ends && !is_phone
    })
}

/// Why an agent's clicks are not counted; `None` for what looks like a person's browser.
#[must_use]
pub fn filtered(user_agent: &str) -> Option<FilteredReason> {
    if user_agent.is_empty() {
        return Some(FilteredReason::NoUserAgent);
    }
    let lower = user_agent.to_ascii_lowercase();
    if PREVIEWS.iter().any(|name| lower.contains(name)) || lower.starts_with("whatsapp/") {
        return Some(FilteredReason::Preview);
    }
    let is_bot = TOOLS.iter().any(|name| lower.starts_with(name))
        || BOTS.iter().any(|name| lower.contains(name))
        || names_a_bot(&lower);
    is_bot.then_some(FilteredReason::Bot)
}

/// `mobile`, `tablet` or `desktop`; empty when the agent does not say.
#[must_use]
pub fn device(user_agent: &str) -> &'static str {
    let has = |word: &str| user_agent.contains(word);
    match user_agent {
        "" => "",
        _ if has("iPad") || has("Tablet") || (has("Android") && !has("Mobile")) => "tablet",
        _ if has("Mobile") || has("iPhone") => "mobile",
        _ if has("Windows") || has("Macintosh") || has("X11") || has("CrOS") => "desktop",
        _ => "",
    }
}

/// `ios`, `android`, `windows`, `macos`, `chromeos` or `linux`; empty when the agent does not say.
#[must_use]
pub fn os(user_agent: &str) -> &'static str {
    let has = |word: &str| user_agent.contains(word);
    match user_agent {
        _ if has("iPhone") || has("iPad") || has("iPod") => "ios",
        _ if has("Android") => "android",
        _ if has("Windows") => "windows",
        _ if has("Macintosh") => "macos",
        _ if has("CrOS") => "chromeos",
        _ if has("Linux") || has("X11") => "linux",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INSTAGRAM: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) \
        AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Instagram 301.0.0.0 \
        (iPhone14,5; iOS 17_0; ru_KZ)";
    const FACEBOOK: &str = "Mozilla/5.0 (Linux; Android 13; SM-A536B; wv) \
        AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/118.0 Mobile \
        Safari/537.36 [FB_IAB/FB4A;FBAV/437.0.0.0;]";
    const DESKTOP: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) \
        AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36";

    #[test]
    fn people_are_counted_in_whatever_app_they_read() {
        for person in [
            INSTAGRAM,
            FACEBOOK,
            DESKTOP,
            "Mozilla/5.0 (Linux; Android 11; CUBOT_X18_Plus) AppleWebKit/537.36 Mobile Safari",
            "Mozilla/5.0 (Linux; Android 13) AppleWebKit/537.36 Mobile Telegram-Android/10.1",
            "Mozilla/5.0 (iPhone) AppleWebKit/605.1.15 Mobile musical_ly_32.5 BytedanceWebview",
            "Mozilla/5.0 (iPhone) AppleWebKit/605.1.15 Mobile [Pinterest/iOS]",
            "Opera/9.80 (Android; Opera Mini/36.2) Presto/2.12 Version/12.16",
        ] {
            assert_eq!(filtered(person), None, "{person}");
        }
    }

    #[test]
    fn known_agents_are_filtered_with_their_reason() {
        for (agent, reason) in [
            ("", FilteredReason::NoUserAgent),
            ("curl/8.5.0", FilteredReason::Bot),
            ("Wget/1.21", FilteredReason::Bot),
            ("python-requests/2.31", FilteredReason::Bot),
            ("Go-http-client/1.1", FilteredReason::Bot),
            ("okhttp/4.12.0", FilteredReason::Bot),
            (
                "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
                FilteredReason::Bot,
            ),
            ("Mozilla/5.0 (compatible; YandexBot/3.0)", FilteredReason::Bot),
            ("Mozilla/5.0 (compatible; Baiduspider/2.0)", FilteredReason::Bot),
            ("Mozilla/5.0 HeadlessChrome/120", FilteredReason::Bot),
            ("facebookexternalhit/1.1", FilteredReason::Preview),
            ("WhatsApp/2.23.20.0 A", FilteredReason::Preview),
            ("TelegramBot (like TwitterBot)", FilteredReason::Preview),
            ("Slackbot-LinkExpanding 1.0", FilteredReason::Preview),
            ("Twitterbot/1.0", FilteredReason::Preview),
            (
                "Mozilla/5.0 (compatible; vkShare; +http://vk.com/dev/Share)",
                FilteredReason::Preview,
            ),
        ] {
            assert_eq!(filtered(agent), Some(reason), "{agent}");
        }
    }

    #[test]
    fn device_and_system_are_read_from_the_agent() {
        assert_eq!((device(INSTAGRAM), os(INSTAGRAM)), ("mobile", "ios"));
        assert_eq!((device(FACEBOOK), os(FACEBOOK)), ("mobile", "android"));
        assert_eq!((device(DESKTOP), os(DESKTOP)), ("desktop", "windows"));
        assert_eq!((device("curl/8"), os("curl/8")), ("", ""));
    }
}
