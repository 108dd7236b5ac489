-- Ids compare by byte, as they do in SQLite: pages and cursors must not depend on the locale of a cluster.
CREATE TABLE installation (
  id text COLLATE "C" PRIMARY KEY, version bigint NOT NULL, created_at bigint NOT NULL, epoch bigint NOT NULL, mac text NOT NULL
);
-- Of several processes that start on an empty database at once, one makes the installation.
CREATE UNIQUE INDEX installation_is_one ON installation ((true));

CREATE TABLE project (
  id text COLLATE "C" PRIMARY KEY, version bigint NOT NULL, created_at bigint NOT NULL, name text NOT NULL, mac text NOT NULL
);

CREATE TABLE environment (
  id text COLLATE "C" PRIMARY KEY, version bigint NOT NULL, created_at bigint NOT NULL,
  project_id text COLLATE "C" NOT NULL REFERENCES project (id), environment text NOT NULL, policy text, mac text NOT NULL,
  UNIQUE (project_id, environment)
);

CREATE TABLE owner (
  id text COLLATE "C" PRIMARY KEY, version bigint NOT NULL, created_at bigint NOT NULL,
  project_id text COLLATE "C" NOT NULL REFERENCES project (id), external_id text COLLATE "C" NOT NULL, name text NOT NULL,
  metadata text, mac text NOT NULL,
  UNIQUE (project_id, external_id)
);

CREATE TABLE role (
  id text COLLATE "C" PRIMARY KEY, version bigint NOT NULL, created_at bigint NOT NULL,
  project_id text COLLATE "C" NOT NULL REFERENCES project (id), name text COLLATE "C" NOT NULL, description text NOT NULL,
  permissions text NOT NULL, state text NOT NULL, mac text NOT NULL,
  UNIQUE (project_id, name)
);

CREATE TABLE import_source (
  id text COLLATE "C" PRIMARY KEY, version bigint NOT NULL, created_at bigint NOT NULL,
  project_id text COLLATE "C" NOT NULL REFERENCES project (id), environment text NOT NULL, name text COLLATE "C" NOT NULL,
  algorithm text NOT NULL, lookup text, hashes text NOT NULL, secret text, mac text NOT NULL,
  UNIQUE (project_id, environment, name)
);

CREATE TABLE api_key (
  id text COLLATE "C" PRIMARY KEY, version bigint NOT NULL, created_at bigint NOT NULL,
  kind text NOT NULL, project_id text COLLATE "C" REFERENCES project (id), environment text,
  owner_id text COLLATE "C" REFERENCES owner (id),
  brand text NOT NULL, locator text COLLATE "C" NOT NULL UNIQUE, name text NOT NULL, permissions text NOT NULL,
  roles text, allowed_addresses text, state text NOT NULL, not_before bigint, expires_at bigint, revoked_at bigint, revocation_reason text,
  versions text NOT NULL, rotated_at bigint NOT NULL, overlap_until bigint, destroy_at bigint,
  import_source_id text COLLATE "C" REFERENCES import_source (id), import_ref text COLLATE "C", import_hash text, import_upgraded_in bigint,
  mac text NOT NULL
);
CREATE UNIQUE INDEX api_key_import ON api_key (import_ref) WHERE import_ref IS NOT NULL;
CREATE INDEX api_key_project ON api_key (project_id, id);
CREATE INDEX api_key_place ON api_key (project_id, environment, id);
CREATE INDEX api_key_root ON api_key (id) WHERE kind = 'root';
CREATE INDEX api_key_suspended ON api_key (project_id, id) WHERE state = 'suspended';
CREATE INDEX api_key_deactivated ON api_key (project_id, id) WHERE state = 'deactivated';
CREATE INDEX api_key_compromised ON api_key (project_id, id) WHERE state = 'compromised';
CREATE INDEX api_key_destroyed ON api_key (project_id, id) WHERE state = 'destroyed';
CREATE INDEX api_key_owner ON api_key (owner_id, id);
CREATE INDEX api_key_rotated ON api_key (project_id, environment, rotated_at, id);
CREATE INDEX api_key_overlap ON api_key (overlap_until, id) WHERE overlap_until IS NOT NULL;
CREATE INDEX api_key_destroy ON api_key (destroy_at) WHERE destroy_at IS NOT NULL;

CREATE TABLE bulk_operation (
  id text COLLATE "C" PRIMARY KEY, version bigint NOT NULL, created_at bigint NOT NULL,
  project_id text COLLATE "C" NOT NULL REFERENCES project (id), environment text, action text NOT NULL,
  query text NOT NULL, parameters text NOT NULL, requested_by text, phase text COLLATE "C" NOT NULL,
  as_of bigint NOT NULL, log_size bigint NOT NULL, total bigint NOT NULL, changed bigint NOT NULL,
  skipped bigint NOT NULL, settled bigint NOT NULL, kept bigint NOT NULL, chunks bigint NOT NULL,
  position text, undo_until bigint, mac text NOT NULL
);
CREATE INDEX bulk_operation_project ON bulk_operation (project_id, id);
CREATE INDEX bulk_operation_phase ON bulk_operation (phase, undo_until);

CREATE TABLE bulk_chunk (
  id text COLLATE "C" PRIMARY KEY, version bigint NOT NULL, created_at bigint NOT NULL,
  operation_id text COLLATE "C" NOT NULL REFERENCES bulk_operation (id), number bigint NOT NULL, items text NOT NULL,
  mac text NOT NULL,
  UNIQUE (operation_id, number)
);

CREATE TABLE audit_head (
  id bigint PRIMARY KEY CHECK (id = 1), size bigint NOT NULL, root text NOT NULL, mac text NOT NULL
);

-- What a server process has told about the use of keys; its id is that of its boot.
CREATE TABLE use_emitter (
  id text COLLATE "C" PRIMARY KEY, version bigint NOT NULL, created_at bigint NOT NULL,
  node text NOT NULL, state text NOT NULL, last_flush_at bigint, closed_at bigint,
  batches bigint NOT NULL, records bigint NOT NULL, dropped bigint NOT NULL, mac text NOT NULL
);
CREATE INDEX use_emitter_open ON use_emitter (created_at) WHERE closed_at IS NULL;

-- The records of one batch (protocol/src/use-record.ts), as the leaf of the batch names them.
CREATE TABLE use_segment (
  boot text COLLATE "C" NOT NULL REFERENCES use_emitter (id), batch_number bigint NOT NULL,
  from_at bigint NOT NULL, to_at bigint NOT NULL, count bigint NOT NULL, dropped bigint NOT NULL,
  rolled_up bigint NOT NULL, bytes bytea NOT NULL,
  PRIMARY KEY (boot, batch_number)
);
CREATE INDEX use_segment_age ON use_segment (to_at);
CREATE INDEX use_segment_waiting ON use_segment (boot, batch_number) WHERE rolled_up = 0;

-- One row at most: the segments that are being added up, and how many of their sums have been.
CREATE TABLE use_roll_up (
  id bigint PRIMARY KEY CHECK (id = 1), segments text NOT NULL, done bigint NOT NULL
);

-- Changes that were asked for with an Idempotency-Key, for a day: what a repetition is answered from.
CREATE TABLE done_request (
  id text COLLATE "C" PRIMARY KEY, content text COLLATE "C" NOT NULL, at bigint NOT NULL, targets text COLLATE "C" NOT NULL, mac text COLLATE "C" NOT NULL
);
CREATE INDEX done_request_age ON done_request (at);

-- By time first: what is counted now lies together, and what is old goes together.
CREATE TABLE use_count (
  subject text COLLATE "C" NOT NULL, environment text COLLATE "C" NOT NULL, period text COLLATE "C" NOT NULL,
  start_at bigint NOT NULL, code text COLLATE "C" NOT NULL, count bigint NOT NULL,
  PRIMARY KEY (period, start_at, subject, environment, code)
);

CREATE TABLE key_use (
  key_id text COLLATE "C" NOT NULL, version_number bigint NOT NULL, code text COLLATE "C" NOT NULL,
  count bigint NOT NULL, last_at bigint NOT NULL,
  PRIMARY KEY (key_id, version_number, code)
);

-- Who called with which version while a key had two: whom to tell before the old one ends.
CREATE TABLE key_use_address (
  key_id text COLLATE "C" NOT NULL, version_number bigint NOT NULL, address text COLLATE "C" NOT NULL,
  count bigint NOT NULL, last_at bigint NOT NULL,
  PRIMARY KEY (key_id, version_number, address)
);

CREATE TABLE job_cursor (name text COLLATE "C" PRIMARY KEY, at bigint NOT NULL, after text NOT NULL);

CREATE TABLE audit_entry (
  position bigint PRIMARY KEY, leaf bytea NOT NULL, leaf_hash bytea NOT NULL, action text COLLATE "C" NOT NULL,
  batch bytea
);
CREATE INDEX audit_entry_action ON audit_entry (action, position);
-- A change whose COMMIT was not answered is looked for by its leaf.
CREATE INDEX audit_entry_hash ON audit_entry (leaf_hash);

CREATE TABLE audit_target (
  target_id text COLLATE "C" NOT NULL, position bigint NOT NULL, PRIMARY KEY (target_id, position)
);

CREATE TABLE audit_actor (
  actor_id text COLLATE "C" NOT NULL, position bigint NOT NULL, PRIMARY KEY (actor_id, position)
);

CREATE TABLE audit_node (
  level bigint NOT NULL, idx bigint NOT NULL, hash bytea NOT NULL, PRIMARY KEY (level, idx)
);

CREATE TABLE audit_checkpoint (size bigint PRIMARY KEY, note text NOT NULL);

-- Leaves of committed changes that have no position yet. `n` orders the leaves of one object, since it is drawn after the
-- object's row is locked; it is no position, since numbers are lost and become visible out of order.
CREATE TABLE audit_pending (
  n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, leaf bytea NOT NULL, leaf_hash bytea NOT NULL UNIQUE,
  action text COLLATE "C" NOT NULL, batch bytea, refused text
);

-- One row: which process gives out positions, and until when by the clock of the database.
CREATE TABLE audit_lease (
  id bigint PRIMARY KEY CHECK (id = 1), holder text NOT NULL, until timestamptz NOT NULL
);
INSERT INTO audit_lease VALUES (1, '', 'epoch');

-- Not the guarantee (whoever owns the tables can drop them), but they stop a slip of the hand.
CREATE FUNCTION audit_entry_is_append_only() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$;
CREATE TRIGGER audit_entry_is_final BEFORE UPDATE ON audit_entry FOR EACH ROW EXECUTE FUNCTION audit_entry_is_append_only();
CREATE TRIGGER audit_entry_stays BEFORE DELETE OR TRUNCATE ON audit_entry FOR EACH STATEMENT EXECUTE FUNCTION audit_entry_is_append_only();
