//! Why a command of an operator fails: the command line shows the text, the HTTP API of operators responds with a problem
//! document for each kind.

use crate::store::StoreError;

/// Why a command of an operator fails.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// There is no such projection, generation or parked stream.
    #[error("{0}")]
    NotFound(String),
    /// The state of the projection does not allow the command.
    #[error("{0}")]
    Conflict(String),
    /// The command is refused because its effect would be harmful; it can be forced.
    #[error("{0}")]
    Unsafe(String),
    /// Another task or process is doing what only one can do at a time.
    #[error("{0}")]
    Busy(String),
    /// An argument is invalid.
    #[error("{0}")]
    Invalid(String),
    /// The database cannot be reached.
    #[error(transparent)]
    Unavailable(anyhow::Error),
    /// Anything else.
    #[error(transparent)]
    Failed(anyhow::Error),
}

impl From<anyhow::Error> for OperatorError {
    fn from(error: anyhow::Error) -> OperatorError {
        match error.downcast::<OperatorError>() {
            Ok(error) => error,
            Err(error) if is_unavailable(&error) => OperatorError::Unavailable(error),
            Err(error) => OperatorError::Failed(error),
        }
    }
}

impl From<StoreError> for OperatorError {
    fn from(error: StoreError) -> OperatorError {
        anyhow::Error::new(error).into()
    }
}

impl From<sqlx::Error> for OperatorError {
    fn from(error: sqlx::Error) -> OperatorError {
        anyhow::Error::new(error).into()
    }
}

/// Whether the server cannot be reached, or ends sessions: SQLSTATE class 08 (connection exception), the codes
/// 57P (shutdown), and 53300 (too many connections).
fn is_unavailable(error: &anyhow::Error) -> bool {
    error.chain().filter_map(|cause| cause.downcast_ref::<sqlx::Error>()).any(|cause| match cause {
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(error) => {
            let code = error.code().unwrap_or_default();
            code == "53300" || code.starts_with("08") || code.starts_with("57P")
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    fn io() -> sqlx::Error {
        std::io::Error::from(std::io::ErrorKind::ConnectionRefused).into()
    }

    #[test]
    fn a_database_that_cannot_be_reached_is_unavailable_whatever_the_context() {
        let error = StoreError { operation: "connecting", source: io() };
        assert!(matches!(OperatorError::from(error), OperatorError::Unavailable(_)));
        let error = Err::<(), _>(io()).context("planning").unwrap_err();
        assert!(matches!(OperatorError::from(error), OperatorError::Unavailable(_)));
        assert!(matches!(OperatorError::from(sqlx::Error::RowNotFound), OperatorError::Failed(_)));
    }

    #[test]
    fn the_kind_of_an_error_survives_a_context() {
        let error = Err::<(), _>(OperatorError::NotFound("there is no such stream".to_owned())).context("retrying");
        assert!(matches!(OperatorError::from(error.unwrap_err()), OperatorError::NotFound(_)));
    }
}
