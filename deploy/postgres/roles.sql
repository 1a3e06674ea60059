-- Creates the logins and groups of the order platform. deploy/lib/postgres.sh runs this file as superuser; it can be run
-- repeatedly. Migrations grant privileges on tables to the three groups only, so a login can be replaced without a migration.
\set ON_ERROR_STOP on
\set QUIET on
set client_min_messages = warning;

select format('create role %I', name)
from unnest(array['log_writer', 'model_writer', 'reader', 'orders_owner', 'command_service', 'projector',
                  'query_service', 'replicator']) as name
where not exists (select from pg_roles where rolname = name)
\gexec

-- Passwords are set only if they do not work, because setting a password again changes its salt.
\if :set_passwords
alter role orders_owner login password :'orders_owner';
alter role command_service login password :'command_service';
alter role projector login password :'projector';
alter role query_service login password :'query_service';
alter role replicator login replication password :'replicator';

grant log_writer to command_service;
grant model_writer to projector;
grant reader to query_service;
-- Read-only sessions, even if privileges to write are granted by mistake.
alter role query_service set default_transaction_read_only = on;
\endif

-- The projector creates the tables of read models; migrations may drop them.
grant model_writer to orders_owner;

select 'alter role orders_owner createdb'
where :'may_create_databases' = 'yes' and not (select rolcreatedb from pg_roles where rolname = 'orders_owner')
\gexec

select 'create database orders owner orders_owner'
where not exists (select from pg_database where datname = 'orders')
\gexec

revoke all on database orders from public;
grant connect on database orders to log_writer, model_writer, reader;
