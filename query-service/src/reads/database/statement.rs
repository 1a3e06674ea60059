//! SQL statements, built from literals of this program, ids, numbers and bound values only.
//!
//! A read that must report its freshness selects rows and freshness in one statement, so both come from one snapshot of one
//! server: see [`Statement::with_freshness`]. The only module of this crate that asserts that SQL is safe.

use futures::stream::BoxStream;
use read_model::Projection;
use sqlx::encode::Encode;
use sqlx::postgres::{PgArguments, PgConnection, PgRow};
use sqlx::{Arguments, AssertSqlSafe, Postgres, Row, Type};
use uuid::Uuid;

use super::freshness::{FRESHNESS, Freshness, Scope};

/// SQL with its bound values.
#[derive(Debug, Clone, Default)]
pub struct Statement {
    sql: String,
    arguments: PgArguments,
    planning: Planning,
}

/// When the server plans a statement.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Planning {
    /// Once for each connection: the same plan is right for all bound values.
    #[default]
    Once,
    /// With the bound values of each execution, because they decide which index is the best.
    EachTime,
}

/// The result of a [`Statement::with_freshness`].
pub struct FreshRows {
    /// How much of the log the projection contained in the snapshot that returned the rows.
    pub freshness: Freshness,
    /// The rows of the select.
    pub rows: Vec<PgRow>,
}

impl Statement {
    /// A select alone.
    pub fn plain(select: impl FnOnce(&mut Statement)) -> Statement {
        let mut statement = Statement::default();
        select(&mut statement);
        statement
    }

    /// A select that returns the freshness of a projection in front of each row; decode the result with [`FreshRows::decode`].
    /// The select must have a column `position` that is never null.
    pub fn with_freshness(projection: Projection, scope: &Scope, select: impl FnOnce(&mut Statement)) -> Statement {
        let mut statement = Statement::default();
        statement.push("with fresh as materialized (");
        statement.push_freshness(&[projection], scope);
        // If the select returns no row, `fresh` still returns its one row. It is a single row, so the order of the select is kept.
        statement.push(") select fresh.*, found.* from fresh left join lateral (");
        select(&mut statement);
        statement.push(") as found on true");
        statement
    }

    /// A select of at most one row, with the freshness of several projections: one row for each of them, the first with the
    /// selected row. The select must have a column `position` that is never null.
    pub fn with_freshness_of_all(
        projections: &[Projection],
        scope: &Scope,
        select: impl FnOnce(&mut Statement),
    ) -> Statement {
        let mut statement = Statement::default();
        statement.push("with fresh as materialized (").push_freshness(projections, scope);
        statement.push(") select fresh.*, found.* from fresh left join lateral (");
        select(&mut statement);
        let first = projections.first().map(|it| it.name());
        statement.push(") as found on fresh.fresh_projection = ").bind(first);
        statement
    }

    /// Adds a select of the freshness of these projections, one row each.
    pub(super) fn push_freshness(&mut self, projections: &[Projection], scope: &Scope) -> &mut Statement {
        let [before, exact, prefix, categories, names] = FRESHNESS;
        self.push(before).bind(scope.stream()).push(exact).bind(scope.prefix()).push(prefix);
        self.bind(projections.iter().map(|it| it.category().as_str()).collect::<Vec<_>>()).push(categories);
        self.bind(projections.iter().map(|it| it.name()).collect::<Vec<_>>()).push(names)
    }

    /// Adds literal SQL.
    pub fn push(&mut self, sql: &'static str) -> &mut Statement {
        self.sql.push_str(sql);
        self
    }

    /// Adds an id as a literal: unlike a bound value, it tells the planner which partitions the statement reads.
    pub fn push_id(&mut self, id: Uuid) -> &mut Statement {
        self.sql.push_str(&format!("'{}'", id.hyphenated()));
        self
    }

    /// Adds a number as a literal: the planner does not know a bound limit, and assumes that a tenth of all rows is read.
    pub fn push_number(&mut self, number: i64) -> &mut Statement {
        self.sql.push_str(&number.to_string());
        self
    }

    /// Lets the server plan the statement with the bound values, each time that it runs.
    pub fn plan_each_time(&mut self) -> &mut Statement {
        self.planning = Planning::EachTime;
        self
    }

    /// Adds a bound value.
    pub fn bind<'v, T: Encode<'v, Postgres> + Type<Postgres>>(&mut self, value: T) -> &mut Statement {
        self.arguments.add(value).expect("texts, numbers and ids can always be encoded");
        self.sql.push('$');
        self.sql.push_str(&self.arguments.len().to_string());
        self
    }

    /// The text of the statement, with `$1` and so on for the bound values.
    pub fn text(&self) -> &str {
        &self.sql
    }

    /// The rows, as they arrive: the server waits while nobody takes them.
    pub(super) fn fetch<'c>(&self, connection: &'c mut PgConnection) -> BoxStream<'c, sqlx::Result<PgRow>> {
        // Safe because only literals of this program, ids and numbers are added as text.
        let sql = AssertSqlSafe(self.sql.clone());
        sqlx::query_with(sql, self.arguments.clone()).persistent(false).fetch(connection)
    }

    pub(crate) async fn fetch_all(&self, connection: &mut PgConnection) -> sqlx::Result<Vec<PgRow>> {
        // Safe because only literals of this program, ids and numbers are added as text.
        let sql = AssertSqlSafe(self.sql.clone());
        // A statement that is not kept is planned with its bound values (see `Source::new`).
        let is_kept = self.planning == Planning::Once;
        sqlx::query_with(sql, self.arguments.clone()).persistent(is_kept).fetch_all(connection).await
    }
}

impl FreshRows {
    /// The freshness in one row of a [`Statement::with_freshness_of_all`].
    pub fn decode_freshness(row: &PgRow) -> sqlx::Result<Freshness> {
        Freshness::decode(row)
    }

    /// Decodes the result of a [`Statement::with_freshness`].
    pub fn decode(mut rows: Vec<PgRow>) -> sqlx::Result<FreshRows> {
        let first = rows.first().ok_or(sqlx::Error::RowNotFound)?;
        let freshness = Freshness::decode(first)?;
        if first.try_get::<Option<i64>, _>("position")?.is_none() {
            rows.clear();
        }
        Ok(FreshRows { freshness, rows })
    }
}
