drop view import_jobs;
drop table import_rejections;
drop table import_chunks;
drop table imports;
drop schema jobs cascade;
