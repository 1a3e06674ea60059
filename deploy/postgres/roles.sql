-- The logins and groups of the order platform; run by the superuser as often as you like (deploy/lib/postgres.sh).
-- Migrations grant rights on tables to the three groups only, so a login can be replaced without touching them.
\set ON_ERROR_STOP on
\set QUIET on
set client_min_messages = warning;

select format('create role %I', name)
from unnest(array['log_writer', 'model_writer', 'reader', 'orders_owner', 'command_service', 'projector',
                  'query_service', 'replicator']) as name
where not exists (select from pg_roles where rolname = name)
\gexec

-- A password is set only where it does not work yet: setting it anew gives it a new salt, which is a change.
\if :set_passwords
alter role orders_owner login password :'orders_owner';
alter role command_service login password :'command_service';
alter role projector login password :'projector';
alter role query_service login password :'query_service';
alter role replicator login replication password :'replicator';

grant log_writer to command_service;
grant model_writer to projector;
grant reader to query_service;
-- Reads, never writes: on the primary too, whatever it may be granted by mistake.
alter role query_service set default_transaction_read_only = on;
\endif

select 'alter role orders_owner createdb'
where :'may_create_databases' = 'yes' and not (select rolcreatedb from pg_roles where rolname = 'orders_owner')
\gexec

select 'create database orders owner orders_owner'
where not exists (select from pg_database where datname = 'orders')
\gexec

revoke all on database orders from public;
grant connect on database orders to log_writer, model_writer, reader;
