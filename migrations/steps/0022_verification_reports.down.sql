alter table projection_generations drop column report;
