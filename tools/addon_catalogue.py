# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""What a database has of the addon, without its rows: name -> query."""

SCHEMA = {
    "columns": """
        SELECT table_name::text, column_name::text, udt_name::text, is_nullable::text, column_default
          FROM information_schema.columns WHERE table_name LIKE 'queue%'""",
    "indexes": """
        SELECT tablename::text, indexname::text, indexdef FROM pg_indexes
         WHERE tablename LIKE 'queue%'""",
    "constraints": """
        SELECT conrelid::regclass::text, conname::text, pg_get_constraintdef(oid)
          FROM pg_constraint WHERE conrelid::regclass::text LIKE 'queue%'""",
    "references": """
        SELECT conrelid::regclass::text, conname::text, pg_get_constraintdef(oid)
          FROM pg_constraint WHERE confrelid::regclass::text LIKE 'queue%'""",
    "triggers": """
        SELECT tgrelid::regclass::text, tgname::text, pg_get_triggerdef(oid)
          FROM pg_trigger WHERE tgrelid::regclass::text LIKE 'queue%' AND NOT tgisinternal""",
    "functions": """
        SELECT proname::text, pg_get_functiondef(oid), obj_description(oid, 'pg_proc')
          FROM pg_proc WHERE proname LIKE 'queue%'""",
    "views of the database": """
        SELECT viewname::text, definition FROM pg_views WHERE viewname LIKE 'queue%'""",
    "sequences": "SELECT sequencename::text FROM pg_sequences WHERE sequencename LIKE 'queue%'",
    "models": "SELECT model::text FROM ir_model WHERE model LIKE 'queue%'",
    "fields": """
        SELECT model::text, name::text, ttype::text, relation::text, store
          FROM ir_model_fields WHERE model LIKE 'queue%'""",
    "external ids": """
        SELECT model::text, name::text, noupdate FROM ir_model_data WHERE module = 'queue_job'""",
    "constraints of models": """
        SELECT m.model::text, c.name::text, c.type::text
          FROM ir_model_constraint c JOIN ir_model m ON m.id = c.model WHERE m.model LIKE 'queue%'""",
    "access": """
        SELECT a.name::text, m.model::text, a.perm_read, a.perm_write, a.perm_create, a.perm_unlink
          FROM ir_model_access a JOIN ir_model m ON m.id = a.model_id WHERE m.model LIKE 'queue%'""",
    "views": """
        SELECT name, model, priority, regexp_replace(arch_db::text, '[0-9]+', '0', 'g') FROM ir_ui_view
         WHERE model LIKE 'queue%' AND inherit_id IS NULL""",
    "crons": "SELECT cron_name FROM ir_cron WHERE cron_name ILIKE '%queue%'",
}
