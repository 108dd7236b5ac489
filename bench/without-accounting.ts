// Loaded before the server by bench/use-accounting.ts, and by nothing else: a server that keeps no account of uses.
import { UsageRecorder } from '../packages/server/src/usage/recorder.ts'

UsageRecorder.prototype.count = () => undefined
