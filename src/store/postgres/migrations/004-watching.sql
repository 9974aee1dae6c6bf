-- Where the trace of the request goes on that made the lead (W3C Trace Context, traceparent); null without tracing.
ALTER TABLE lead ADD COLUMN trace text;

-- How many leads there are in each state, as changes that are added up: to count millions takes seconds, and
-- one row for each state would make every transaction wait for the one before.
CREATE TABLE lead_count (
  state text NOT NULL,
  count bigint NOT NULL
);

INSERT INTO lead_count (state, count) SELECT state, count(*) FROM lead GROUP BY state;

CREATE FUNCTION count_added_leads() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO lead_count (state, count) SELECT state, count(*) FROM added GROUP BY state;
  RETURN NULL;
END $$;

CREATE FUNCTION count_moved_leads() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO lead_count (state, count)
  SELECT state, sum(change) FROM (
    SELECT state, 1 AS change FROM after_move UNION ALL SELECT state, -1 FROM before_move
  ) AS changes
  GROUP BY state HAVING sum(change) <> 0;
  RETURN NULL;
END $$;

CREATE FUNCTION count_removed_leads() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO lead_count (state, count) SELECT state, -count(*) FROM removed GROUP BY state;
  RETURN NULL;
END $$;

CREATE TRIGGER lead_added AFTER INSERT ON lead REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION count_added_leads();
CREATE TRIGGER lead_moved AFTER UPDATE ON lead REFERENCING OLD TABLE AS before_move NEW TABLE AS after_move
  FOR EACH STATEMENT EXECUTE FUNCTION count_moved_leads();
CREATE TRIGGER lead_removed AFTER DELETE ON lead REFERENCING OLD TABLE AS removed
  FOR EACH STATEMENT EXECUTE FUNCTION count_removed_leads();
