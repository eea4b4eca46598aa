/** Clocks of two processes may be this far apart; added to every window of the protocol. Milliseconds. */
export const CLOCK_TOLERANCE = 5000
