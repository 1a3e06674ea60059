-- Index operator class for the search for parts of texts. A trusted extension, so the owner of the database may create it.
create extension if not exists pg_trgm with schema public;
