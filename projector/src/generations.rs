//! Creates the first generation of every projection that has none: after the first start, and after an upgrade to a build
//! with a new projection.

use std::pin::Pin;

use platform::config::Secret;
use read_model::Projection;
use sqlx::PgConnection;

use crate::frame::ReadModel;
use crate::projections::{WithReadModel, with_read_model};
use crate::store::{self, StoreError, generations, run};

/// Creates the first generation of every projection of the platform that has no generation.
pub async fn create_missing(database_url: &Secret) -> Result<(), StoreError> {
    let mut connection = store::connect(database_url).await?;
    for projection in Projection::ALL {
        if let Some(creating) = with_read_model(projection, CreateFirst(&mut connection))
            && creating.await?
        {
            tracing::info!(projection = projection.name(), "created a new projection; deriving it from the whole log");
        }
    }
    Ok(())
}

struct CreateFirst<'a>(&'a mut PgConnection);

impl<'a> WithReadModel for CreateFirst<'a> {
    type Output = Pin<Box<dyn Future<Output = Result<bool, StoreError>> + Send + 'a>>;

    fn call<M: ReadModel>(self) -> Self::Output {
        Box::pin(run("creating the tables of a projection", generations::create_first::<M>(self.0)))
    }
}
