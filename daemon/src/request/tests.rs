use super::*;

fn check(lines: &[(&str, &str)], uri: &str) -> Result<String, RequestError> {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(
            http::HeaderName::from_bytes(name.as_bytes()).unwrap(),
            HeaderValue::from_bytes(value.as_bytes()).unwrap(),
        );
    }
    let uri: Uri = uri.parse().unwrap();
    let client = IpAddr::from([192, 0, 2, 1]);
    Request::read(&Method::GET, &uri, &headers, client)
        .map(|request| format!("{} {} {:?}", request.host, request.path, request.query))
}

#[test]
fn a_request_has_one_host_and_a_path() {
    assert_eq!(check(&[("host", "a.example:8080")], "/x?y").unwrap(), "a.example /x Some(\"y\")");
    assert_eq!(check(&[("host", "[::1]:8080")], "/").unwrap(), "[::1] / None");
    for (lines, uri) in [
        (&[("host", "a"), ("host", "a")][..], "/"),
        (&[("host", "a/b")][..], "/"),
        (&[("host", "u@a")][..], "/"),
        (&[("host", "a.example")][..], "http://b.example/"),
        (&[("host", "a"), ("transfer-encoding", "gzip, chunked")][..], "/"),
        (&[("host", "a")][..], "*"),
    ] {
        assert!(matches!(check(lines, uri), Err(RequestError::Bad(_))), "{lines:?} {uri}");
    }
    assert!(check(&[("host", "a.example")], "http://a.example/").is_ok());
}

#[test]
fn limits_hold_at_n_and_break_at_n_plus_one() {
    let url = |bytes: usize| format!("/{}", "a".repeat(bytes - 1));
    assert!(check(&[], &url(URL_BYTES_MAX)).is_ok());
    assert_eq!(check(&[], &url(URL_BYTES_MAX + 1)), Err(RequestError::UrlTooLong));
    assert!(check(&vec![("a", "b"); HEADERS_MAX], "/").is_ok());
    assert_eq!(check(&vec![("a", "b"); HEADERS_MAX + 1], "/"), Err(RequestError::HeadersTooLarge));
    let value = |bytes: usize| "v".repeat(bytes - "a: \r\n".len());
    assert!(check(&[("a", &value(HEADERS_BYTES_MAX))], "/").is_ok());
    assert_eq!(
        check(&[("a", &value(HEADERS_BYTES_MAX + 1))], "/"),
        Err(RequestError::HeadersTooLarge)
    );
}

#[test]
fn forwarded_addresses_are_read_from_the_right_and_only_from_listed_peers() {
    let trusted: Vec<ipnet::IpNet> =
        vec!["10.0.0.0/8".parse().unwrap(), "127.0.0.1/32".parse().unwrap()];
    let check = |peer: &str, forwarded: &[&str], expected: &str| {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", HeaderValue::from_str(line).unwrap());
        }
        let client = client_address(peer.parse().unwrap(), &headers, &trusted);
        assert_eq!(client, expected.parse::<IpAddr>().unwrap(), "{peer} {forwarded:?}");
    };
    check("203.0.113.9", &["198.51.100.1"], "203.0.113.9");
    check("10.1.1.1", &["198.51.100.1"], "198.51.100.1");
    check("10.1.1.1", &["6.6.6.6, 198.51.100.1"], "198.51.100.1");
    check("10.1.1.1", &["198.51.100.1, 10.2.2.2"], "198.51.100.1");
    check("10.1.1.1", &["198.51.100.1", "10.2.2.2"], "198.51.100.1");
    check("10.1.1.1", &["6.6.6.6, nonsense"], "10.1.1.1");
    check("10.1.1.1", &[], "10.1.1.1");
    check("::ffff:10.1.1.1", &["::ffff:198.51.100.1"], "198.51.100.1");
    check("10.1.1.1", &["10.2.2.2"], "10.2.2.2");
}
