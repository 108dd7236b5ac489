/** Epoch milliseconds. The only way that the server tells the time; tests pass a fake one. */
export type Clock = () => number

export const systemClock: Clock = () => Date.now()
