//! A statement as it is sent: literals of this program and bound values, nothing else.
//!
//! Every answer that must state its freshness gets it in the same statement, so from the same snapshot of the same server:
//! see [`Statement::fresh`]. The one place of this crate that vouches for SQL.

use read_model::Projection;
use sqlx::encode::Encode;
use sqlx::postgres::{PgArguments, PgConnection, PgRow};
use sqlx::{Arguments, AssertSqlSafe, Postgres, Row, Type};

use super::freshness::{FRESHNESS, Freshness, Scope};

/// SQL with its values.
#[derive(Debug, Clone, Default)]
pub struct Statement {
    sql: String,
    arguments: PgArguments,
}

/// The rows of a [`Statement::fresh`], and how fresh they are.
pub struct Found {
    /// How much of the log was applied in the snapshot that the rows come from.
    pub freshness: Freshness,
    /// The rows of the select.
    pub rows: Vec<PgRow>,
}

impl Statement {
    /// Just a select.
    pub fn plain(select: impl FnOnce(&mut Statement)) -> Statement {
        let mut statement = Statement::default();
        select(&mut statement);
        statement
    }

    /// A select with the freshness of a projection in front of each of its rows; read the answer with [`Found::read`].
    /// The select must have a column `position` that is never null.
    pub fn fresh(projection: Projection, scope: &Scope, select: impl FnOnce(&mut Statement)) -> Statement {
        let mut statement = Statement::default();
        statement.push("with fresh as materialized (");
        statement.push_freshness(&[projection], scope);
        // Without a row of the select there is still the one of `fresh`; it is alone, so the select's order stays.
        statement.push(") select fresh.*, found.* from fresh left join lateral (");
        select(&mut statement);
        statement.push(") as found on true");
        statement
    }

    /// The select of the freshness of these projections, one row each.
    pub(super) fn push_freshness(&mut self, projections: &[Projection], scope: &Scope) -> &mut Statement {
        let [before, exact, prefix, categories, names] = FRESHNESS;
        self.push(before).bind(scope.stream()).push(exact).bind(scope.prefix()).push(prefix);
        self.bind(projections.iter().map(|it| it.category().as_str()).collect::<Vec<_>>()).push(categories);
        self.bind(projections.iter().map(|it| it.name()).collect::<Vec<_>>()).push(names)
    }

    /// Adds SQL as it stands in the program.
    pub fn push(&mut self, sql: &'static str) -> &mut Statement {
        self.sql.push_str(sql);
        self
    }

    /// Adds a value.
    pub fn bind<'v, T: Encode<'v, Postgres> + Type<Postgres>>(&mut self, value: T) -> &mut Statement {
        self.arguments.add(value).expect("what is bound here are texts, numbers and ids, which can always be written");
        self.sql.push('$');
        self.sql.push_str(&self.arguments.len().to_string());
        self
    }

    pub(crate) async fn fetch_all(&self, connection: &mut PgConnection) -> sqlx::Result<Vec<PgRow>> {
        // Only `push` adds text, and it takes nothing but literals.
        let sql = AssertSqlSafe(self.sql.clone());
        sqlx::query_with(sql, self.arguments.clone()).fetch_all(connection).await
    }
}

impl Found {
    /// Takes the answer to a [`Statement::fresh`] apart.
    pub fn read(mut rows: Vec<PgRow>) -> sqlx::Result<Found> {
        let first = rows.first().ok_or(sqlx::Error::RowNotFound)?;
        let freshness = Freshness::read(first)?;
        if first.try_get::<Option<i64>, _>("position")?.is_none() {
            rows.clear();
        }
        Ok(Found { freshness, rows })
    }
}
