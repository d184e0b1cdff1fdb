-- Makes a database of our addon what an earlier version of it has left.

-- Fields that came later: their columns, and what needs them.
ALTER TABLE queue_job DROP COLUMN eta_passed CASCADE;
ALTER TABLE queue_job DROP COLUMN has_failure_handler CASCADE;
ALTER TABLE queue_job DROP COLUMN timeout CASCADE;
ALTER TABLE queue_job_channel DROP COLUMN has_limits CASCADE;
WITH field AS (
    DELETE FROM ir_model_fields
     WHERE model = 'queue.job' AND name IN ('eta_passed', 'has_failure_handler', 'timeout')
        OR model = 'queue.job.channel' AND name = 'has_limits'
    RETURNING id)
DELETE FROM ir_model_data WHERE model = 'ir.model.fields' AND res_id IN (SELECT id FROM field);

-- A field that is gone.
ALTER TABLE queue_job ADD COLUMN former varchar;
WITH field AS (
    INSERT INTO ir_model_fields (model, model_id, name, ttype, state, field_description, store)
    SELECT model, id, 'former', 'char', 'base', '{"en_US": "Former"}', TRUE
      FROM ir_model WHERE model = 'queue.job'
    RETURNING id)
INSERT INTO ir_model_data (module, name, model, res_id)
SELECT 'queue_job', 'field_queue_job__former', 'ir.model.fields', id FROM field;

-- Indexes: one of another definition, two that are gone, one of a whole column.
DROP INDEX queue_job_unfinished_idx;
CREATE INDEX queue_job_unfinished_idx ON queue_job (id) WHERE state = 'started';
COMMENT ON INDEX queue_job_unfinished_idx IS 'INDEX (id) WHERE state = ''started''';
CREATE INDEX queue_job_newest_idx ON queue_job (date_created);
COMMENT ON INDEX queue_job_newest_idx IS 'INDEX (date_created)';
CREATE INDEX queue_job_date_done_idx ON queue_job (date_done) WHERE date_done IS NOT NULL;
COMMENT ON INDEX queue_job_date_done_idx IS 'INDEX (date_done) WHERE date_done IS NOT NULL';
WITH gone AS (
    INSERT INTO ir_model_constraint (name, module, model, type, definition)
    SELECT index.name, ir_module_module.id, ir_model.id, 'i', index.definition
      FROM (VALUES ('queue_job_newest_idx', 'INDEX (date_created)'),
                   ('queue_job_date_done_idx', 'INDEX (date_done) WHERE date_done IS NOT NULL')
           ) AS index (name, definition)
     CROSS JOIN ir_module_module CROSS JOIN ir_model
     WHERE ir_module_module.name = 'queue_job' AND ir_model.model = 'queue.job'
    RETURNING id, name)
INSERT INTO ir_model_data (module, name, model, res_id)
SELECT 'queue_job', 'constraint_' || name, 'ir.model.constraint', id FROM gone;
DROP INDEX queue_job_failed_idx;

-- Functions: one of another body, one with other parameters, one that came later.
CREATE OR REPLACE FUNCTION queue_job_notify_changed() RETURNS trigger LANGUAGE plpgsql
    AS $$ BEGIN RETURN NULL; END $$;
COMMENT ON FUNCTION queue_job_notify_changed() IS 'older';
DROP FUNCTION queue_job_release;
CREATE FUNCTION queue_job_release(_uuid varchar) RETURNS SETOF integer LANGUAGE plpgsql
    AS $$ BEGIN RETURN; END $$;
COMMENT ON FUNCTION queue_job_release(varchar) IS 'older';
DROP FUNCTION queue_job_settle_done;

-- Triggers: one of another definition, one that came later.
DROP TRIGGER queue_job_notify_update ON queue_job;
CREATE TRIGGER queue_job_notify_update AFTER UPDATE OF state ON queue_job
    FOR EACH ROW EXECUTE FUNCTION queue_job_notify_changed();
COMMENT ON TRIGGER queue_job_notify_update ON queue_job IS 'older';
DROP TRIGGER queue_job_guard_drop ON queue_job;

-- A table that came later, and a view that was another one.
DROP TABLE queue_job_failure_handler;
CREATE OR REPLACE VIEW queue_job_link AS SELECT child_id, parent_id FROM queue_job_dependency;
COMMENT ON VIEW queue_job_link IS NULL;
DROP TABLE queue_job_barrier CASCADE;
DROP SEQUENCE queue_job_barrier_id_seq;

UPDATE ir_module_module SET latest_version = '19.0.2.9.9' WHERE name = 'queue_job';
