//! The schema of a read model's tables: SQL that creates a table, its indexes and its months. Each generation has its own
//! schema in the database, so the names in these statements are not qualified: the search path of the connection selects
//! the generation.

use chrono::{DateTime, Utc};

use super::month::{Month, first_id};
use super::table::{Index, Role, Table};

/// The schema of one table.
#[derive(Debug, Clone)]
pub struct TableSchema {
    /// Name of the table.
    pub name: &'static str,
    /// Indexes of the table besides its primary key.
    pub indexes: &'static [Index],
    /// How the table is partitioned by month, if it is.
    pub partitioned_by: Option<MonthKey>,
    /// Whether writes add to the columns of the table.
    pub is_sum: bool,
    /// SQL expression of the id of the stream that a row belongs to, if it belongs to one.
    pub stream_id: Option<&'static str>,
    /// The columns, in order.
    pub columns: Vec<ColumnSchema>,
    keys: Vec<&'static str>,
    /// Columns to which writes add.
    sums: Vec<&'static str>,
    storage: &'static str,
}

/// The schema of one column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColumnSchema {
    /// Name of the column.
    pub name: &'static str,
    /// SQL type of the column.
    pub column_type: &'static str,
    /// Whether the column may be null.
    pub is_optional: bool,
}

/// The first column of the primary key of a table that is partitioned by month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MonthKey {
    /// A time-ordered id (UUIDv7, RFC 9562, section 5.7).
    Id,
    /// An instant.
    Instant,
}

/// While a rebuild fills a table, autovacuum would only read what has just been written.
const WITHOUT_AUTOVACUUM: &str = "autovacuum_enabled = off";

impl TableSchema {
    pub(super) fn of<R>(table: &Table<R>) -> TableSchema {
        let with_role = |role| table.columns.iter().filter(move |it| it.role == role).map(|it| it.name);
        let (keys, sums) = (with_role(Role::Key).collect(), with_role(Role::Added).collect());
        let columns = table.columns.iter().map(|column| ColumnSchema {
            name: column.name,
            column_type: column.values.column_type(),
            is_optional: column.values.is_optional(),
        });
        let partitioned_by = table.month.map(|_| match table.columns[0].values.column_type() {
            "uuid" => MonthKey::Id,
            _ => MonthKey::Instant,
        });
        let (name, indexes, storage) = (table.name, table.indexes, table.storage);
        let (is_sum, stream_id, columns) = (table.is_sum(), table.stream_id, columns.collect());
        TableSchema { name, indexes, partitioned_by, is_sum, stream_id, columns, keys, sums, storage }
    }

    /// Creates the table with its primary key and its indexes.
    pub fn create(&self) -> String {
        let TableSchema { name, keys, .. } = self;
        let (columns, keys) = (self.declarations(), keys.join(", "));
        let partition = if self.partitioned_by.is_some() {
            format!(" partition by range ({})", self.keys[0])
        } else {
            self.with_storage()
        };
        let create = format!("create table {name} ({columns}, primary key ({keys})){partition};");
        let indexes = self.indexes.iter().map(|index| self.create_index(index, name));
        [create].into_iter().chain(indexes).collect::<Vec<_>>().join("\n")
    }

    /// Creates a table with these columns, but without primary key, indexes, partitions and autovacuum, unless the table
    /// exists. A rebuild fills such a table first.
    pub fn create_unindexed(&self, name: &str) -> String {
        let storage = [self.storage, WITHOUT_AUTOVACUUM].into_iter().filter(|it| !it.is_empty()).collect::<Vec<_>>();
        format!("create table if not exists {name} ({}) with ({});", self.declarations(), storage.join(", "))
    }

    /// Names of the columns, separated by commas.
    pub fn column_names(&self) -> String {
        self.columns.iter().map(|column| column.name).collect::<Vec<_>>().join(", ")
    }

    /// The condition that selects the rows of a table that is partitioned by month from an instant (inclusive) to another
    /// (exclusive).
    pub fn between(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> String {
        let (key, from, to) = (self.keys[0], self.bound(from), self.bound(to));
        format!("{key} >= '{from}' and {key} < '{to}'")
    }

    fn declarations(&self) -> String {
        self.columns.iter().map(ColumnSchema::to_string).collect::<Vec<_>>().join(", ")
    }

    /// Gives a table that is not partitioned its primary key, indexes and autovacuum, after a rebuild has filled it.
    pub fn index(&self) -> String {
        let (name, keys) = (self.name, self.keys.join(", "));
        let indexes = self.indexes.iter().map(|index| self.create_index(index, name));
        let key = format!("alter table {name} add primary key ({keys});");
        [key].into_iter().chain(indexes).chain([with_autovacuum(name)]).collect::<Vec<_>>().join("\n")
    }

    /// Creates the table as [`TableSchema::create`], but without rows, indexes and primary key if a rebuild fills it first: a
    /// partitioned table has its indexes from the start, because it has no months.
    pub fn create_for_rebuild(&self) -> String {
        match self.partitioned_by {
            Some(_) => self.create(),
            None if self.is_sum => self.create(),
            None => self.create_unindexed(self.name),
        }
    }

    /// Name of the table with the parts of sums that a rebuild adds up at the end.
    pub fn parts_name(table: &str) -> String {
        format!("{table}_parts")
    }

    /// Adds up the parts of the sums of a rebuild, and removes the parts.
    pub fn add_up_parts(&self) -> String {
        let (name, parts, keys) = (self.name, TableSchema::parts_name(self.name), self.keys.join(", "));
        let sums: Vec<String> = self.sums.iter().map(|sum| format!("sum({sum})::bigint")).collect();
        format!(
            "insert into {name} ({keys}, {}) select {keys}, {} from {parts} group by {keys} order by {keys}; drop table {parts};",
            self.sums.join(", "),
            sums.join(", ")
        )
    }

    /// The months of the parts, as first instants.
    pub fn months_of_parts(&self) -> String {
        let (parts, key) = (TableSchema::parts_name(self.name), self.keys[0]);
        format!("select distinct date_trunc('month', {key}, 'UTC') from {parts}")
    }

    /// Gives the table of a month the primary key, the indexes of the whole table and autovacuum, and attaches it.
    pub fn attach_month(&self, month: Month) -> String {
        [self.index_month(month), self.attach(month)].join("\n")
    }

    /// Gives the table of a month the primary key and the indexes of the whole table, and a check constraint with which
    /// attaching needs no scan.
    pub fn index_month(&self, month: Month) -> String {
        let (name, keys) = (month.table(self.name), self.keys.join(", "));
        let indexes: Vec<String> = self.indexes.iter().map(|index| self.create_index(index, &name)).collect();
        format!(
            "alter table {name} add primary key ({keys});
             {}
             alter table {name} add constraint month check ({});
             {}",
            indexes.join("\n"),
            self.range(month),
            with_autovacuum(&name)
        )
    }

    /// Adds the check constraint with which a detached month is attached again without a scan. It is not valid yet, because
    /// checking the rows would lock the month; see [`TableSchema::validate_month`].
    pub fn prepare_detach(&self, month: Month) -> String {
        let (name, range) = (month.table(self.name), self.range(month));
        format!("alter table {name} drop constraint if exists month, add constraint month check ({range}) not valid;")
    }

    /// Checks the rows of a month against the constraint of [`TableSchema::prepare_detach`], while they are read and
    /// written.
    pub fn validate_month(&self, month: Month) -> String {
        format!("alter table {} validate constraint month;", month.table(self.name))
    }

    /// Detaches a month: readers do not see its rows any more.
    pub fn detach(&self, month: Month) -> String {
        format!("alter table {} detach partition {};", self.name, month.table(self.name))
    }

    /// Attaches the table of a month. The constraint of the partition replaces the check constraint.
    pub fn attach(&self, month: Month) -> String {
        let (first, end) = self.bounds(month);
        let (parent, name) = (self.name, month.table(self.name));
        format!(
            "alter table {parent} attach partition {name} for values from ('{first}') to ('{end}');
             alter table {name} drop constraint if exists month;"
        )
    }

    /// Removes the table of a month that is not attached.
    pub fn drop_month(&self, month: Month) -> String {
        format!("drop table if exists {};", month.table(self.name))
    }

    /// Takes the lock of [`TableSchema::ensure_month`] until the transaction ends, without waiting; selects whether that was
    /// possible.
    pub fn try_lock_month(&self, month: Month) -> String {
        format!("select pg_try_advisory_xact_lock({})", self.month_lock(month))
    }

    /// The key of the lock under which a month is created, attached, or removed.
    fn month_lock(&self, month: Month) -> String {
        format!("hashtext(current_schema()), hashtext('{}')", month.table(self.name))
    }

    /// Creates and attaches the table of a month, unless it is attached. A month that exists without being attached (an
    /// operator has detached it) is attached again: without it the read model is not what the log says, and every event
    /// that needs the month would park its stream. If that is impossible within a second, or if the month was archived, the
    /// statement fails with SQLSTATE 55000, which parks what needs the month: a new table of an archived month would have
    /// nothing but the rows of later events.
    pub fn ensure_month(&self, month: Month) -> String {
        const ENSURE: &str = "
            do $$ begin
                if exists (select from pg_inherits where inhrelid = to_regclass('{month}')) then
                    return;
                end if;
                perform pg_advisory_xact_lock({lock});
                -- By query and not by to_regclass, whose cache may not contain what was committed during the wait.
                if exists (
                    select from pg_inherits i join pg_class c on c.oid = i.inhrelid
                    where c.relname = '{month}' and c.relnamespace = current_schema()::regnamespace
                ) then
                    return;
                end if;
                if exists (
                    select from archived_months
                    where format('%s_%s', projection, generation) = current_schema() and month = '{first}'
                ) then
                    raise exception using errcode = 'object_not_in_prerequisite_state',
                        message = (
                            select format('month {label} of %1$s is archived: run `projector months restore %1$s {label} '
                                '--generation %2$s --from %3$s`, then `projector parked retry`', projection, generation, folder)
                            from archived_months
                            where format('%s_%s', projection, generation) = current_schema() and month = '{first}'
                        );
                end if;
                if exists (
                    select from pg_class
                    where relname = '{month}' and relnamespace = current_schema()::regnamespace
                ) then
                    begin
                        set local lock_timeout = '1s';
                        {attach}
                    exception when others then
                        raise exception using errcode = 'object_not_in_prerequisite_state',
                            message = format('month {month} is detached and cannot be attached again: %s', sqlerrm);
                    end;
                    return;
                end if;
                {create}
                {index_and_attach}
            end $$";
        ENSURE
            .replace("{month}", &month.table(self.name))
            .replace("{create}", &self.create_unindexed(&month.table(self.name)))
            .replace("{index_and_attach}", &self.attach_month(month))
            .replace("{attach}", &self.attach(month))
            .replace("{lock}", &self.month_lock(month))
            .replace("{first}", &month.first_day().to_string())
            .replace("{label}", &month.to_string())
    }

    fn create_index(&self, index: &Index, table: &str) -> String {
        let name = match table.strip_prefix(self.name) {
            Some(month) => format!("{}{month}", index.name),
            None => index.name.to_owned(),
        };
        format!("create index {name} on {table} using {};", index.definition)
    }

    fn with_storage(&self) -> String {
        match self.storage {
            "" => String::new(),
            storage => format!(" with ({storage})"),
        }
    }

    /// The condition that the rows of a month fulfil.
    fn range(&self, month: Month) -> String {
        let (key, (first, end)) = (self.keys[0], self.bounds(month));
        format!("{key} >= '{first}' and {key} < '{end}'")
    }

    /// Lower (inclusive) and upper (exclusive) bound of a month.
    fn bounds(&self, month: Month) -> (String, String) {
        (self.bound(month.begin()), self.bound(month.next().begin()))
    }

    /// The value of the first column of the primary key at an instant.
    fn bound(&self, instant: DateTime<Utc>) -> String {
        match self.partitioned_by {
            Some(MonthKey::Id) => first_id(instant).to_string(),
            Some(MonthKey::Instant) | None => instant.to_rfc3339(),
        }
    }
}

impl std::fmt::Display for ColumnSchema {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let null = if self.is_optional { "" } else { " not null" };
        write!(f, "{} {}{null}", self.name, self.column_type)
    }
}

fn with_autovacuum(table: &str) -> String {
    format!("alter table {table} reset (autovacuum_enabled);")
}
