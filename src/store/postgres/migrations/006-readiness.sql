-- Each readiness check inserts a row. The fill factor leaves room for one row in a page, so every check needs a new page,
-- as leads do sooner or later, and fails on a full disk. Nothing is updated or deleted; the table is truncated instead.
CREATE TABLE readiness (
  checked_at timestamptz NOT NULL DEFAULT now(),
  padding text NOT NULL DEFAULT repeat(' ', 900)
) WITH (fillfactor = 10, autovacuum_enabled = false);

-- Called by statements that write, if the store has a later migration than their server knows.
CREATE FUNCTION refuse_outdated_server(latest integer, known integer) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'The store has migration %, and this server knows up to %.', latest, known USING ERRCODE = 'LE001';
END $$;

-- Servers up to version 1.2.0 do not look for later migrations. They are known by their application_name, which newer ones do not use, and
-- refused where leads are counted: every statement with which they accept, cancel or deliver leads comes by there.
CREATE FUNCTION refuse_older_server() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'A newer version has migrated the store. Stop this server and start the newer version.';
END $$;

CREATE OR REPLACE FUNCTION count_added_leads() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('application_name') = 'leads' THEN PERFORM refuse_older_server(); END IF;
  INSERT INTO lead_count (state, count) SELECT state, count(*) FROM added GROUP BY state;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION count_moved_leads() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('application_name') = 'leads' THEN PERFORM refuse_older_server(); END IF;
  INSERT INTO lead_count (state, count)
  SELECT state, sum(change) FROM (
    SELECT state, 1 AS change FROM after_move UNION ALL SELECT state, -1 FROM before_move
  ) AS changes
  GROUP BY state HAVING sum(change) <> 0;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION count_removed_leads() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('application_name') = 'leads' THEN PERFORM refuse_older_server(); END IF;
  INSERT INTO lead_count (state, count) SELECT state, -count(*) FROM removed GROUP BY state;
  RETURN NULL;
END $$;
