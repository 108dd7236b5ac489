CREATE TABLE installation (
  id TEXT PRIMARY KEY, version INTEGER NOT NULL, created_at INTEGER NOT NULL, epoch INTEGER NOT NULL, mac TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE project (
  id TEXT PRIMARY KEY, version INTEGER NOT NULL, created_at INTEGER NOT NULL, name TEXT NOT NULL, mac TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE environment (
  id TEXT PRIMARY KEY, version INTEGER NOT NULL, created_at INTEGER NOT NULL,
  project_id TEXT NOT NULL REFERENCES project (id), environment TEXT NOT NULL, policy TEXT, mac TEXT NOT NULL,
  UNIQUE (project_id, environment)
) STRICT, WITHOUT ROWID;

CREATE TABLE owner (
  id TEXT PRIMARY KEY, version INTEGER NOT NULL, created_at INTEGER NOT NULL,
  project_id TEXT NOT NULL REFERENCES project (id), external_id TEXT NOT NULL, name TEXT NOT NULL,
  metadata TEXT, mac TEXT NOT NULL,
  UNIQUE (project_id, external_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE role (
  id TEXT PRIMARY KEY, version INTEGER NOT NULL, created_at INTEGER NOT NULL,
  project_id TEXT NOT NULL REFERENCES project (id), name TEXT NOT NULL, description TEXT NOT NULL,
  permissions TEXT NOT NULL, state TEXT NOT NULL, mac TEXT NOT NULL,
  UNIQUE (project_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE import_source (
  id TEXT PRIMARY KEY, version INTEGER NOT NULL, created_at INTEGER NOT NULL,
  project_id TEXT NOT NULL REFERENCES project (id), environment TEXT NOT NULL, name TEXT NOT NULL,
  algorithm TEXT NOT NULL, lookup TEXT, hashes TEXT NOT NULL, secret TEXT, mac TEXT NOT NULL,
  UNIQUE (project_id, environment, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE api_key (
  id TEXT PRIMARY KEY, version INTEGER NOT NULL, created_at INTEGER NOT NULL,
  kind TEXT NOT NULL, project_id TEXT REFERENCES project (id), environment TEXT, owner_id TEXT REFERENCES owner (id),
  brand TEXT NOT NULL, locator TEXT NOT NULL UNIQUE, name TEXT NOT NULL, permissions TEXT NOT NULL, roles TEXT,
  allowed_addresses TEXT, state TEXT NOT NULL,
  not_before INTEGER, expires_at INTEGER, revoked_at INTEGER, revocation_reason TEXT, versions TEXT NOT NULL,
  rotated_at INTEGER NOT NULL, overlap_until INTEGER, destroy_at INTEGER,
  import_source_id TEXT REFERENCES import_source (id), import_ref TEXT, import_hash TEXT, import_upgraded_in INTEGER,
  mac TEXT NOT NULL
) STRICT, WITHOUT ROWID;
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
  id TEXT PRIMARY KEY, version INTEGER NOT NULL, created_at INTEGER NOT NULL,
  project_id TEXT NOT NULL REFERENCES project (id), environment TEXT, action TEXT NOT NULL,
  query TEXT NOT NULL, parameters TEXT NOT NULL, requested_by TEXT, phase TEXT NOT NULL,
  as_of INTEGER NOT NULL, log_size INTEGER NOT NULL, total INTEGER NOT NULL, changed INTEGER NOT NULL,
  skipped INTEGER NOT NULL, settled INTEGER NOT NULL, kept INTEGER NOT NULL, chunks INTEGER NOT NULL,
  position TEXT, undo_until INTEGER, mac TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX bulk_operation_project ON bulk_operation (project_id, id);
CREATE INDEX bulk_operation_phase ON bulk_operation (phase, undo_until);

CREATE TABLE bulk_chunk (
  id TEXT PRIMARY KEY, version INTEGER NOT NULL, created_at INTEGER NOT NULL,
  operation_id TEXT NOT NULL REFERENCES bulk_operation (id), number INTEGER NOT NULL, items TEXT NOT NULL,
  mac TEXT NOT NULL,
  UNIQUE (operation_id, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit_head (
  id INTEGER PRIMARY KEY CHECK (id = 1), size INTEGER NOT NULL, root TEXT NOT NULL, mac TEXT NOT NULL
) STRICT;

-- What a server process has told about the use of keys; its id is that of its boot.
CREATE TABLE use_emitter (
  id TEXT PRIMARY KEY, version INTEGER NOT NULL, created_at INTEGER NOT NULL,
  node TEXT NOT NULL, state TEXT NOT NULL, last_flush_at INTEGER, closed_at INTEGER,
  batches INTEGER NOT NULL, records INTEGER NOT NULL, dropped INTEGER NOT NULL, mac TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX use_emitter_open ON use_emitter (created_at) WHERE closed_at IS NULL;

-- The records of one batch (protocol/src/use-record.ts), as the leaf of the batch names them.
CREATE TABLE use_segment (
  boot TEXT NOT NULL REFERENCES use_emitter (id), batch_number INTEGER NOT NULL,
  from_at INTEGER NOT NULL, to_at INTEGER NOT NULL, count INTEGER NOT NULL, dropped INTEGER NOT NULL,
  rolled_up INTEGER NOT NULL, bytes BLOB NOT NULL,
  PRIMARY KEY (boot, batch_number)
) STRICT;
CREATE INDEX use_segment_age ON use_segment (to_at);
CREATE INDEX use_segment_waiting ON use_segment (boot, batch_number) WHERE rolled_up = 0;

-- One row at most: the segments that are being added up, and how many of their sums have been.
CREATE TABLE use_roll_up (
  id INTEGER PRIMARY KEY CHECK (id = 1), segments TEXT NOT NULL, done INTEGER NOT NULL
) STRICT;

-- Changes that were asked for with an Idempotency-Key, for a day: what a repetition is answered from.
CREATE TABLE done_request (
  id TEXT NOT NULL PRIMARY KEY, content TEXT NOT NULL, at INTEGER NOT NULL, targets TEXT NOT NULL, mac TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX done_request_age ON done_request (at);

-- By time first: what is counted now lies together, and what is old goes together.
CREATE TABLE use_count (
  subject TEXT NOT NULL, environment TEXT NOT NULL, period TEXT NOT NULL, start_at INTEGER NOT NULL, code TEXT NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (period, start_at, subject, environment, code)
) STRICT, WITHOUT ROWID;

CREATE TABLE key_use (
  key_id TEXT NOT NULL, version_number INTEGER NOT NULL, code TEXT NOT NULL,
  count INTEGER NOT NULL, last_at INTEGER NOT NULL,
  PRIMARY KEY (key_id, version_number, code)
) STRICT, WITHOUT ROWID;

-- Who called with which version while a key had two: whom to tell before the old one ends.
CREATE TABLE key_use_address (
  key_id TEXT NOT NULL, version_number INTEGER NOT NULL, address TEXT NOT NULL,
  count INTEGER NOT NULL, last_at INTEGER NOT NULL,
  PRIMARY KEY (key_id, version_number, address)
) STRICT, WITHOUT ROWID;

CREATE TABLE job_cursor (name TEXT PRIMARY KEY, at INTEGER NOT NULL, after TEXT NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE audit_entry (
  position INTEGER PRIMARY KEY, leaf BLOB NOT NULL, leaf_hash BLOB NOT NULL, action TEXT NOT NULL,
  batch BLOB
) STRICT;
CREATE INDEX audit_entry_action ON audit_entry (action, position);

CREATE TABLE audit_target (
  target_id TEXT NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (target_id, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit_actor (
  actor_id TEXT NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (actor_id, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit_node (
  level INTEGER NOT NULL, idx INTEGER NOT NULL, hash BLOB NOT NULL, PRIMARY KEY (level, idx)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit_checkpoint (size INTEGER PRIMARY KEY, note TEXT NOT NULL) STRICT;

-- Not the guarantee (whoever writes the file can drop them), but they stop a slip of the hand.
CREATE TRIGGER audit_entry_is_final BEFORE UPDATE ON audit_entry BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_entry_stays BEFORE DELETE ON audit_entry BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
