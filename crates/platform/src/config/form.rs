//! Types that can be parsed from a setting. Services implement [`FromSetting`] for their own types.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// A type that can be parsed from a setting.
pub trait FromSetting: Sized {
    /// Expected form; completes the sentence "set it to …".
    const FORM: &'static str;
    /// Whether the value must never be shown.
    const HIDDEN: bool = false;

    /// The value, or `None` if the text has another form. The text is trimmed and not empty.
    fn from_setting(text: &str) -> Option<Self>;
}

const WHOLE_NUMBER: &str = "a whole number";

impl FromSetting for u16 {
    const FORM: &'static str = WHOLE_NUMBER;
    fn from_setting(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl FromSetting for u32 {
    const FORM: &'static str = WHOLE_NUMBER;
    fn from_setting(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl FromSetting for u64 {
    const FORM: &'static str = WHOLE_NUMBER;
    fn from_setting(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl FromSetting for i32 {
    const FORM: &'static str = WHOLE_NUMBER;
    fn from_setting(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl FromSetting for i64 {
    const FORM: &'static str = WHOLE_NUMBER;
    fn from_setting(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl FromSetting for usize {
    const FORM: &'static str = WHOLE_NUMBER;
    fn from_setting(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl FromSetting for f64 {
    const FORM: &'static str = "a number such as 0.5";
    fn from_setting(text: &str) -> Option<Self> {
        text.parse().ok().filter(|number: &f64| number.is_finite())
    }
}

impl FromSetting for bool {
    const FORM: &'static str = "true or false";
    fn from_setting(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl FromSetting for String {
    const FORM: &'static str = "text";
    fn from_setting(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

impl FromSetting for PathBuf {
    const FORM: &'static str = "a path";
    fn from_setting(text: &str) -> Option<Self> {
        Some(PathBuf::from(text))
    }
}

impl FromSetting for SocketAddr {
    const FORM: &'static str = "an address and port such as 127.0.0.1:8080";
    fn from_setting(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl FromSetting for Duration {
    const FORM: &'static str = "a duration such as 250ms, 10s, 5m or 1h";
    fn from_setting(text: &str) -> Option<Self> {
        let unit_at = text.find(|c: char| !c.is_ascii_digit())?;
        let (count, unit) = text.split_at(unit_at);
        let count: u64 = count.parse().ok()?;
        let unit_ms = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return None,
        };
        count.checked_mul(unit_ms).map(Duration::from_millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_carry_their_unit() {
        let read = Duration::from_setting;
        assert_eq!(read("250ms"), Some(Duration::from_millis(250)));
        assert_eq!(read("2m"), Some(Duration::from_secs(120)));
        for wrong in ["10", "s", "-1s", "1.5s", "1 s", "1d", "99999999999999999h"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
