//! Reads rows with `COPY`, in its binary format, without holding all of them in memory.

use bytes::{Buf, BytesMut};
use futures::StreamExt;
use sqlx::PgConnection;

use crate::frame::binary::{HEADER, split_row};

/// Passes each row of a query to `each`, until it fails.
pub async fn for_each_row(
    connection: &mut PgConnection,
    query: &str,
    mut each: impl FnMut(&[u8]) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut chunks = connection.copy_out_raw(&format!("copy ({query}) to stdout with (format binary)")).await?;
    let (mut data, mut has_header) = (BytesMut::new(), false);
    while let Some(chunk) = chunks.next().await {
        data.extend_from_slice(&chunk?);
        if !has_header && data.len() >= HEADER.len() {
            data.advance(HEADER.len());
            has_header = true;
        }
        while has_header && let Some(row) = split_row(&mut data).filter(|row| row.len() > 2) {
            each(&row)?;
        }
    }
    Ok(())
}
