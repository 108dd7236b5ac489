import type { TestContext } from 'node:test'
import { closeOnce, FakeClock, testIntegrity } from '../../world.test-support.ts'
import { storeContract, type Opened } from '../contract.ts'
import { asSuperuser, temporaryDatabase } from './database.test-support.ts'
import { openPostgres } from './open.ts'
import { openPostgresStore } from './store.ts'

async function open(t: TestContext): Promise<Opened | null> {
  const url = await temporaryDatabase(t)
  if (url === null) return null
  const { read: clock } = new FakeClock()
  const database = await openPostgres(url)
  const store = await openPostgresStore({ database, integrity: testIntegrity(clock), clock, holder: 'test' })
  t.after(() => closeOnce(store))
  return { store, breakCommits: async () => breakCommits(url) }
}

/** A deferred trigger that fails: PostgreSQL finds out at COMMIT, and only then. */
async function breakCommits(url: string): Promise<() => Promise<void>> {
  await asSuperuser(
    url,
    `CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;
     CREATE CONSTRAINT TRIGGER break_commit AFTER INSERT ON audit_pending DEFERRABLE INITIALLY DEFERRED
       FOR EACH ROW EXECUTE FUNCTION fail()`,
  )
  return async () => {
    await asSuperuser(url, 'DROP FUNCTION fail CASCADE')
  }
}

storeContract('postgres', open)
