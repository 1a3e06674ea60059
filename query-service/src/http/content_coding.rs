//! Which content coding a client prefers (RFC 9110, 12.5.3).

use axum::http::{HeaderMap, header};

/// A weight of 1, in thousandths.
const ONE: u16 = 1000;

/// Whether the client accepts gzip and does not prefer an uncompressed response.
pub(super) fn prefers_gzip(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|line| line.to_str().ok());
    let (mut gzip, mut any, mut identity) = (None, None, None);
    for coding in lines.flat_map(|line| line.split(',')) {
        let (name, parameter) = coding.split_once(';').unwrap_or((coding, "q=1"));
        let weight = weight(parameter);
        match name.trim() {
            name if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") => gzip = weight,
            name if name.eq_ignore_ascii_case("identity") => identity = weight,
            "*" => any = weight,
            _ => {}
        }
    }
    let gzip = gzip.or(any).unwrap_or(0);
    gzip > 0 && gzip >= identity.unwrap_or(0)
}

/// A weight from 0 to 1, in thousandths; `None` if it is invalid.
fn weight(parameter: &str) -> Option<u16> {
    let (name, value) = parameter.split_once('=')?;
    let (whole, fraction) = value.trim().split_once('.').unwrap_or((value.trim(), ""));
    let is_weight = name.trim().eq_ignore_ascii_case("q") && fraction.len() <= 3;
    let thousandths: u16 = format!("{whole}{fraction:0<3}").parse().ok()?;
    Some(thousandths).filter(|weight| is_weight && *weight <= ONE)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn prefers(lines: &[&'static str]) -> bool {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::ACCEPT_ENCODING, HeaderValue::from_static(line));
        }
        prefers_gzip(&headers)
    }

    #[test]
    fn gzip_is_preferred_if_it_is_accepted_and_nothing_uncompressed_is_wanted_more() {
        for gzip in [
            &["gzip"][..],
            &["gzip, deflate, br, zstd"],
            &["br;q=1.0, GZIP ; q=0.8, *;q=0.1"],
            &["x-gzip"],
            &["*"],
            &["br", "gzip"],
            &["identity;q=0.5, gzip;q=0.5"],
        ] {
            assert!(prefers(gzip), "{gzip:?}");
        }
        for plain in [
            &[][..],
            &[""],
            &["br"],
            &["gzip;q=0"],
            &["gzip;q=0.000, *"],
            &["*;q=0"],
            &["identity, gzip;q=0.9"],
            &["gzip;q=2"],
            &["gzip;q=0.1234"],
            &["gzip;q=-1"],
            &["gzip;level=1"],
        ] {
            assert!(!prefers(plain), "{plain:?}");
        }
    }
}
