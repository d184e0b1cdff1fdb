-- The triggers of an earlier version: they tell of channels, and not of etas.
CREATE OR REPLACE FUNCTION queue_job_notify_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('queue_job_channel', channel) FROM inserted WHERE state = 'pending';
    RETURN NULL;
END $$;
COMMENT ON FUNCTION queue_job_notify_inserted() IS 'older';
CREATE OR REPLACE FUNCTION queue_job_notify_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state = 'pending'
       OR OLD.state IN ('pending', 'failed') AND NEW.state IN ('done', 'cancelled') THEN
        PERFORM pg_notify('queue_job_channel', NEW.channel);
    END IF;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION queue_job_notify_changed() IS 'older';
