//! Distinguishes errors of Redis. A Redis server that loads its data, is a replica, has no memory left or denies the
//! login also responds, with an error: such a server counts as unavailable, and values wait. Only a value that Redis
//! can never accept is dropped.

use redis::{ErrorKind, RedisError, ServerError, ServerErrorKind};

/// Whether Redis works and refused the values themselves, so that every repetition would fail.
pub(super) fn is_refusal(error: &RedisError) -> bool {
    match error.kind() {
        ErrorKind::Server(_) | ErrorKind::Extension => {
            let errors = error.clone().into_server_errors().unwrap_or_default();
            !errors.is_empty() && errors.iter().all(|(_, error)| is_about_value(error))
        }
        _ => false,
    }
}

/// All other codes are about the state of Redis or about permissions: LOADING, READONLY, MASTERDOWN, CLUSTERDOWN, BUSY,
/// OOM, MISCONF, NOAUTH, NOPERM and others.
fn is_about_value(error: &ServerError) -> bool {
    matches!(error.code(), "ERR" | "WRONGTYPE")
}

/// Whether Redis does not have the script.
pub(super) fn lacks_script(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(line: &str) -> RedisError {
        redis::parse_redis_value(format!("-{line}\r\n").as_bytes()).unwrap().extract_error().unwrap_err()
    }

    #[test]
    fn only_errors_about_a_value_are_refusals() {
        let about_redis = [
            "LOADING Redis is loading the dataset in memory",
            "READONLY You can't write against a read only replica. script: 1, on @user_script:3.",
            "MASTERDOWN Link with MASTER is down",
            "CLUSTERDOWN The cluster is down",
            "BUSY Redis is busy running a script",
            "OOM command not allowed when used memory > 'maxmemory'.",
            "MISCONF Redis is configured to save RDB snapshots",
            "NOAUTH Authentication required.",
            "NOPERM this user has no permissions",
        ];
        for line in about_redis {
            assert!(!is_refusal(&response(line)), "{line}");
        }
        for line in ["WRONGTYPE Operation against a key holding the wrong kind of value", "ERR string exceeds maximum"]
        {
            assert!(is_refusal(&response(line)), "{line}");
        }
        assert!(!is_refusal(&RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut))));
    }
}
