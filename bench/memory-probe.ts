/** Loaded before a server (`--expose-gc --import`): on SIGUSR2 it collects garbage and prints what is left as one JSON line. */
process.on('SIGUSR2', () => {
  const { gc } = globalThis
  // Twice: what finalizers let go in the first round is freed in the second.
  gc?.()
  gc?.()
  const { heapUsed, external, rss } = process.memoryUsage()
  process.stdout.write(`memory ${JSON.stringify({ heapUsed, external, rss })}\n`)
})
