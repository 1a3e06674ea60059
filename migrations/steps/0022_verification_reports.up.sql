-- The report of the last verification of a generation, for operators: with the first rows that differ.
alter table projection_generations add column report json;
